"""Hours of the week as people write them, in a time zone: when somebody is on duty, when it is quiet; pure.

Spans are worked out on the local calendar, one a date, so that a change to or from summer time makes one longer or
shorter, and never repeats or drops it. An hour that the clocks skip counts as the one after it; of one that comes
twice, a span begins at the first and ends at the second.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_serializer, model_validator

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
AHEAD_DAYS = 8
"""Hours repeat by the week: looking further ahead finds nothing new."""

_WRITTEN = re.compile(r"(?:([a-z,\- ]+?)\s+)?(\d\d:\d\d)\s*-\s*(\d\d:\d\d)")


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg = f"no such time zone: {name!r}; write it as America/El_Salvador"
        raise ValueError(msg) from None
    return name


ZoneName = Annotated[str, AfterValidator(_known_zone)]
"""A zone of the IANA time zone database."""

ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""A time of day: 08:30."""


class Hours(BaseModel):
    """Hours of some days, written `mon-fri 07:00-19:00`, `sat,sun 22:00-06:00` or `22:00-07:00` (every day).

    A span that ends at or before its start ends on the next day; it belongs to the day on which it starts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: frozenset[int] = frozenset(range(7))
    start: time
    end: time

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        written = _WRITTEN.fullmatch(value.strip().lower())
        if written is None:
            msg = "write hours as mon-fri 07:00-19:00"
            raise ValueError(msg)
        try:
            start, end = (time.fromisoformat(part if part != "24:00" else "00:00") for part in written.group(2, 3))
        except ValueError:
            msg = "hours lie between 00:00 and 24:00"
            raise ValueError(msg) from None
        return {"days": _days(written[1]), "start": start, "end": end}

    @model_serializer
    def _as_text(self) -> str:
        days = "" if len(self.days) == 7 else ",".join(DAYS[day] for day in sorted(self.days)) + " "
        return f"{days}{self.start:%H:%M}-{self.end:%H:%M}"


def _days(text: str | None) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    found: set[int] = set()
    for part in re.split(r"[,\s]+", text.strip()):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            msg = f"days are {', '.join(DAYS)}, not {part!r}"
            raise ValueError(msg)
        start, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % 7 for day in range(start, end + 1 if end >= start else end + 8)}
    return frozenset(found)


Span = tuple[datetime, datetime]
"""From a moment up to another, both in UTC."""


def spans(hours: Sequence[Hours], zone: ZoneInfo, around: datetime) -> list[Span]:
    """The spans from the day before a moment to the days ahead that there are, the earliest first; they may overlap."""
    today = around.astimezone(zone).date()
    return sorted(
        span
        for ahead in range(-2, AHEAD_DAYS + 1)
        for one in hours
        if (day := today + timedelta(days=ahead)).weekday() in one.days
        for span in _span(one, day, zone)
    )


def _span(one: Hours, day: date, zone: ZoneInfo) -> Iterator[Span]:
    last = day if one.end > one.start else day + timedelta(days=1)
    start = datetime.combine(day, one.start, zone).astimezone(UTC)
    end = max(datetime.combine(last, one.end, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if start < end:
        yield start, end


def awake(duty: Sequence[Hours], quiet: Sequence[Hours], zone: ZoneInfo, at: datetime) -> bool:
    """Whether a moment lies on duty (always, when no duty hours are given) and in no quiet hours."""
    on_duty = not duty or any(start <= at < end for start, end in spans(duty, zone, at))
    return on_duty and not any(start <= at < end for start, end in spans(quiet, zone, at))


def awake_from(duty: Sequence[Hours], quiet: Sequence[Hours], zone: ZoneInfo, at: datetime) -> datetime | None:
    """The first moment from `at` on that is awake; None when there is none within the week."""
    starts = [at, *(start for start, _ in spans(duty, zone, at)), *(end for _, end in spans(quiet, zone, at))]
    return next((moment for moment in sorted(starts) if moment >= at and awake(duty, quiet, zone, moment)), None)


def next_daily(clock: str, zone: ZoneInfo, after: datetime) -> datetime:
    """The next moment after `after` at which the clock shows that time for the first time on its day."""
    today = after.astimezone(zone).date()
    moments = (
        datetime.combine(today + timedelta(days=ahead), time.fromisoformat(clock), zone).astimezone(UTC)
        for ahead in range(3)
    )
    return next(moment for moment in moments if moment > after)
