"""Which date a piece bears."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.feeds.dates import Dated, choose, order, read, read_numeric

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


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "day_first", "expected", "either"),
    [
        ("12/03/2026", True, "2026-03-12", True),
        ("12/03/2026", False, "2026-12-03", True),
        ("03.12.2026", True, "2026-12-03", True),
        ("3-12-26", True, "2026-12-03", True),
        ("24/11/2026", False, "2026-11-24", False),
        ("11/24/2026", True, "2026-11-24", False),
        ("07/07/2026", True, "2026-07-07", False),
        ("2026/3/12", False, "2026-03-12", False),
        ("Publicado: 24/11/2026 | Política", True, "2026-11-24", False),
        ("24/11/2026 14:05", True, "2026-11-24 14:05", False),
        ("24/11/2026, a las 2:05 p. m.", True, "2026-11-24 14:05", False),
        ("11/24/2026 - 12:30:15 AM", False, "2026-11-24 00:30:15", False),
    ],
)
def test_dates_in_figures_are_read_in_the_order_of_the_place(
    text: str, day_first: bool, expected: str, either: bool
) -> None:
    assert read_numeric(text, day_first=day_first) == (day(expected), either)


@pytest.mark.parametrize(
    "text", [None, "", "31/02/2026", "13/13/2026", "1/2", "1.2.3.4", "10.12.2026.11", "0/0/2026", "5/2026", "9" * 5000]
)
def test_figures_that_are_no_date_are_none(text: str | None) -> None:
    assert read_numeric(text, day_first=True) is None


@pytest.mark.parametrize(
    ("texts", "day_first"),
    [
        (["03/12/2026", "24/11/2026"], True),
        (["03/12/2026", "11/24/2026"], False),
        (["24/11/2026", "11/24/2026"], None),
        (["03/12/2026", None, "no date"], None),
    ],
)
def test_a_page_that_shows_a_date_of_one_order_only_tells_of_the_others(
    texts: list[str | None], day_first: bool | None
) -> None:
    assert order(texts) is day_first


def test_a_page_says_more_of_its_date_than_a_guess_does() -> None:
    def guessed(page: datetime | None) -> Dated:
        return choose(published=None, updated=B, page=page, page_updated=None, observed=NOW, unsure=True)

    assert guessed(A) == Dated(A, False, B)
    assert guessed(None) == Dated(B, True, None)
