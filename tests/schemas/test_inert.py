"""Hostile text becomes one inert line."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.inert import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Aviones llegan a San Salvador", "Aviones llegan a San Salvador"),
        ("¿Qué pasó? «Nada» — dijo", "¿Qué pasó? «Nada» — dijo"),
        ("two\nlines\r\nand\ta tab", "two lines and a tab"),
        ("\x1b[31mred\x1b[0m and \x07bell", "[31mred[0m and bell"),
        ("\u202egnihtemos\u202c turned", "gnihtemos turned"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("line\u2028and paragraph\u2029end", "line and paragraph end"),
        ("\u2066isolated\u2069", "isolated"),
        ("  padded \u00a0 twice  ", "padded twice"),
    ],
)
def test_text_is_shown_as_one_plain_line(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(st.text(), st.integers(1, 50))
def test_nothing_that_steers_is_left_and_the_limit_holds(text: str, limit: int) -> None:
    shown = plain(text, limit=limit)
    assert len(shown) <= limit
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert plain(shown) == shown or shown.endswith("…")
