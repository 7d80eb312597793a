"""The windows of a briefing, by the reader's clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from flows.briefings.period import Period, windows

MADRID = ZoneInfo("Europe/Madrid")


def test_a_week_is_compared_with_the_week_before() -> None:
    made = windows(Period.WEEK, datetime(2026, 11, 23, 12, tzinfo=UTC), ZoneInfo("America/El_Salvador"))
    assert made.until.isoformat() == "2026-11-23T06:00:00-06:00"
    assert made.since.isoformat() == "2026-11-16T06:00:00-06:00"
    assert made.before.isoformat() == "2026-11-09T06:00:00-06:00"
    assert made.share == 1


@pytest.mark.parametrize(("date", "hours"), [((2026, 10, 25, 18), 25), ((2026, 3, 29, 18), 23), ((2026, 6, 1, 18), 24)])
def test_a_day_is_as_long_as_the_clocks_make_it_and_none_is_left_out(
    date: tuple[int, int, int, int], hours: int
) -> None:
    until = datetime(*date, tzinfo=MADRID)
    made = windows(Period.DAY, until, MADRID)
    assert made.until.astimezone(UTC) - made.since.astimezone(UTC) == timedelta(hours=hours)
    assert windows(Period.DAY, made.since, MADRID).until == made.since
    assert made.since.hour == made.until.hour == made.before.hour
