"""Moments as people write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from schemas.errors import ConfigError
from schemas.moment import parse_moment

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", NOW - timedelta(days=7)),
        ("36h", NOW - timedelta(hours=36)),
        (" 90m ", NOW - timedelta(minutes=90)),
        ("2w", NOW - timedelta(weeks=2)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T06:00-06:00", datetime(2026, 11, 1, 6, tzinfo=timezone(timedelta(hours=-6)))),
    ],
)
def test_a_span_or_a_date_is_a_moment(text: str, moment: datetime) -> None:
    assert parse_moment(text, now=NOW) == moment


@pytest.mark.parametrize("text", ["", "d7", "7y", "yesterday", "2026-13-01", "-3d", "9999999d"])
def test_anything_else_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ConfigError, match="7d, 36h"):
        parse_moment(text, now=NOW)
