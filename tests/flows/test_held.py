"""What a source's budget holds back is published later, although the feed has dropped it; what can't be is named."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flows.feeds import held
from flows.feeds.entry import Entry
from flows.feeds.health import Condition, report, troubles
from flows.feeds.state import States
from flows.report import Result, Summary
from schemas.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flows.conftest import Desk

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def budget(desk: "Desk", **poll: int) -> Settings:
    update = {"max_entries": 3, "max_entries_day": 3} | poll
    return desk.settings.model_copy(update={"poll": desk.settings.poll.model_copy(update=update)})


def shows(desk: "Desk", *names: str, **headers: str) -> None:
    desk.items(*((f"/{name}", name) for name in names), **headers)


def only(summary: Summary) -> Any:
    (polled,) = summary.polled
    return polled


def titles(desk: "Desk") -> list[str]:
    return sorted(article.title for article in desk.published())


def test_entries_over_the_days_budget_are_published_on_the_next_although_the_feed_has_dropped_them(
    desk: "Desk",
) -> None:
    desk.source("one", fetch_pages=False)
    settings, today = budget(desk), datetime.now(UTC)
    shows(desk, *"abcde", ETag='"1"')
    first = only(desk.poll(settings=settings, now=lambda: today))
    assert (first.new, first.left, first.held) == (3, 0, 2)
    # they are kept: the feed need not be read again for them
    assert only(desk.poll(settings=settings, now=lambda: today)).result is Result.UNCHANGED
    shows(desk, *"fg", ETag='"2"')
    second = only(desk.poll(settings=settings, now=lambda: today))
    assert (second.new, second.held) == (0, 4)
    assert titles(desk) == ["a", "b", "c"]
    # newer ones first
    third = only(desk.poll(settings=settings, now=lambda: today + timedelta(days=1)))
    assert (third.result, third.new, third.held) == (Result.UNCHANGED, 3, 1)
    assert titles(desk) == ["a", "b", "c", "d", "f", "g"]
    shows(desk, *"gh", ETag='"3"')
    last = only(desk.poll(settings=settings, now=lambda: today + timedelta(days=2)))
    assert (last.result, last.new, last.held) == (Result.READ, 2, 0)
    assert titles(desk) == list("abcdefgh")


def test_what_is_over_the_bound_waits_in_the_feed_and_is_counted_once_when_that_drops_it(desk: "Desk") -> None:
    desk.source("one", fetch_pages=False)
    settings, today = budget(desk, max_held=1), datetime.now(UTC)
    shows(desk, *"abcdefg")
    assert only(desk.poll(settings=settings, now=lambda: today)).held == 4
    desk.poll(settings=settings, now=lambda: today)
    spent = desk.state("one").spent
    assert (spent.held, spent.over, spent.lost) == (4, 3, 0)
    shows(desk, "g")
    notes = only(desk.poll(settings=settings, now=lambda: today)).notes
    assert any("2 entries were lost today" in note for note in notes)
    desk.poll(settings=settings, now=lambda: today)
    state = desk.state("one")
    assert state.spent.lost == 2
    assert [trouble.what for trouble in troubles(state)] == ["feed.overflow"]
    feeds = [feed for feed in _feeds(settings) if feed.id == "one"]
    (health,) = report(settings.home, feeds, now=today)
    assert health.condition is Condition.HOLDING
    assert health.word.endswith("2 were dropped by the feed before there was room")
    desk.poll(settings=settings, now=lambda: today + timedelta(days=1))
    assert titles(desk) == ["a", "b", "c", "d", "g"]


def _feeds(settings: Settings) -> Any:
    from flows.feeds.catalogue import load_feeds

    return load_feeds(settings.poll.feeds_file).feeds


def test_a_source_keeps_so_many_bytes_at_most(tmp_path: "Path", monkeypatch: Any) -> None:
    monkeypatch.setattr(held, "MOST_BYTES", 3000)
    entries = [(name, Entry(title=name, content="x" * 1000)) for name in "abcde"]
    with States(tmp_path) as states:
        nothing = held.waiting(states, "f")
        found = held.hold(states, "f", nothing, entries, shown="abcde", taken=(), most=100, now=NOW)
        assert (found.kept, found.over, found.lost) == (2, 3, 0)
        waits = held.waiting(states, "f")
        assert list(waits.kept) == ["a", "b"]
        assert sorted(waits.over) == ["c", "d", "e"]
        found = held.hold(states, "f", waits, entries[1:2], shown="e", taken="ad", most=100, now=NOW)
        assert (found.kept, found.over, found.lost) == (1, 0, 1)
