"""The hole between two polls that share nothing."""

from datetime import UTC, datetime, timedelta

from flows.feeds.entry import Entry
from flows.feeds.hole import LONGEST, SLACK, TRIES, filled, missing, opened, said
from schemas.feed import Feed, FeedState, Transport
from schemas.watch import Hole, Looks

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
FEED = Feed(id="d", url="https://diario.example/feed", outlet="Diario")
STATE = FeedState(feed="d", last_success_at=NOW - 4 * HOUR)
HOLE = Hole(since=NOW - 4 * HOUR - SLACK, until=NOW - HOUR)


def entries(*hours: float | None, path: str = "") -> list[Entry]:
    return [
        Entry(
            link=f"https://diario.example/{path}{number}",
            published=None if hour is None else NOW - hour * HOUR,
        )
        for number, hour in enumerate(hours)
    ]


def test_a_hole_reaches_from_the_last_poll_to_the_oldest_entry_shown_since() -> None:
    assert opened(FEED, STATE, entries(0.5, 1, None), lost=True, now=NOW) == HOLE
    pinned = opened(FEED, STATE, entries(0.5, 1, 500), lost=True, now=NOW)
    long_ago = opened(FEED, FeedState(feed="d", last_success_at=NOW - 900 * HOUR), [], lost=True, now=NOW)
    assert long_ago == Hole(since=NOW - LONGEST, until=NOW)
    undated = opened(FEED, STATE, entries(None, None), lost=True, now=NOW)
    assert pinned == HOLE
    assert undated == HOLE.model_copy(update={"until": NOW})


def test_there_is_none_without_a_loss_before_a_first_poll_or_for_a_search() -> None:
    assert opened(FEED, STATE, entries(1), lost=False, now=NOW) is None
    assert opened(FEED, FeedState(feed="d"), entries(1), lost=True, now=NOW) is None
    search = FEED.model_copy(update={"transport": Transport.QUERY})
    assert opened(search, STATE, entries(1), lost=True, now=NOW) is None


def test_a_hole_stays_open_while_looking_may_help_and_a_new_one_takes_it_in() -> None:
    hole = HOLE
    for _ in range(TRIES - 1):
        hole = filled(hole, at=None, found=0, over=0, reason="answered 503", again=True)
        assert opened(FEED, with_last(hole), entries(1), lost=False, now=NOW) == hole
    later = with_last(hole).model_copy(update={"last_success_at": NOW})
    wider = opened(FEED, later, entries(-3), lost=True, now=NOW + 4 * HOUR)
    assert wider == Hole(since=HOLE.since, until=NOW + 3 * HOUR)
    given_up = filled(hole, at=None, found=0, over=0, reason="answered 503", again=True)
    assert opened(FEED, with_last(given_up), entries(1), lost=False, now=NOW) is None


def with_last(hole: Hole) -> FeedState:
    return STATE.model_copy(update={"looks": Looks(hole=hole)})


def test_missing_is_what_is_dated_in_the_hole_and_of_the_sources_own_site_and_section() -> None:
    listed = [*entries(0.5, 2, 3, 5, None), Entry(link="https://other.example/x", published=NOW - 2 * HOUR)]
    assert missing(FEED, HOLE, listed, shown=entries(0.5)) == listed[1:3]
    mixed = [*entries(2, path="politica/"), *entries(2, path="deportes/")]
    assert missing(FEED, HOLE, mixed, shown=entries(0, 0, 0, path="politica/")) == mixed[:1]
    for path in ("2026/", "es/", ""):
        assert missing(FEED, HOLE, mixed, shown=entries(0, 0, 0, path=path)) == mixed


def test_what_was_found_is_said() -> None:
    assert said(None) == said(HOLE) == ""
    found = filled(HOLE, at="https://diario.example/news.xml", found=7, over=2, reason="", again=False)
    assert said(found) == (
        "7 pieces from 2026-11-24 07:30 to 2026-11-24 11:00 UTC were found in https://diario.example/news.xml, "
        "2 more were too many"
    )
    none = filled(HOLE, at=None, found=0, over=0, reason="its site has no sitemap", again=False)
    assert "could not be looked up: its site has no sitemap" in said(none)
