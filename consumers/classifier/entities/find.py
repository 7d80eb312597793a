"""The entities that a text names, each with its places. Pure; linear in the text's length."""

from collections.abc import Sequence
from dataclasses import dataclass

from consumers.classifier.entities.gazetteer import Alias, Entry, Gazetteer, case, gazetteer, key
from consumers.classifier.speech import nouns
from consumers.classifier.speech.tokens import Kind, Token, tokens
from schemas.classification import EntityKind

JOINS_MOST = 3
"""Characters between two words of one name: a space, a dot and a space, a hyphen."""
NEAR = 12
"""Words to either side in which an unsure name's company is looked for."""
TITLE_WITHIN = 4
ALSO_WORDS = frozenset({"us", "ice"})
"""Acronyms that shouted text writes as common words."""
OFFICES = (
    nouns.PEOPLE_EN | nouns.PEOPLE_ES | nouns.GIVEN_TITLES | nouns.OFFICE_WORDS | nouns.DETERMINERS | nouns.PREPOSITIONS
)


@dataclass(frozen=True, slots=True)
class Found:
    """`text[start:end]` names the entry."""

    entry: Entry
    start: int
    end: int
    unsure: bool = False


def find(text: str, *, names: Gazetteer | None = None) -> list[Found]:
    """Every mention of a known entity, in order, the longest name at each place; none overlap.

    Names are compared without accents and by whole words; one that has capitals must be written with them, an acronym
    in capitals throughout ("ICE" is not "ice"). Unsure ones count only in company, see `gazetteer.read`.
    """
    words = [t for t in tokens(text) if t.kind is Kind.WORD]
    return in_words(text, words, names or gazetteer())


def in_words(text: str, words: Sequence[Token], names: Gazetteer) -> list[Found]:
    """As `find`, over the text's words."""
    keys = [key(t) for t in words]
    found: list[tuple[int, int, Alias]] = []
    at = 0
    while at < len(words):
        alias = _longest(text, words, keys, at, names)
        if alias is None:
            at += 1
            continue
        found.append((at, at + len(alias.words), alias))
        at += len(alias.words)
    sure = {alias.entry.id for _, _, alias in found if not alias.unsure}
    kept: list[Found] = []
    for begin, end, alias in found:
        if not alias.unsure or alias.entry.id in sure or _in_company(words, keys, begin, end, alias):
            last = words[end - 1]
            kept.append(Found(alias.entry, words[begin].start, last.end - _possessive(last), alias.unsure))
    return kept


def _possessive(token: Token) -> int:
    return 2 if token.fold.endswith("'s") else 0


def _longest(text: str, words: Sequence[Token], keys: Sequence[str], at: int, names: Gazetteer) -> Alias | None:
    for alias in names.aliases.get(keys[at], ()):
        end = at + len(alias.words)
        if tuple(keys[at:end]) != alias.words:
            continue
        if not all(_cased(token, how) for token, how in zip(words[at:end], alias.cases, strict=True)):
            continue
        if any(not _adjoin(text, a, b) for a, b in zip(words[at:end], words[at + 1 : end], strict=False)):
            continue
        if any(_possessive(t) for t in words[at : end - 1]) and not any(alias.possessive):
            continue
        if _other_name(text, words, at, end, alias) or _shouted(words, at, end, alias):
            continue
        return alias
    return None


def _cased(token: Token, how: str) -> bool:
    if how == "lower":
        return True
    own = case(token.text[: len(token.text) - _possessive(token)])
    return own == "upper" if how == "upper" else own in {"title", "upper"}


def _adjoin(text: str, a: Token, b: Token) -> bool:
    between = text[a.end : b.start]
    return len(between) <= JOINS_MOST and between.count("\n") < 2 and all(c in " .,-\u00a0\n" for c in between)


def _other_name(text: str, words: Sequence[Token], at: int, end: int, alias: Alias) -> bool:
    """Whether a surname belongs to somebody else: "Ana Rubio" is not the one meant by "Rubio"."""
    if alias.entry.kind is not EntityKind.PERSON or len(alias.words) > 1:
        return False
    before = words[at - 1] if at else None
    if before is not None and before.capital and _adjoin(text, before, words[at]):
        first = before.acronym or key(before) in OFFICES or before.fold.endswith("'s")
        if not first and not _opens_sentence(text, before):
            return True
    after = words[end] if end < len(words) else None
    joined = after is not None and after.capital and not after.acronym and text[words[end - 1].end : after.start] == " "
    return alias.unsure and joined and key(after) not in OFFICES if after is not None else False


def _opens_sentence(text: str, token: Token) -> bool:
    before = text[max(0, token.start - 3) : token.start].strip()
    return not before or before[-1] in ".!?…“”«»\"'—–:¿¡"


def _shouted(words: Sequence[Token], at: int, end: int, alias: Alias) -> bool:
    if len(alias.words) > 1 or alias.words[0] not in ALSO_WORDS or "." in words[at].text:
        return False
    around = [*words[max(0, at - 1) : at], *words[end : end + 1]]
    return bool(around) and all(t.acronym for t in around)


def _in_company(words: Sequence[Token], keys: Sequence[str], begin: int, end: int, alias: Alias) -> bool:
    if alias.entry.kind is EntityKind.PERSON and any(
        k in OFFICES - nouns.DETERMINERS - nouns.PREPOSITIONS for k in keys[max(0, begin - TITLE_WITHIN) : begin]
    ):
        return True
    near = alias.entry.near
    return bool(near) and any(k in near for k in (*keys[max(0, begin - NEAR) : begin], *keys[end : end + NEAR]))
