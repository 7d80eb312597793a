"""The names of the beat as the package's file has them, ready to be looked up word by word."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from consumers.classifier.speech.tokens import Kind, Token, tokens
from schemas.classification import EntityKind

WORDS_MOST = 14
"""Of a name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Someone or something public: its id, kind, the names to show by language, and Wikidata's id where it is sure."""

    id: str
    kind: EntityKind
    names: Mapping[str, str]
    wikidata: str | None
    near: frozenset[str]

    def name(self, language: str) -> str:
        """How a reader of the language knows it."""
        return self.names.get(language) or next(iter(self.names.values()))


@dataclass(frozen=True, slots=True)
class Alias:
    """One way to write an entry: the folded words, how each must be cased, which end in "'s",
    and whether it needs company to be believed."""

    entry: Entry
    words: tuple[str, ...]
    cases: tuple[str, ...]
    possessive: tuple[bool, ...]
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """All entries by id, and their aliases by first word, the longest first."""

    entries: Mapping[str, Entry]
    aliases: Mapping[str, Sequence[Alias]]


def key(token: Token) -> str:
    """The word as names are compared: folded, without dots and without "'s"."""
    return token.fold.removesuffix("'s").replace(".", "")


def case(word: str) -> str:
    """`lower` when any will do, `upper` for an acronym, `title` when a capital must begin it."""
    letters = [c for c in word if c.isalpha()]
    if not letters or not word[0].isupper():
        return "lower"
    return "upper" if len(letters) > 1 and all(c.isupper() for c in letters) else "title"


@cache
def gazetteer() -> Gazetteer:
    """The one that is shipped. Raises ValueError, naming the entry, when the file contradicts itself."""
    text = (files(__package__) / "gazetteer.toml").read_text(encoding="utf-8")
    return read(text)


def read(text: str) -> Gazetteer:
    """A gazetteer from TOML: a table for each kind, in it an entry a line; its first name in a language is shown.

    `en`, `es`: names; `both`: names in either language; `unsure`: names that count only in company (a sure name of the
    entry elsewhere, a title before it, or a word of `near` close by); `wikidata`.
    """
    entries: dict[str, Entry] = {}
    aliases: dict[str, list[Alias]] = {}
    owners: dict[tuple[tuple[str, ...], tuple[str, ...]], str] = {}
    for kind, rows in tomllib.loads(text).items():
        for entry_id, row in rows.items():
            both = row.get("both", [])
            names = {language: names[0] for language in ("en", "es") if (names := [*row.get(language, []), *both])}
            if entry_id in entries or not names:
                raise ValueError(f"{entry_id}: " + ("named twice" if entry_id in entries else "has no name"))
            near = frozenset(key(t) for word in row.get("near", []) for t in tokens(word))
            entry = Entry(entry_id, EntityKind(kind), names, row.get("wikidata"), near)
            entries[entry_id] = entry
            sure = [*row.get("en", []), *row.get("es", []), *both]
            for name, unsure in [(n, False) for n in sure] + [(n, True) for n in row.get("unsure", [])]:
                alias = _alias(entry, name, unsure=unsure)
                owner = owners.setdefault((alias.words, alias.cases), entry_id)
                if owner != entry_id and not unsure:
                    raise ValueError(f"{entry_id}: {name!r} is {owner}'s")
                aliases.setdefault(alias.words[0], []).append(alias)
    ordered = {first: sorted(found, key=lambda a: -len(a.words)) for first, found in aliases.items()}
    return Gazetteer(entries, ordered)


def _alias(entry: Entry, name: str, *, unsure: bool) -> Alias:
    words = [t for t in tokens(name) if t.kind is Kind.WORD]
    if not words or len(words) > WORDS_MOST:
        raise ValueError(f"{entry.id}: {name!r} is no name")
    cases = tuple(case(t.text.removesuffix("'s")) for t in words)
    return Alias(entry, tuple(key(t) for t in words), cases, tuple(t.fold.endswith("'s") for t in words), unsure)
