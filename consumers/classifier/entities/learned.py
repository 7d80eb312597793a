"""Names that the gazetteer does not have, learned from the piece itself: what recurs with a capital. Pure; linear."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from consumers.classifier.entities.gazetteer import key
from consumers.classifier.speech import nouns
from consumers.classifier.speech.tokens import Kind, Token

OFTEN = 2
"""Times that a name must be written in a piece to be learned."""
WORDS_MOST = 7
BETWEEN = frozenset({"of", "the", "for", "and", "de", "del", "la", "las", "los", "el", "y", "para"})
NEVER = (
    nouns.TIMES
    | nouns.DETERMINERS
    | nouns.PREPOSITIONS
    | nouns.CONJUNCTIONS
    | nouns.PRONOUN_EN
    | nouns.PRONOUN_ES
    | nouns.PEOPLE_EN
    | nouns.PEOPLE_ES
    | nouns.GIVEN_TITLES
    | nouns.PLURAL_EN
    | nouns.QUESTIONS
    | nouns.OPENERS
    | nouns.NATIONS
)
"""By which no name begins."""
NEVER_ALONE = nouns.BODIES | nouns.PAPERS


@dataclass(frozen=True, slots=True)
class Learned:
    """A name as the piece writes it most fully, and where: `text[start:end]`."""

    key: str
    name: str
    places: tuple[tuple[int, int], ...]


def learned(text: str, words: Sequence[Token], taken: Sequence[tuple[int, int]]) -> list[Learned]:
    """Names of at least two mentions, none of them in `taken`; a last word alone counts for the fuller name."""
    runs = list(_runs(text, words, taken))
    full: dict[str, tuple[str, ...] | None] = {}
    for folds, _, _, _ in runs:
        if len(folds) > 1:
            known = full.setdefault(folds[-1], folds)
            full[folds[-1]] = folds if known == folds else None
    places: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    inside: set[tuple[str, ...]] = set()
    for folds, start, end, opens in runs:
        whole = full.get(folds[0]) if len(folds) == 1 else None
        name = whole or folds
        places.setdefault(name, []).append((start, end))
        if not opens or len(folds) > 1:
            inside.add(name)
    found = []
    for folds, own in places.items():
        if len(own) >= OFTEN and folds in inside:
            start, end = max(own, key=lambda p: p[1] - p[0])
            found.append(Learned("-".join(folds), " ".join(text[start:end].split()), tuple(own)))
    return found


def _runs(
    text: str, words: Sequence[Token], taken: Sequence[tuple[int, int]]
) -> Iterator[tuple[tuple[str, ...], int, int, bool]]:
    """Stretches of capitalised words: their folded words, place, and whether they open a sentence."""
    covered = iter([*taken, (len(text) + 1, len(text) + 1)])
    block = next(covered)
    at = 0
    while at < len(words):
        token = words[at]
        while block[1] <= token.start:
            block = next(covered)
        if not _may_begin(token) or token.end > block[0]:
            at += 1
            continue
        end = last = at + 1
        while end < len(words) and end - at < WORDS_MOST and words[end].end <= block[0]:
            gap = text[words[end - 1].end : words[end].start]
            if gap.strip(" -") or len(gap) > 1:
                break
            if words[end].capital:
                last = end + 1
            elif key(words[end]) not in BETWEEN:
                break
            end += 1
        run = words[at:last]
        closing = run[-1]
        stop = closing.end - (2 if closing.fold.endswith("'s") else 0)
        opens = not text[max(0, token.start - 2) : token.start].strip(" \n") or (
            text[max(0, token.start - 2) : token.start].strip(" \n")[-1] in ".!?…“”«»\"'—–:¿¡"
        )
        if len(run) > 1 or (len(token.text) > 2 and key(token) not in NEVER_ALONE):
            yield tuple(key(t) for t in run), token.start, stop, opens
        at = last


def _may_begin(token: Token) -> bool:
    return token.kind is Kind.WORD and token.capital and key(token) not in NEVER
