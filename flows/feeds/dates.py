"""Which date a piece bears, and how sure it is; pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=1)
"""How far a date may lie in the future: clocks and time zones differ a little."""

SPANISH = {
    "ene": "Jan", "feb": "Feb", "mar": "Mar", "abr": "Apr", "may": "May", "jun": "Jun", "jul": "Jul", "ago": "Aug",
    "sep": "Sep", "set": "Sep", "oct": "Oct", "nov": "Nov", "dic": "Dec",
}  # fmt: skip
SPANISH_DATE = re.compile(
    r"(?:[^\W\d]+\.?,\s*)?(\d{1,2})(?:\s+de)?\s+([^\W\d]{3})[^\W\d]*\.?,?(?:\s+de)?\s+(\d{4})(.{0,40})", re.IGNORECASE
)

NUMERIC = re.compile(
    r"(?<![\d./-])(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?![\d./-]?\d)"
    r"(?:,?\s*(?:a las|at|[-–|])?\s*(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s*([ap])\.?\s?m\b)?)?",
    re.IGNORECASE,
)
YEAR_FIRST = re.compile(r"(?<![\d./-])(\d{4})([./-])(\d{1,2})\2(\d{1,2})(?![\d./-]?\d)")


@dataclass(frozen=True)
class Dated:
    """When a piece was published; `guessed` when nobody said so, or said what can't be."""

    published_at: datetime
    guessed: bool
    updated_at: datetime | None


def choose(
    *,
    published: datetime | None,
    updated: datetime | None,
    page: datetime | None,
    page_updated: datetime | None,
    observed: datetime,
    unsure: bool = False,
) -> Dated:
    """The entry's publication, else its update, else the page's date, else the observation.

    A date before 1990 or over an hour in the future is passed over, and what is taken instead counts as guessed. With
    `unsure` the entry's dates are guesses: the page's date comes before them.
    """
    latest = updated or page_updated
    passed_over = False
    told = [(published, unsure), (updated, unsure)]
    for candidate, guess in [(page, False), *told] if unsure else [*told, (page, False)]:
        if candidate is None:
            continue
        if _possible(candidate, observed):
            later = latest is not None and _possible(latest, observed) and latest > candidate
            return Dated(candidate, passed_over or guess, latest if later else None)
        passed_over = True
    return Dated(observed, True, None)


def read(text: str | None) -> datetime | None:
    """A date as feeds and pages write it: ISO 8601, RFC 2822, either with Spanish names; UTC when no zone is given."""
    text = (text or "").strip()[:100]
    if not text:
        return None
    spanish = SPANISH_DATE.fullmatch(text)
    if spanish is not None and spanish[2].lower() in SPANISH:
        text = f"{spanish[1]} {SPANISH[spanish[2].lower()]} {spanish[3]}{spanish[4]}"
        text = text if ":" in spanish[4] else f"{text} 00:00:00"
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return aware(parse(text))
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
    return None


def order(texts: Iterable[str | None]) -> bool | None:
    """Whether the numeric dates (12/03/2026) among these, of one page, put the day first; None when none tells."""
    found = [match for text in texts if (match := NUMERIC.search((text or "")[:200]))]
    day_first = any(int(match[1]) > 12 >= int(match[3]) for match in found)
    month_first = any(int(match[3]) > 12 >= int(match[1]) for match in found)
    return day_first if day_first != month_first else None


def read_numeric(text: str | None, *, day_first: bool) -> tuple[datetime, bool] | None:
    """A date in figures (12/03/2026, 3.12.26, 2026/03/12 and a time of day), and whether the other order fits as well.

    A date that only fits the other order is read in that one. UTC, since no such date bears a zone.
    """
    text = (text or "")[:200]
    if found := YEAR_FIRST.search(text):
        return _day(int(found[1]), int(found[3]), int(found[4]), (0, 0, 0), either=False)
    found = NUMERIC.search(text)
    if found is None:
        return None
    first, second = int(found[1]), int(found[3])
    year = int(found[4]) + (2000 if len(found[4]) == 2 else 0)
    hour, minute, second_of = (int(part or 0) for part in found.group(5, 6, 7))
    if found[8] and 1 <= hour <= 12:
        hour = hour % 12 + (12 if found[8].lower() == "p" else 0)
    either = first <= 12 and second <= 12 and first != second
    day, month = (first, second) if (first > 12 or (day_first and second <= 12)) else (second, first)
    return _day(year, month, day, (hour, minute, second_of), either=either)


def _day(year: int, month: int, day: int, time: tuple[int, int, int], *, either: bool) -> tuple[datetime, bool] | None:
    try:
        return datetime(year, month, day, *time, tzinfo=UTC), either
    except ValueError:
        return None


def aware(when: datetime) -> datetime:
    """The same instant in UTC; a time without a zone is UTC's."""
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _possible(when: datetime, observed: datetime) -> bool:
    return EARLIEST <= when <= observed + AHEAD
