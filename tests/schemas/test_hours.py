"""Hours of the week, over changes of summer time."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.hours import Hours, awake, awake_from, next_daily, spans

NEW_YORK = ZoneInfo("America/New_York")
SAN_SALVADOR = ZoneInfo("America/El_Salvador")
ZONES = st.sampled_from([NEW_YORK, SAN_SALVADOR, ZoneInfo("Europe/Madrid"), ZoneInfo("Australia/Lord_Howe"), UTC])
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone
CLOCKS = st.times().map(lambda t: f"{t:%H:%M}")


def hours(*texts: str) -> tuple[Hours, ...]:
    return tuple(Hours.model_validate(text) for text in texts)


@pytest.mark.parametrize("text", ["mon-fri 07:00-19:00", "sat,sun 22:00-06:00", "22:00-07:00", "fri-mon 00:00-24:00"])
def test_hours_are_read_as_people_write_them_and_written_back(text: str) -> None:
    (read,) = hours(text)
    assert Hours.model_validate(read.model_dump()) == read


def test_days_may_run_over_the_end_of_the_week() -> None:
    assert hours("fri-mon 08:00-10:00")[0].days == {4, 5, 6, 0}


@pytest.mark.parametrize("text", ["7-19", "mon-fri", "moon 08:00-09:00", "08:00-25:00", ""])
def test_what_is_no_hours_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Hours.model_validate(text)


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    night = hours("fri 22:00-06:00")
    saturday = datetime(2026, 11, 28, 3, tzinfo=NEW_YORK)
    assert not awake((), night, NEW_YORK, saturday)
    assert awake((), night, NEW_YORK, saturday + timedelta(days=1))
    assert awake_from((), night, NEW_YORK, saturday) == datetime(2026, 11, 28, 6, tzinfo=NEW_YORK)


def test_the_night_in_which_the_clocks_change_is_an_hour_shorter_or_longer_and_one() -> None:
    night = hours("22:00-06:00")
    lengths = []
    for day in (datetime(2026, 3, 7, 23, tzinfo=NEW_YORK), datetime(2026, 10, 31, 23, tzinfo=NEW_YORK)):
        (around,) = [s for s in spans(night, NEW_YORK, day) if s[0] <= day < s[1]]
        lengths.append(around[1] - around[0])
    assert lengths == [timedelta(hours=7), timedelta(hours=9)]


def test_an_hour_that_is_skipped_or_comes_twice_neither_repeats_nor_drops_a_span() -> None:
    for clock in ("02:15-02:45", "01:15-01:45"):
        for day in (datetime(2026, 3, 8, tzinfo=NEW_YORK), datetime(2026, 11, 1, tzinfo=NEW_YORK)):
            own = [s for s in spans(hours(clock), NEW_YORK, day) if s[0].astimezone(NEW_YORK).date() == day.date()]
            assert len(own) == 1
            assert timedelta(0) < own[0][1] - own[0][0] <= timedelta(hours=1, minutes=30)


@given(ZONES, MOMENTS, CLOCKS, CLOCKS)
def test_quiet_hours_end_within_a_day_at_a_moment_that_is_awake(zone: ZoneInfo, at: datetime, a: str, b: str) -> None:
    quiet = hours(f"{a}-{b}")
    end = awake_from((), quiet, zone, at)
    if a == b:
        assert end is None  # the whole day, every day
        return
    assert end is not None
    assert at <= end <= at + timedelta(hours=25)
    assert awake((), quiet, zone, end)
    assert end == at or not awake((), quiet, zone, at)
    assert end == at or not awake((), quiet, zone, end - timedelta(microseconds=1))


@given(ZONES, MOMENTS, CLOCKS)
def test_a_daily_moment_comes_once_a_day_whatever_the_clocks_do(zone: ZoneInfo, at: datetime, clock: str) -> None:
    moments = [at]
    for _ in range(4):
        moments.append(next_daily(clock, zone, moments[-1]))
    days = [moment.astimezone(zone).date() for moment in moments[1:]]
    assert moments == sorted(set(moments))
    assert [b - a for a, b in pairwise(days)] == [timedelta(days=1)] * 3
