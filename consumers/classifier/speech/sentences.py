"""Tokens to sentences, a quote counting as one word. Pure; linear."""

from collections.abc import Iterator, Sequence

from consumers.classifier.speech.nouns import CONJUNCTIONS, DETERMINERS, PREPOSITIONS, PRONOUN_EN, PRONOUN_ES
from consumers.classifier.speech.tokens import Kind, Token

TOKENS_MOST = 250
"""What is longer is no sentence, and is cut."""

ENDS = frozenset(".?!…")
OPENINGS = frozenset("¿¡—–-(*•")
STARTERS = DETERMINERS | CONJUNCTIONS | PREPOSITIONS | PRONOUN_EN | PRONOUN_ES


def sentences(tokens: Sequence[Token], verbs: frozenset[str]) -> Iterator[tuple[int, Sequence[Token]]]:
    """The tokens of each sentence with its paragraph's number; `verbs` are those that may follow a quoted question."""
    begin, paragraph = 0, 0
    for at, token in enumerate(tokens):
        if token.kind is Kind.BREAK:
            if at > begin:
                yield paragraph, tokens[begin:at]
            begin, paragraph = at + 1, paragraph + 1
        elif at - begin >= TOKENS_MOST or _ends(tokens, at, verbs):
            yield paragraph, tokens[begin : at + 1]
            begin = at + 1
    if begin < len(tokens):
        yield paragraph, tokens[begin:]


def _ends(tokens: Sequence[Token], at: int, verbs: frozenset[str]) -> bool:
    token = tokens[at]
    following = tokens[at + 1] if at + 1 < len(tokens) else None
    if following is None or following.start == token.end:
        return False
    opens = following.kind is Kind.QUOTE or following.text in OPENINGS or not following.text[:1].islower()
    if not opens or (following.kind is Kind.MARK and following.text not in OPENINGS):
        return False
    if token.kind is Kind.QUOTE:
        last = token.text[-1:]
        if last not in ENDS or following.kind is Kind.QUOTE:
            return False
        return last == "." or not any(t.fold in verbs for t in _clause(tokens, at + 1))
    if token.text not in ENDS:
        return False
    before = tokens[at - 1] if at else token
    short = "." in before.text or (len(before.text) == 1 and before.text.isupper())
    if token.text == "." and before.end == token.start and before.kind is Kind.WORD and short:
        return following.fold in STARTERS
    return True


def _clause(tokens: Sequence[Token], at: int) -> Iterator[Token]:
    for token in tokens[at : at + 9]:
        if token.kind is not Kind.WORD:
            return
        yield token
