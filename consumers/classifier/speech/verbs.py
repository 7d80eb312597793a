"""Verbs of saying in English and Spanish, by every form that news uses. Pure but for its file."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Flag, auto
from importlib.resources import files


class Use(Flag):
    """How a form is built into a sentence."""

    SAY = auto()
    """Stands by a quote, after a clause, or before "that" / "que"."""
    BARE = auto()
    """Its clause may follow without "that"."""
    JUDGE = auto()
    """Takes a quote as part of its object: to call, praise, condemn, credit."""
    ASK = auto()
    """Takes "to" and an infinitive, or «que»: to urge, pedir."""
    AFTER_AUXILIARY = auto()
    """A participle: speaks only after "has" or «ha»."""
    NO_SUBJECT = auto()
    """A gerund or infinitive: its speaker is the sentence's."""
    NOUN_TOO = auto()
    """Also a noun or adjective: wants a subject of its own beside it."""
    LATE = auto()
    """Speaks only beside a quote or before «que»: many other meanings."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One form: its uses and whether one or many speak (none: either)."""

    use: Use
    plural: bool | None = None


_FILE: dict[str, dict[str, str]] = tomllib.loads((files(__package__) / "verbs.toml").read_text(encoding="utf-8"))
_USES = {"say_bare": Use.SAY | Use.BARE, "say": Use.SAY, "judge": Use.JUDGE, "ask": Use.ASK}
_NONE = Use(0)


def _entries(language: str) -> Iterator[tuple[Use, str, str, str]]:
    """Each use, the lemma, and what the file says of its irregular forms."""
    table = _FILE[language]
    late = set(table["late"].split())
    for name, use in _USES.items():
        for entry in table.get(name, "").split():
            lemma, one, two = [*entry.split(":"), "", ""][:3]
            yield use | (Use.LATE if lemma in late else _NONE), lemma, one, two


def _english_past(verb: str) -> str:
    if verb.endswith("e"):
        return verb + "d"
    return (verb[:-1] + "ied") if verb.endswith("y") and verb[-2] not in "aeiou" else verb + "ed"


def _english_third(verb: str) -> str:
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("s", "sh", "ch", "x")) else "s")


def _plain(word: str) -> str:
    return word.translate(str.maketrans("áéíóúüñ", "aeiouun"))


def _merge(table: dict[str, Verb], form: str, use: Use, plural: bool | None) -> None:
    form = _plain(form)
    known = table.get(form)
    table[form] = Verb(use | (known.use if known else Use(0)), plural if known is None else known.plural)


def _english() -> dict[str, Verb]:
    table: dict[str, Verb] = {}
    nouns = set(_FILE["english"]["noun_too"].split())
    for use, lemma, past, participle in _entries("english"):
        noun = Use.NOUN_TOO if lemma in nouns else _NONE
        past = past or _english_past(lemma)
        _merge(table, _english_third(lemma), use | noun, None)
        _merge(table, past, use, None)
        _merge(table, lemma, use | noun, True)
        if participle and participle != past:
            _merge(table, participle, use | Use.AFTER_AUXILIARY, None)
        gerund = lemma.removesuffix("e") + ("ting" if lemma == "admit" else "ing")
        _merge(table, gerund, use | noun | Use.NO_SUBJECT, None)
    return table


def _spanish() -> dict[str, Verb]:
    table: dict[str, Verb] = {}
    nouns = set(_FILE["spanish"]["noun_too"].split())
    for use, lemma, present, past in _entries("spanish"):
        stem, ar = lemma[:-2], lemma.endswith("ar")
        present = present or stem + ("a" if ar else "e")
        past = past or stem + ("ó" if ar else "ió")
        imperfect = stem + ("aba" if ar else "ía")
        _merge(table, present, use | (Use.NOUN_TOO if present in nouns else _NONE), False)
        _merge(table, past, use, False)
        _merge(table, imperfect, use, False)
        for many in (present + "n", _past_of_many(lemma, past), imperfect + "n"):
            _merge(table, many, use, True)
        participle = _PARTICIPLES.get(lemma, stem + ("ado" if ar else "ido"))
        _merge(table, participle, use | Use.AFTER_AUXILIARY, None)
        changed = past[:-2] if lemma.endswith("ir") and past.endswith("ió") else stem
        gerund = "diciendo" if lemma == "decir" else changed + ("ando" if ar else "iendo")
        _merge(table, gerund, use | Use.NO_SUBJECT, None)
        _merge(table, lemma, use | Use.NO_SUBJECT, None)
    return table


_PARTICIPLES = {
    "decir": "dicho", "escribir": "escrito", "exponer": "expuesto", "describir": "descrito", "proponer": "propuesto",
    "hacer": "hecho", "resolver": "resuelto", "prever": "previsto",
}  # fmt: skip


def _past_of_many(lemma: str, past: str) -> str:
    if lemma.endswith("ar"):
        return lemma[:-1] + "ron"
    if lemma == "decir":
        return "dijeron"
    return past[:-1] + ("eron" if past.endswith(("yó", "ió")) else "ieron")


ENGLISH: dict[str, Verb] = _english()
SPANISH: dict[str, Verb] = _spanish()
