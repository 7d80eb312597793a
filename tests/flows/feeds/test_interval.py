"""When a source is polled next."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from flows.feeds.interval import (
    CEILING_S,
    FLOOR_S,
    Hints,
    back_off,
    bounds,
    first_tempo,
    next_interval,
    next_poll,
    observe,
)
from schemas.watch import Tempo

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def settled(every_s: float, *, days: float = 4, default_s: float = 600) -> float:
    """The interval of a source that publishes one entry every so many seconds, after some days."""
    tempo, at, seen = Tempo(), 0.0, 0
    interval = default_s
    while at < days * 86_400:
        at += interval
        new, seen = int(at // every_s) - seen, int(at // every_s)
        tempo = observe(tempo, new=new, after_s=interval)
        interval = next_interval(tempo, default_s=default_s)
    return interval


def test_a_source_just_met_waits_as_long_as_the_settings_or_the_source_say() -> None:
    assert next_interval(Tempo(), default_s=600) == 600
    assert next_interval(Tempo(), default_s=600, hint_s=300) == 300
    assert next_interval(Tempo(), default_s=600, hint_s=86_400) == 600
    assert next_interval(Tempo(), default_s=600, hint_s=1) == FLOOR_S


def test_the_interval_follows_how_often_a_source_publishes() -> None:
    assert settled(60) == FLOOR_S
    assert 200 < settled(600) < 420
    assert 1200 < settled(3600) < 2400
    assert 4 * 3600 < settled(86_400) < 16 * 3600
    assert settled(10**9, days=12) > 0.9 * CEILING_S


def test_a_quiet_source_that_becomes_busy_is_followed_within_its_next_two_polls() -> None:
    tempo = Tempo()
    for _ in range(20):
        tempo = observe(tempo, new=0, after_s=6 * 3600)
    quiet = next_interval(tempo, default_s=600)
    for _ in range(2):
        tempo = observe(tempo, new=10, after_s=3600)
    assert next_interval(tempo, default_s=600) < 600 < quiet


def test_dates_in_the_feed_tell_the_tempo_at_once() -> None:
    hourly = [NOW - timedelta(hours=n) for n in range(1, 30)]
    assert 1200 < next_interval(first_tempo(hourly, now=NOW), default_s=600) < 2400
    old = [NOW - timedelta(days=30 + n) for n in range(20)]
    assert next_interval(first_tempo(old, now=NOW), default_s=600) > 6 * 3600
    assert first_tempo([None, NOW + timedelta(days=9)], now=NOW) == Tempo()


def test_entries_that_were_lost_quarter_the_interval() -> None:
    tempo = observe(Tempo(), new=20, after_s=86_400)
    assert next_interval(tempo, default_s=600, lost=True) == next_interval(tempo, default_s=600) / 4


@given(
    st.floats(5, 86_400),
    st.lists(st.tuples(st.integers(0, 5000), st.floats(0.001, 10**7), st.booleans()), max_size=60),
)
def test_the_interval_stays_within_its_bounds(default_s: float, polls: list[tuple[int, float, bool]]) -> None:
    tempo = Tempo()
    low, high = bounds(default_s)
    assert low == min(FLOOR_S, default_s)
    for new, after_s, lost in polls:
        tempo = observe(tempo, new=new, after_s=after_s)
        assert low <= next_interval(tempo, default_s=default_s, lost=lost) <= high <= max(CEILING_S, 4 * default_s)


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
