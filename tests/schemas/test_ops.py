"""A trouble is told once when it begins, and once when it is over."""

from datetime import UTC, datetime, timedelta

from schemas.ops import REARM, Key, OpsAlert, Standing, Trouble, settle

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DRIFT = Trouble(what="feed.drift", source="one", evidence="texts are short")
KEY: Key = ("feed.drift", "one")


def look(
    standing: dict[Key, Standing], *found: Trouble, after: timedelta, at: tuple[Key, ...] = (KEY,)
) -> tuple[dict[Key, Standing], list[OpsAlert]]:
    return settle(standing, found, looked_at=at, now=NOW + after)


def test_a_trouble_is_told_when_it_begins_not_while_it_lasts_and_when_it_is_over() -> None:
    standing, (begun,) = look({}, DRIFT, after=timedelta(0))
    assert (begun.what, begun.source, begun.since, begun.ended_at) == ("feed.drift", "one", NOW, None)
    hour = timedelta(hours=1)
    for hours in range(1, 9):
        standing, told = look(standing, DRIFT, after=hours * hour)
        assert told == []
    standing, told = look(standing, after=8 * hour + REARM - timedelta(seconds=1))
    assert told == []
    standing, (ended,) = look(standing, after=8 * hour + REARM)
    assert (standing, ended.since, ended.ended_at) == ({}, NOW, NOW + 8 * hour + REARM)
    assert ended.ops_id != begun.ops_id
    _, (again,) = look(standing, DRIFT, after=30 * hour)
    assert again.ops_id not in {begun.ops_id, ended.ops_id}


def test_one_that_comes_and_goes_is_told_once_and_one_not_looked_at_stands() -> None:
    standing, told = look({}, DRIFT, after=timedelta(0))
    for minutes in range(0, 600, 20):
        found = (DRIFT,) if minutes % 40 else ()
        standing, more = look(standing, *found, after=timedelta(minutes=minutes))
        told += more
    assert len(told) == 1
    standing, told = look(standing, after=timedelta(days=9), at=(("feed.drift", "two"),))
    assert (set(standing), told) == ({KEY}, [])


def test_the_same_look_after_a_crash_tells_the_same_alert() -> None:
    assert look({}, DRIFT, after=timedelta(0))[1] == look({}, DRIFT, after=timedelta(0))[1]
