"""When a source is polled next."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from flows.feeds.interval import CEILING_S, Hints, back_off, next_interval, next_poll

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_news_shortens_the_interval_and_silence_lengthens_it() -> None:
    first = next_interval(None, new=0, default_s=600)
    assert first == 600
    assert next_interval(first, new=3, default_s=600) < first < next_interval(first, new=0, default_s=600)


@given(st.floats(5, 86_400), st.lists(st.integers(0, 3), max_size=60))
def test_the_interval_stays_within_its_bounds(default_s: float, polls: list[int]) -> None:
    interval = None
    for new in polls:
        interval = next_interval(interval, new=new, default_s=default_s)
        assert min(120, default_s) <= interval <= max(CEILING_S, default_s)
        assert default_s / 5 <= interval <= default_s * 12


def test_failures_in_a_row_wait_longer_up_to_six_hours() -> None:
    waits = [back_off(streak, default_s=600) for streak in range(12)]
    assert waits == sorted(waits)
    assert (waits[0], waits[1], waits[-1]) == (600, 1200, 21_600)


def test_what_the_server_asks_for_is_obeyed_within_reason() -> None:
    assert next_poll(600, Hints(), now=NOW) == NOW + timedelta(seconds=600)
    assert next_poll(600, Hints(max_age_s=900), now=NOW) == NOW + timedelta(seconds=900)
    assert next_poll(600, Hints(ttl_s=86_400), now=NOW) == NOW + timedelta(seconds=1800)
    assert next_poll(600, Hints(retry_after_s=7200), now=NOW) == NOW + timedelta(seconds=7200)
    assert next_poll(600, Hints(retry_after_s=10**9), now=NOW) == NOW + timedelta(days=1)
