"""Which time a briefing tells of, and which it is compared with; pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Period(StrEnum):
    """How much a briefing covers."""

    DAY = "day"
    WEEK = "week"


DAYS = {Period.DAY: 1, Period.WEEK: 7}
BEFORE_DAYS = 7
"""A day is compared with the seven days before it, a week with the week before it."""


@dataclass(frozen=True)
class Windows:
    """The window from `since` to `until`, and the one from `before` to `since`; in the reader's zone."""

    period: Period
    before: datetime
    since: datetime
    until: datetime

    @property
    def share(self) -> float:
        """The window's length over that of the one before: what was seen before, times this, is expected now."""
        seconds = [(b.astimezone(UTC) - a.astimezone(UTC)).total_seconds() for a, b in self._pairs()]
        return seconds[1] / seconds[0]

    def _pairs(self) -> tuple[tuple[datetime, datetime], tuple[datetime, datetime]]:
        return (self.before, self.since), (self.since, self.until)


def windows(period: Period, until: datetime, zone: ZoneInfo) -> Windows:
    """The windows that end at `until`. They begin at the same time of day by the reader's clock, also when it changes.

    So a day is 23 or 25 hours long when summer time begins or ends within it, and no piece falls between two briefings.
    """
    end = until.astimezone(zone)
    since = end - timedelta(days=DAYS[period])
    return Windows(period, since - timedelta(days=BEFORE_DAYS), since, end)
