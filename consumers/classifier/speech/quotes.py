"""Where a text quotes: “”, «», "", ‘’, and the dashes of Spanish dialogue. Pure; one pass, whatever the text."""

import re
from collections.abc import Iterator
from dataclasses import replace

from consumers.classifier.speech.tokens import Stretch

CLOSER = {"“": "”", "„": "”", "‟": "”", "«": "»", "‘": "’"}
OPENER = {"”": "“", "»": "«", "’": "‘"}
MARKS = re.compile(r"[“”„‟«»‘’\"'\n]")
AGAIN = {"“": "“”", "«": "«»", '"': '"'}
"""By which marks a quote that goes on is opened again: Spanish uses the closing one."""

DASH = re.compile(r"[—–―](?=[^\s—–―.,;:?!])")
SPEECH_MOST = 5000
"""Characters of one quoted stretch; a longer one is a mark left open."""


def quotes(text: str) -> list[Stretch]:
    """The outermost quotes in order, none of them crossing a paragraph's end.

    A quote that is left open where the next paragraph opens one again is taken up to the paragraph's end. Any other
    mark without its partner is no quote.
    """
    found: list[Stretch] = []
    paragraphs = list(_paragraphs(text))
    for number, (start, end) in enumerate(paragraphs):
        following = text[paragraphs[number + 1][0]] if number + 1 < len(paragraphs) else ""
        before = found[-1] if found and found[-1].goes_on else None
        found += _within(text, start, end, following, reopened=before is not None)
    return found


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    here = 0
    for line in text.split("\n"):
        end = here + len(line)
        start = here + len(line) - len(line.lstrip())
        if start < end:
            yield start, here + len(line.rstrip())
        here = end + 1


def _within(text: str, start: int, end: int, following: str, *, reopened: bool) -> list[Stretch]:
    done: list[Stretch] = []
    stack: list[tuple[str, int]] = []
    opened = dict.fromkeys((*CLOSER, '"', "'"), 0)
    first = True
    for match in MARKS.finditer(text, start, end):
        mark, at = match.group(), match.start()
        if first and at == start and reopened and mark in "»”":
            mark = OPENER[mark]
        first = False
        kind = _reading(text, mark, at, start, end, opened)
        if kind is None:
            continue
        opening, partner = kind
        if opening:
            stack.append((partner, at))
            opened[partner] += 1
            continue
        while stack:  # what was opened within and never closed is dropped
            other, begun = stack.pop()
            opened[other] -= 1
            if other == partner:
                if 0 < at - begun - 1 <= SPEECH_MOST:
                    done.append(Stretch(begun + 1, at, begun, at + 1))
                break
    for opener, begun in stack:
        if following and following in AGAIN.get(opener, "") and end - begun <= SPEECH_MOST:
            done = [s for s in done if s.end <= begun]
            done.append(Stretch(begun + 1, end, begun, end, goes_on=True))
            break
    return _outermost(done) or list(_dialogue(text, start, end))


def _reading(text: str, mark: str, at: int, start: int, end: int, opened: dict[str, int]) -> tuple[bool, str] | None:
    """Whether the mark opens, and which opener it is or closes; none when it is an apostrophe or has no partner."""
    before = text[at - 1] if at > start else " "
    after = text[at + 1] if at + 1 < end else " "
    if mark in "\"'":
        word_before, word_after = before.isalnum(), after.isalnum()
        if opened[mark] and not before.isspace() and (mark == '"' or not word_after):
            return False, mark
        if after.isspace() or (mark == "'" and (word_before or not word_after)):
            return None
        return (True, mark) if not word_before else None
    if mark == "’" and (not opened["‘"] or after.isalnum()):
        return None
    if mark == "‘" and before.isalnum():
        return None
    if mark in CLOSER:
        return True, "“" if mark in "„‟" else mark
    opener = OPENER[mark]
    return (False, opener) if opened[opener] else None


def _outermost(done: list[Stretch]) -> list[Stretch]:
    kept: list[Stretch] = []
    for stretch in sorted(done, key=lambda s: (s.outer_start, -s.outer_end)):
        if not kept or stretch.outer_start >= kept[-1].outer_end:
            kept.append(stretch)
    return kept


def _dialogue(text: str, start: int, end: int) -> Iterator[Stretch]:
    """Speech opened by a dash, with the narrator's words between a pair of dashes."""
    if text[start] not in "—–―":
        return
    at = [m.start() for m in DASH.finditer(text, start + 1, end)]
    ends = [m.start() for m in re.finditer(r"[—–―](?=[\s.,;:?!]|$)", text[start:end])]
    opening = start
    closers = iter(start + e for e in ends)
    for narrator in at:
        speech = Stretch(opening + 1, narrator, opening, narrator)
        yield replace(speech, end=narrator - (text[narrator - 1] == " "), outer_end=narrator)
        opening = next((c for c in closers if c > narrator), -1)
        if opening < 0:
            return
    if at and text[opening + 1 : end].strip(" .,;:?!"):
        begun = opening + 1
        while begun < end and text[begun] in " .,;:":
            begun += 1
        yield Stretch(begun, end, opening, end)
