"""Windows fire once an episode, whatever the order and the moment at which they are asked about."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from consumers.rules import spike, threshold
from consumers.rules.episodes import Finding, Point, episodes, ticks, untold
from consumers.rules.why import causes, z_of
from schemas.reason import Window
from schemas.rule import Spike, Threshold

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def points(levels: str) -> list[Point]:
    """`F` fires, `h` holds, `.` neither."""
    return [Point(NOW + n * HOUR, level == "F", level != ".", n) for n, level in enumerate(levels)]


def test_an_episode_lasts_while_it_holds_and_arms_again_after() -> None:
    found = episodes(points("h.FhhFh..Fh"))
    assert [(e.fired.value, (e.last - NOW) // HOUR) for e in found] == [(2, 6), (9, 10)]
    assert [e.after for e in found] == [None, NOW + 6 * HOUR]


def test_what_was_told_of_an_episode_is_not_told_again_and_the_next_one_is() -> None:
    found = [
        Finding(
            key=str(n), window=Window(start=e.fired.at - 2 * HOUR, end=e.fired.at, value=1), last=e.last, after=e.after
        )
        for n, e in enumerate(episodes(points(".FhhF..F")))
    ]
    for end in (1, 3, 4):
        told = [Window(start=NOW, end=NOW + end * HOUR, value=1)]
        assert [f.key for f in untold(found, told)] == ["1"]
    other = Window(subject="else", start=NOW, end=NOW + HOUR, value=1)
    assert len(untold(found, [other])) == 2


def test_ticks_lie_on_one_grid_and_reach_beyond_the_end() -> None:
    every = ticks(NOW, NOW + 3 * HOUR + timedelta(minutes=1), HOUR)
    assert every == [NOW + n * HOUR for n in (1, 2, 3, 4)]
    assert ticks(NOW + timedelta(minutes=1), NOW + 2 * HOUR, HOUR) == [NOW + HOUR, NOW + 2 * HOUR]


@given(st.lists(st.integers(0, 200_000), max_size=60))
def test_a_threshold_never_fires_below_its_count_and_always_at_it(seconds: list[int]) -> None:
    rule = Threshold(kind="threshold", id="t", name="T", stories=4, window_hours=3)
    times = sorted(NOW.timestamp() + s for s in seconds)
    found = threshold.found(times, rule, NOW - HOUR)
    counts = [sum(t - 3 * 3600 < other <= t for other in times) for t in times]
    assert bool(found) == any(count >= 4 for count in counts)
    assert all(f.window.value >= 4 for f in found)


def test_a_spike_needs_enough_weeks_and_the_spread_has_a_floor() -> None:
    rule = Spike(kind="spike", id="s", name="S")
    assert not spike.point(100, [], NOW, rule).fires
    same = spike.point(9, [1, 1, 1, 1], NOW, rule)
    assert (same.spread, same.score, same.fires) == (1.0, 8.0, True)
    assert not spike.point(9, [1, 9, 1, 9], NOW, rule).fires
    assert not spike.point(4, [0, 0, 0, 0], NOW, rule).fires


def test_the_odds_of_a_count_are_those_of_poisson() -> None:
    assert round(spike.at_least(1, 1.0), 4) == 0.6321
    assert round(spike.at_least(3, 2.0), 4) == 0.3233
    assert 0 < spike.at_least(30, 2.0) < 1e-20
    assert spike.at_least(0, 2.0) == 1


def test_causes_are_what_is_more_often_now() -> None:
    usual = {"outlet": "A", "title": "Talks continue as usual", "topics": ["diplomatic_talks"]}
    burst = {
        "outlet": "A",
        "title": "Ruling halts flights",
        "topics": ["diplomatic_talks"],
        "stance": {"us_aid": "against"},
    }
    found = causes([burst] * 5 + [usual], [usual] * 40)
    assert {cause.value for cause in found} == {"us_aid: against", "ruling", "halts", "flights"}
    assert (found[0].value, found[0].now, found[0].of_now, found[0].before) == ("us_aid: against", 5, 6, 0)
    assert causes([burst], [usual] * 40) == ()
    assert abs(z_of(5, 10, 50, 100)) < 0.1
