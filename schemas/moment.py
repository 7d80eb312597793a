"""Moments as people write them."""

import re
from datetime import UTC, datetime, timedelta

from schemas.errors import ConfigError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_moment(text: str, *, now: datetime) -> datetime:
    """`7d`, `36h`, `90m`, `2w` before now, or a date such as 2026-11-24 or 2026-11-24T06:00+00:00 (UTC when unsaid).

    Raises ConfigError for anything else.
    """
    span = re.fullmatch(r"(\d{1,6})([mhdw])", text.strip())
    if span:
        return now - timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError(repr(text), "is no moment", remedy="Write 7d, 36h, 90m, 2w or a date: 2026-11-24") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
