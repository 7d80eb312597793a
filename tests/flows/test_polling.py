"""Whole polls: real sources, a real broker, and what is remembered between."""

import asyncio
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest

from flows import publish
from flows.feeds import obtain
from flows.feeds.fetch import fetch
from flows.feeds.state import States
from flows.polling import due
from flows.report import Result, Summary, headline, table
from schemas.article import TextSource
from schemas.errors import ConfigError, Unavailable
from schemas.feed import Feed, FeedState
from schemas.settings import KafkaSettings

if TYPE_CHECKING:
    from tests.flows.conftest import Desk, Site

KILLED = """
import asyncio, dataclasses, os, signal, sys
from flows.feeds.state import States
from flows.polling import poll_once
from schemas.settings import Settings
from schemas.streams import ARTICLES
States.remember = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
stream = dataclasses.replace(ARTICLES, name=sys.argv[2], partitions=2)
asyncio.run(poll_once(Settings.model_validate_json(sys.argv[1]), force=True, stream=stream))
"""
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def only(summary: Summary) -> Any:
    (polled,) = summary.polled
    return polled


def test_new_pieces_are_published_with_their_pages_text_and_only_once(desk: "Desk") -> None:
    desk.source("one")
    desk.items(("/a", "First"), ("/b", "Second"), ETag='"1"')
    desk.page("/a", "Alpha.")
    desk.page("/b", "Beta.")
    first = only(desk.poll())
    assert (first.result, first.new, first.entries, first.left, first.reason) == (Result.READ, 2, 2, 0, None)
    assert first.bytes > 500
    assert {(a.title, a.text.split()[0], a.text_source) for a in desk.published()} == {
        ("First", "Alpha.", TextSource.PAGE),
        ("Second", "Beta.", TextSource.PAGE),
    }
    assert only(desk.poll()).result is Result.UNCHANGED
    desk.items(("/c", "Third"), ("/a", "First"), ETag='"2"')
    desk.page("/c", "Gamma.")
    assert only(desk.poll()).new == 1
    assert (len(desk.published()), desk.site.hits("/a")) == (3, 1)
    assert desk.site.headers("/feed")["If-None-Match"] == '"1"'


def test_a_changed_piece_is_published_again_under_its_id_and_an_unchanged_page_is_not(desk: "Desk") -> None:
    desk.source("one")
    desk.items(("/a", "Title"))
    desk.page("/a", "Alpha.")
    desk.poll()
    desk.items(("/a", "Title corrected"))
    assert only(desk.poll()).new == 1
    before, after = desk.published()
    assert before.article_id == after.article_id
    assert (before.title, after.title) == ("Title", "Title corrected")
    assert before.content_hash != after.content_hash
    desk.items(("/a", "Title corrected"), description="Another summary.")
    assert only(desk.poll()).new == 0
    assert desk.site.hits("/a") == 3


def test_one_sources_failure_is_remembered_and_the_others_go_on(desk: "Desk") -> None:
    desk.source("bad", "/bad")
    desk.source("html", "/html")
    desk.source("good")
    desk.site.answers |= {
        "/bad": (503, {"Retry-After": "7200"}, b""),
        "/html": b"<html><body>maintenance</body></html>",
    }
    desk.items(("/a", "Title"))
    desk.page("/a", "Alpha.")
    summary = desk.poll()
    assert {one.feed: one.result for one in summary.polled} == {
        "bad": Result.FAILED,
        "html": Result.FAILED,
        "good": Result.READ,
    }
    for streak in (1, 2):
        state = desk.state("bad")
        assert (state.error_streak, state.last_error) == (streak, "answered 503")
        assert state.next_poll_at is not None
        assert state.last_polled_at is not None
        assert state.next_poll_at - state.last_polled_at == timedelta(hours=2)
        desk.poll(only=["bad"])
    with States(desk.settings.home) as states:
        kept = states.unreadable("html")
    assert kept is not None
    assert kept[1].startswith(b"<html>")
    assert summary.count(Result.FAILED) == 2
    assert [row["source"] for row in table(summary)] == ["bad", "html", "good"]
    assert headline(summary).startswith("3 sources polled: 1 new articles")


def test_a_fault_of_ours_in_one_source_spares_the_others(desk: "Desk", monkeypatch: pytest.MonkeyPatch) -> None:
    desk.source("one", "/one")
    desk.source("two", "/two")
    for path in ("/one", "/two"):
        desk.items(("/a", "Title"), path=path)
    desk.page("/a", "Alpha.")
    inner = fetch

    async def faulty(feed: Feed, *args: Any, **kwargs: Any) -> Any:
        if feed.id == "one":
            raise ZeroDivisionError("by nought")
        return await inner(feed, *args, **kwargs)

    monkeypatch.setattr(obtain, "fetch", faulty)
    assert {one.feed: one.new for one in desk.poll().polled} == {"one": 0, "two": 1}
    assert desk.state("one").last_error == "ZeroDivisionError: by nought"


def test_a_slow_host_delays_nobody_else_and_itself_not_for_ever(desk: "Desk", canary: "Site") -> None:
    def never(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(8)

    poll = desk.settings.poll.model_copy(update={"total_s": 1.5})
    desk.settings = desk.settings.model_copy(update={"poll": poll})
    for number in range(4):
        desk.source(f"slow{number}", f"/slow{number}", url=canary.url(f"/slow{number}"))
        canary.answers[f"/slow{number}"] = never
    desk.source("quick")
    desk.items(("/a", "Title"))
    desk.page("/a", "Alpha.")
    started = time.monotonic()
    took = {one.feed: (one.result, one.seconds) for one in desk.poll().polled}
    assert took["quick"][0] is Result.READ
    assert took["quick"][1] < 1.5
    assert took["slow0"][0] is Result.FAILED
    # two at once, a second and a half each
    assert 2.9 < time.monotonic() - started < 6


def test_a_broker_that_is_away_loses_nothing(desk: "Desk", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "CONNECT_MS", 500)
    desk.source("one")
    desk.items(("/a", "Title"), ETag='"1"')
    desk.page("/a", "Alpha.")
    away = desk.settings.model_copy(update={"kafka": KafkaSettings(servers=("127.0.0.1:1",))})
    with pytest.raises(Unavailable):
        desk.poll(settings=away)
    assert desk.state("one") == FeedState(feed="one")
    assert only(desk.poll()).new == 1


def test_a_poll_killed_before_it_remembers_repeats_the_very_same_reading(desk: "Desk") -> None:
    desk.source("one")
    desk.items(("/a", "Title"))
    desk.page("/a", "Alpha.")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, desk.settings.model_dump_json(), desk.stream.name], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(desk.published()) == 1
    assert only(desk.poll()).new == 1
    first, second = desk.published()
    assert (first.article_id, first.content_hash) == (second.article_id, second.content_hash)
    assert only(desk.poll()).new == 0


def test_two_polls_at_once_only_do_the_same_work_twice(desk: "Desk") -> None:
    desk.source("one")
    desk.items(*((f"/{number}", f"Title {number}") for number in range(10)))
    for number in range(10):
        desk.page(f"/{number}", f"Word{number}.")

    async def both() -> list[Summary]:
        return list(await asyncio.gather(desk.polling(), desk.polling()))

    assert all(only(summary).result is not Result.FAILED for summary in desk.run(both()))
    published = desk.published()
    assert len({one.article_id for one in published}) == 10
    assert len({(one.article_id, one.content_hash) for one in published}) == 10


def test_entries_over_the_limit_are_left_for_the_next_poll_and_none_is_skipped(desk: "Desk") -> None:
    poll = desk.settings.poll.model_copy(update={"max_entries": 3})
    desk.settings = desk.settings.model_copy(update={"poll": poll})
    desk.source("one", fetch_pages=False)
    desk.items(*((f"/{number}", f"Title {number}") for number in range(7)), ETag='"1"')
    counts = [(one.new, one.left) for one in (only(desk.poll()) for _ in range(4))]
    assert counts == [(3, 4), (3, 1), (1, 0), (0, 0)]
    assert len(desk.published()) == 7
    assert desk.site.headers("/feed")["If-None-Match"] == '"1"'


def test_a_feed_that_moved_for_good_is_asked_at_its_new_place_after_three_days(desk: "Desk") -> None:
    desk.source("one")
    desk.site.answers["/feed"] = (301, {"Location": "/new"}, b"")
    desk.items(path="/new")
    today = datetime.now(UTC)
    for day in range(4):
        (polled,) = desk.poll(now=lambda at=today + timedelta(days=day): at).polled
        assert polled.result is not Result.FAILED
        assert any("has moved for good" in note for note in polled.notes) == (day == 2)
    assert (desk.site.hits("/feed"), desk.site.hits("/new")) == (3, 4)


def test_a_permanent_redirect_into_the_private_network_is_never_remembered(desk: "Desk", canary: "Site") -> None:
    desk.source("one")
    desk.site.answers["/feed"] = (308, {"Location": f"http://127.0.0.2:{canary.port}/"}, b"")
    today = datetime.now(UTC)
    for day in range(4):
        desk.poll(now=lambda at=today + timedelta(days=day): at)
    assert desk.state("one").move is None
    assert canary.asked == []


def test_a_flooding_source_spends_its_days_budget_and_says_so_while_others_go_on(desk: "Desk") -> None:
    poll = desk.settings.poll.model_copy(update={"max_entries": 20, "max_entries_day": 30})
    desk.settings = desk.settings.model_copy(update={"poll": poll})
    desk.source("flood", fetch_pages=False)
    desk.source("calm", "/calm", fetch_pages=False)
    desk.items(*((f"/{number}", f"Title {number}") for number in range(500)))
    desk.items(("/a", "Title"), path="/calm")
    found = [{one.feed: one for one in desk.poll().polled} for _ in range(3)]
    assert [poll["flood"].new for poll in found] == [20, 10, 0]
    assert [(poll["flood"].left, poll["flood"].held) for poll in found] == [(480, 0), (0, 470), (0, 470)]
    assert found[0]["calm"].new == 1
    assert "470 entries are held back" in table(desk.poll())[0]["reason"]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert {one.feed: one.new for one in desk.poll(now=lambda: tomorrow).polled}["flood"] == 20


def test_a_feed_that_rolled_over_between_two_polls_is_named(desk: "Desk") -> None:
    desk.source("one", fetch_pages=False)
    desk.items(*((f"/{number}", f"Title {number}") for number in range(10)))
    desk.poll()
    desk.items(*((f"/{number}", f"Title {number}") for number in range(5, 15)))
    assert only(desk.poll()).notes == ()
    assert desk.state("one").looks.overlap == 0.5
    desk.items(*((f"/{number}", f"Title {number}") for number in range(50, 60)))
    assert "entries were probably lost" in only(desk.poll()).notes[0]
    assert desk.state("one").looks.losses == 1


def test_a_page_that_fails_is_read_later_and_the_summary_stands_in_until_then(desk: "Desk") -> None:
    desk.source("one")
    desk.items(("/a", "Title"), ETag='"1"')
    desk.site.answers["/a"] = (500, {}, b"")
    assert only(desk.poll()).new == 1
    desk.page("/a", "Alpha.")
    assert only(desk.poll()).new == 1
    summary, page = desk.published()
    assert (summary.text, summary.text_source) == ("In short.", TextSource.FEED)
    assert page.text.startswith("Alpha.")
    assert summary.article_id == page.article_id
    assert only(desk.poll()).new == 0


def test_a_site_whose_pages_fail_is_left_in_peace(desk: "Desk") -> None:
    desk.source("one")
    desk.items(*((f"/{number}", f"Title {number}") for number in range(30)))
    for _ in range(4):
        desk.poll()
    asked = sum(path not in {"/feed", "/robots.txt"} for path, _ in desk.site.asked)
    assert asked <= 3 * (3 + 1)
    assert len(desk.published()) == 30


def test_a_site_that_asks_to_wait_is_not_asked_for_more_pages(desk: "Desk") -> None:
    desk.source("one")
    desk.items(*((f"/{number}", f"Title {number}") for number in range(10)))
    for number in range(10):
        desk.site.answers[f"/{number}"] = (429, {"Retry-After": "600"}, b"")
    polled = only(desk.poll())
    assert polled.left >= 8
    state = desk.state("one")
    assert state.next_poll_at is not None
    assert state.last_polled_at is not None
    assert state.next_poll_at - state.last_polled_at == timedelta(seconds=600)


def test_pages_are_asked_for_two_at_a_time(desk: "Desk") -> None:
    now = most = 0

    def slow(handler: BaseHTTPRequestHandler) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        time.sleep(0.1)
        now -= 1
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.end_headers()
        handler.wfile.write(b"<article><p>" + b"The two governments signed the agreement. " * 9 + b"</p></article>")

    desk.source("one")
    desk.items(*((f"/{number}", f"Title {number}") for number in range(8)))
    for number in range(8):
        desk.site.answers[f"/{number}"] = slow
    assert only(desk.poll()).new == 8
    assert most == 2


def test_an_entry_that_links_into_the_private_network_fetches_nothing(desk: "Desk", canary: "Site") -> None:
    desk.source("one")
    links = [f"http://127.0.0.2:{canary.port}/a", f"http://localhost:{canary.port}/b", "file:///etc/passwd", ""]
    items = "".join(f"<item><title>T{n}</title><link>{link}</link></item>" for n, link in enumerate(links))
    desk.site.answers["/feed"] = f"<rss version='2.0'><channel>{items}</channel></rss>".encode()
    desk.settings = desk.settings.model_copy(
        update={"poll": desk.settings.poll.model_copy(update={"allow_networks": ("127.0.0.1/32",)})}
    )
    polled = only(desk.poll())
    assert [path for path, _ in canary.asked if path == "/a"] == []
    assert (polled.new, polled.skipped) == (0, 4)


def test_a_source_that_is_gone_is_not_asked_again_until_it_is_forced(desk: "Desk") -> None:
    desk.source("one")
    desk.site.answers["/feed"] = (410, {}, b"")
    assert only(desk.poll()).result is Result.GONE
    later = datetime.now(UTC) + timedelta(days=3)
    assert desk.poll(force=False, now=lambda: later).polled == ()
    desk.items(("/a", "Title"))
    assert only(desk.poll(only=["one"])).result is Result.READ
    assert not desk.state("one").gone


def test_an_article_that_is_too_big_is_refused_once_and_the_others_go_on(desk: "Desk") -> None:
    desk.stream = replace(desk.stream, max_bytes=4_000)
    desk.source("one")
    desk.items(("/a", "Big"), ("/b", "Small"))
    desk.page("/a", "Alpha. " * 2_000)
    desk.page("/b", "Beta.")
    polled = only(desk.poll())
    assert (polled.new, polled.refused) == (1, 1)
    assert (only(desk.poll()).refused, desk.site.hits("/a")) == (0, 1)


def test_sources_are_polled_when_they_are_due_and_by_name(desk: "Desk") -> None:
    desk.source("one", "/one")
    desk.source("two", "/two")
    desk.source("paused", "/paused", paused=True)
    for path in ("/one", "/two"):
        desk.items(path=path)
    assert {one.feed for one in desk.poll(force=False).polled} == {"one", "two"}
    assert desk.poll(force=False).polled == ()
    assert {one.feed for one in desk.poll(only=["two"]).polled} == {"two"}
    with pytest.raises(ConfigError, match=r"has no feed 'three'. There are one, two, paused"):
        desk.poll(only=["three"])


def test_a_clock_that_was_set_back_stops_no_source() -> None:
    feed = Feed(id="f", url="https://news.example/feed", outlet="F")
    soon, ahead = NOW + timedelta(minutes=5), NOW + timedelta(days=1)
    assert not due(feed, FeedState(feed="f", last_polled_at=NOW, next_poll_at=soon), now=NOW)
    assert due(feed, FeedState(feed="f", last_polled_at=ahead, next_poll_at=ahead + timedelta(minutes=5)), now=NOW)
    assert due(feed, FeedState(feed="f", last_polled_at=NOW, next_poll_at=NOW), now=NOW)
    assert not due(feed, FeedState(feed="f", gone=True), now=NOW)
