"""Hostile text costs what its length says: the lines of code run are counted, twice the text at most about twice."""

import sys
from types import FrameType
from typing import Any

import pytest

from consumers.classifier.entities.find import find
from consumers.classifier.entities.learned import learned
from consumers.classifier.speech.piece import heard
from consumers.classifier.speech.tokens import Kind, tokens

SHORT = 3_000
UNITS = (
    "“", "”", "\"", "' ", "«»", "“«", "— —", "\n“", "”“a",
    "said ", "dijo que ", "A, ", "the A said that ", "según él, ",
    "Ana Prueba, ", "who said ", "and the minister ", "“a” ", "United ", "Corte ", "Ley de ", "-", "’s", "ministro de ",
    "de la ", "(a) ", "A", "\u0301", "\u200b", "U.S. ", ": “x” ", "\n\n", "Él ",
)  # fmt: skip


def work(text: str) -> int:
    """Lines of Python run to read the text in both languages."""
    count = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        if event == "line":
            count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        read(text)
    finally:
        sys.settrace(before)
    return count


def read(text: str) -> None:
    found = find(text)
    words = [t for t in tokens(text) if t.kind is Kind.WORD]
    learned(text, words, [(f.start, f.end) for f in found])
    for language in ("en", "es"):
        heard(text, language)


def test_many_speakers_are_not_all_compared() -> None:
    names = [f"X{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(400)]
    text = " ".join(f"Mayor {name} Prueba said that {name} was late. She left." for name in names)
    half = text[: len(text) // 2]
    read(text)
    assert work(text) <= 2.3 * work(half) + 2_000


@pytest.mark.parametrize("unit", UNITS)
def test_twice_the_text_is_about_twice_the_work(unit: str) -> None:
    text = unit * (SHORT // len(unit))
    read(text)  # word forms are remembered from here on
    assert work(text + text) <= 2.3 * work(text) + 2_000
