"""Text to passages: one to three consecutive sentences, each exactly a slice of the text. Pure.

Rules rather than a model: they must give the same passages for ever, in two languages, at no cost.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

SENTENCES_MOST = 3
WORDS_AIM = 55
WORDS_MOST = 90
PASSAGES_MOST = 400
"""Of one text: about 20,000 words. What comes after is not read."""

BULLET = re.compile(r"[-*•·‣▪◦●○■]\s|\(?\d{1,2}[.)]\s|\|")
LINE = re.compile(r"[^\n\r\v\f\x85\u2028\u2029]+")
OPENING = "¿¡\"'«“‘(\\[—–"
END = re.compile(rf"(?:[.!?…]+)[\"'»”’)\]]*(?=\s+[{OPENING}]*[^\W_])")
WORD = re.compile(r"\S{1,300}")
QUOTES = {"«": "»", "“": "”"}
LETTER = re.compile(r"[^\W\d_]")

ALWAYS_SHORT = re.compile(
    r"mr|mrs|ms|dr|prof|sen|sens|rep|reps|gov|gen|col|lt|sgt|cpt|capt|cmdr|adm|rev|hon|pres|supt|st|mt|ft|vs|"
    r"jan|feb|mar|apr|jun|jul|aug|sept|oct|nov|dec|sr|sra|sres|sras|srta|dra|lic|licda|ing|gral|cnel|cap|tte|"
    r"arq|mons|pbro|ud|uds|vd|vds|av|avda|ee|fco|ma|ign|aprox|cf|vol|ed"
)
"""Abbreviations that never end a sentence."""

BEFORE_FIGURES = re.compile(r"no|nos|nr|núm|num|nums|art|arts|pág|págs|pag|p|pp|fig|sec|cap|inc|lit|par|vol|§|n")
"""Abbreviations when a figure follows; otherwise words of their own."""

STARTERS = re.compile(
    r"the|a|an|he|she|it|they|we|i|you|but|and|in|on|at|for|from|with|this|that|these|those|there|if|as|when|"
    r"while|after|before|since|his|her|its|their|our|so|yet|however|meanwhile|el|la|los|las|un|una|unos|unas|"
    r"lo|él|ella|ellos|ellas|pero|y|en|por|para|con|desde|según|como|cuando|mientras|tras|este|esta|estos|"
    r"estas|ese|esa|eso|esto|además|también|sin|no|si|su|sus|al|ante|aunque|hasta|entre"
)
"""Words that open a sentence after an acronym such as U.S. or EE. UU."""


@dataclass(frozen=True)
class Span:
    """A slice of the text."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """The slice."""
        return text[self.start : self.end]


@dataclass(frozen=True)
class _Unit:
    """A sentence, a list item or a table row; `joins` when it may share a passage with the one before it."""

    start: int
    end: int
    words: int
    joins: bool


def passages(text: str) -> list[Span]:
    """The passages of `text`, in order, without overlap; `text[start:end]` is the passage, its ends are no white space.

    One to three sentences, within a paragraph or a list, of about 55 words and never more than 90 (a longer sentence is
    cut at a clause). Text without letters is in none. At most 400.
    """
    found: list[Span] = []
    open_units: list[_Unit] = []
    words = 0
    for unit in _units(text):
        full = len(open_units) >= SENTENCES_MOST or words + unit.words > WORDS_AIM
        if open_units and (full or not unit.joins):
            found.append(Span(open_units[0].start, open_units[-1].end))
            open_units, words = [], 0
            if len(found) >= PASSAGES_MOST:
                return found
        open_units.append(unit)
        words += unit.words
    if open_units:
        found.append(Span(open_units[0].start, open_units[-1].end))
    return found


def sentences(text: str) -> list[Span]:
    """The sentences, list items and table rows of `text`."""
    return [Span(unit.start, unit.end) for unit in _units(text)]


def _units(text: str) -> Iterator[_Unit]:
    listed = False
    for start, end in _paragraphs(text):
        item = BULLET.match(text, start) is not None
        for number, (a, b) in enumerate(_sentences(text, start, end)):
            if not LETTER.search(text, a, b):
                continue
            for part, (c, d) in enumerate(_cut(text, a, b)):
                joins = part == 0 and (number > 0 or (item and listed))
                yield _Unit(c, d, sum(_cost(m.end() - m.start()) for m in WORD.finditer(text, c, d)), joins)
        listed = item


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Lines; one that goes on in lower case belongs to the line before it (hard-wrapped text)."""
    start = end = -1
    for line in LINE.finditer(text):
        a, b = _trim(text, line.start(), line.end())
        if a == b:
            if start >= 0:
                yield start, end
            start = -1
        elif start >= 0 and text[a].islower() and text.count("\n", end, a) <= 1:
            end = b
        else:
            if start >= 0:
                yield start, end
            start, end = a, b
    if start >= 0:
        yield start, end


def _sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for match in END.finditer(text, start, end):
        if _ends(text, begin, match) and not _quoting(text, begin, match.end(), end):
            yield begin, match.end()
            begin = _trim(text, match.end(), end)[0]
    if begin < end:
        yield begin, end


def _ends(text: str, begin: int, match: re.Match[str]) -> bool:
    """Whether the mark found ends the sentence that began at `begin`."""
    following = WORD.search(text, match.end())
    assert following is not None  # noqa: S101 - the pattern looked ahead to it
    after = following.group().lstrip("¿¡\"'«“‘([—–")
    if text[match.start()] != "." or match.end() - match.start() > 1:
        # "…", "?!" or a dot within quotes: only a lower-case word says that the sentence goes on
        return not after[:1].islower()
    before = text[max(begin, match.start() - 60) : match.start()].rsplit(None, 1)
    word = (before[-1] if before else "").lstrip("¿¡\"'«“‘([—–")
    bare = word.casefold()
    if after[:1].islower() or ALWAYS_SHORT.fullmatch(bare) or (BEFORE_FIGURES.fullmatch(bare) and after[:1].isdigit()):
        return False
    acronym = "." in word or (len(word) <= 2 and word.isupper())
    if acronym and not word.replace(".", "").isdigit():
        return len(word) > 1 and STARTERS.fullmatch(after.split("'")[0].rstrip(",;:").casefold()) is not None
    return True


def _quoting(text: str, begin: int, here: int, end: int) -> bool:
    """Whether a quote that the sentence opened is still to be closed, within reach of one passage."""
    reach = min(end, begin + WORDS_MOST * 6)
    return here < reach and any(
        text.count(opened, begin, here) > text.count(closed, begin, here) and text.find(closed, here, reach) >= 0
        for opened, closed in QUOTES.items()
    )


def _cost(length: int) -> int:
    """A word counts once; what no word is long enough to be counts more, so that a passage stays bounded."""
    return 1 + length // 24


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A sentence as it is, or, when it is too long for a passage, its clauses."""
    begin, words, clause = start, 0, -1
    for match in WORD.finditer(text, start, end):
        cost = _cost(match.end() - match.start())
        if words + cost > WORDS_MOST:
            cut = clause if clause > 0 else _trim(text, begin, match.start())[1]
            yield begin, cut
            begin = _trim(text, cut, end)[0]
            words = sum(_cost(m.end() - m.start()) for m in WORD.finditer(text, begin, match.start()))
            clause = -1
        words += cost
        if words > WORDS_MOST // 2 and text[match.end() - 1] in ",;:—)":
            clause = match.end()
    if begin < end:
        yield begin, end


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
