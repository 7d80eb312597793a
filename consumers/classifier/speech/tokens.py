"""A text as words, quotes and marks, each with its place. Pure, and linear in the text's length."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

INVISIBLE = "\u00ad\u200b-\u200f\u2060-\u2064\ufeff"
INSIDE = f"[^\\W_]|[\u0300-\u036f{INVISIBLE}]"
"""What a word is made of: letters and figures, accents written apart, and what hides between them."""

WORD = re.compile(
    rf"(?:[^\W\d_]\.){{2,}}"
    rf"|(?:[^\W_])(?:{INSIDE})*(?:[.'’\-&](?=[^\W_])(?:{INSIDE})+)*"
    r"|[$€£%]+|\n\s*|[^\w\s]|_"
)
FOLDED_MOST = 64
"""No word is longer; what is, is compared by its beginning."""

ABBREVIATIONS = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "dr",
        "prof",
        "sen",
        "sens",
        "rep",
        "reps",
        "gov",
        "gen",
        "col",
        "lt",
        "sgt",
        "capt",
        "cmdr",
        "adm",
        "rev",
        "hon",
        "supt",
        "st",
        "sr",
        "sra",
        "sres",
        "sras",
        "srta",
        "dra",
        "lic",
        "licda",
        "ing",
        "gral",
        "cnel",
        "cap",
        "mons",
        "pbro",
        "arq",
        "jr",
    ]
)
"""Titles before a name, whose dot ends no sentence."""


class Kind(Enum):
    """What a token is."""

    WORD = auto()
    QUOTE = auto()
    MARK = auto()
    BREAK = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """`text[start:end]`; `fold` is the word in lower case without accents, or the mark itself."""

    kind: Kind
    start: int
    end: int
    text: str
    fold: str
    inner: int = -1
    """Of a quote: where its words begin."""

    @property
    def capital(self) -> bool:
        """Whether it is written as a name is: "Hill", "FMLN", "d'Aubuisson" is not."""
        return self.kind is Kind.WORD and self.text[:1].isupper()

    @property
    def acronym(self) -> bool:
        """Whether all its letters are capitals, two at least: "ICE", "U.S."."""
        letters = [c for c in self.text if c.isalpha()]
        return len(letters) > 1 and all(c.isupper() for c in letters)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Quoted words: `start` and `end` without the marks, `outer_start` and `outer_end` with them."""

    start: int
    end: int
    outer_start: int
    outer_end: int
    goes_on: bool = False
    """Whether the quote is not closed here but opened again in the paragraph that follows."""


@lru_cache(maxsize=20_000)
def fold(word: str) -> str:
    """Lower case without accents and invisible characters; "’" as "'"."""
    plain = unicodedata.normalize("NFKD", word[:FOLDED_MOST])
    kept = "".join(c for c in plain if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    return kept.casefold().replace("’", "'")


def tokens(text: str, stretches: Sequence[Stretch] = ()) -> list[Token]:
    """The text's tokens; a quote is one token, its words are not looked into."""
    found: list[Token] = []
    here = 0
    for stretch in stretches:
        found += _plain(text, here, stretch.outer_start)
        found.append(
            Token(
                Kind.QUOTE,
                stretch.outer_start,
                stretch.outer_end,
                text[stretch.start : stretch.end],
                "“”",
                stretch.start,
            )
        )
        here = stretch.outer_end
    return found + _plain(text, here, len(text))


def _plain(text: str, start: int, end: int) -> list[Token]:
    found: list[Token] = []
    for match in WORD.finditer(text, start, end):
        a, b = match.span()
        part = match.group()
        if part[0] == "\n":
            found.append(Token(Kind.BREAK, a, b, "\n", "\n"))
        elif part[0].isalnum():
            folded = fold(part)
            if folded in ABBREVIATIONS and text[b : b + 1] == ".":
                b += 1  # the dot is matched again as a mark, and dropped below
            found.append(Token(Kind.WORD, a, b, text[a:b], folded))
        elif not (part == "." and found and found[-1].end == b):
            found.append(Token(Kind.MARK, a, b, part, part))
    return found
