"""A channel's rate, and the silence that it asked for."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.channels.guarded import wait_asked
from consumers.channels.pace import BURST, Pace

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@settings(max_examples=20, deadline=None)
@given(rate=st.floats(1, 600), minutes=st.integers(1, 5))
def test_no_minute_has_more_than_its_rate_and_a_burst(rate: float, minutes: int) -> None:
    pace, clock, sent = Pace(), 0.0, 0
    while clock < 60 * minutes:
        wait = pace.wait_s("c", rate, clock)
        if wait > 0:
            clock += wait
        else:
            sent += 1
    assert sent <= rate * clock / 60 + BURST + 0.001


def test_a_channel_without_a_rate_never_waits_and_others_have_their_own() -> None:
    pace = Pace()
    assert [pace.wait_s("free", None, 0) for _ in range(50)] == [0.0] * 50
    assert [pace.wait_s("slow", 1, 0) for _ in range(BURST + 1)][-1] > 59
    assert pace.wait_s("other", 1, 0) == 0


def test_silence_is_kept_and_ends() -> None:
    pace = Pace()
    pace.silence("c", 30, 100)
    pace.silence("c", 5, 100)
    assert pace.wait_s("c", None, 110) == 20
    assert pace.wait_s("c", None, 130) == 0


@pytest.mark.parametrize(
    ("header", "body", "seconds"),
    [
        ("7", b"", 7),
        ("Tue, 24 Nov 2026 12:00:09 GMT", b"", 9),
        ("Tue, 24 Nov 2026 11:00:00 GMT", b"", 0),
        ("soon", b'{"retry_after": 1.5}', 1.5),
        (None, b'{"parameters": {"retry_after": 3}}', 3),
        (None, b'{"parameters": "x", "retry_after": true}', None),
        ("1e99", b"", 3600),
        ("-5", b"", None),
        ("nan", b"", None),
        (None, b"[1]", None),
        (None, b"\xff", None),
    ],
)
def test_what_a_receiver_asks_for_is_understood(header: str | None, body: bytes, seconds: float | None) -> None:
    assert wait_asked(header, body, NOW) == seconds
