"""Which date a piece bears, and how sure it is; pure."""

import re
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
) -> Dated:
    """The entry's publication, else its update, else the page's date, else the observation.

    A date before 1990 or over an hour in the future is passed over, and what is taken instead counts as guessed.
    """
    latest = updated or page_updated
    passed_over = False
    for candidate in (published, updated, page):
        if candidate is None:
            continue
        if _possible(candidate, observed):
            later = latest is not None and _possible(latest, observed) and latest > candidate
            return Dated(candidate, passed_over, latest if later else None)
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


def aware(when: datetime) -> datetime:
    """The same instant in UTC; a time without a zone is UTC's."""
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _possible(when: datetime, observed: datetime) -> bool:
    return EARLIEST <= when <= observed + AHEAD
