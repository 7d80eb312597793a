"""Which date a piece bears."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.feeds.dates import Dated, choose, read

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
A, B, C, D = (NOW - timedelta(hours=hours) for hours in (10, 5, 3, 2))


def chosen(
    published: datetime | None = None,
    updated: datetime | None = None,
    page: datetime | None = None,
    page_updated: datetime | None = None,
) -> Dated:
    return choose(published=published, updated=updated, page=page, page_updated=page_updated, observed=NOW)


def test_publication_comes_before_update_before_page_before_observation() -> None:
    assert chosen(A, B, C, D) == Dated(A, False, B)
    assert chosen(None, B, C, D) == Dated(B, False, None)
    assert chosen(None, None, C, D) == Dated(C, False, D)
    assert chosen() == Dated(NOW, True, None)


@pytest.mark.parametrize(
    "impossible", [datetime(1970, 1, 1, tzinfo=UTC), NOW + timedelta(hours=2), datetime(1, 1, 1, tzinfo=UTC)]
)
def test_a_date_that_cannot_be_is_passed_over_and_what_is_taken_is_a_guess(impossible: datetime) -> None:
    assert chosen(impossible, None, C) == Dated(C, True, None)
    assert chosen(impossible) == Dated(NOW, True, None)
    assert chosen(A, impossible) == Dated(A, False, None)


def test_a_clock_that_is_a_little_fast_is_believed() -> None:
    ahead = NOW + timedelta(minutes=50)
    assert chosen(ahead) == Dated(ahead, False, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T06:00:00-06:00", "2026-11-24T12:00:00+00:00"),
        ("2026-11-24T12:00:00Z", "2026-11-24T12:00:00+00:00"),
        ("2026-11-24", "2026-11-24T00:00:00+00:00"),
        ("Tue, 24 Nov 2026 06:00:00 -0600", "2026-11-24T12:00:00+00:00"),
        ("mar, 24 nov 2026 06:00:00 -0600", "2026-11-24T12:00:00+00:00"),
        ("martes, 24 de noviembre de 2026", "2026-11-24T00:00:00+00:00"),
        ("24 de enero de 2026 06:30:00 -0600", "2026-01-24T12:30:00+00:00"),
    ],
)
def test_dates_are_read_as_feeds_write_them(text: str, expected: str) -> None:
    found = read(text)
    assert found is not None
    assert found.isoformat() == expected


@pytest.mark.parametrize("text", [None, "", "yesterday", "99 de enero de 2026", "2026-13-45", "x" * 5000, "0" * 90])
def test_what_is_no_date_is_none(text: str | None) -> None:
    assert read(text) is None
