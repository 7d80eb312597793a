"""What a poll changes in what is remembered of a source."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flows.feeds.health import notes
from flows.feeds.interval import FLOOR_S, PROBE_S
from flows.feeds.turn import Pace, Reading, Told, failed, located, moved, read, resumed, room, unchanged
from schemas.feed import Feed, FeedState
from schemas.watch import Move

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PACE = Pace(default_s=600, poll_entries=100, day_entries=250, pause_after=15)
OLD, NEW = "https://news.example/feed", "https://www.news.example/rss"
FEED = Feed(id="f", url=OLD, outlet="F")
ANSWER = Told(asked=OLD, etag='"1"', wire_bytes=5_000)


def reading(**fields: Any) -> Reading:
    usual: dict[str, Any] = {"body_hash": "x", "shown": 20, "known": 20, "fresh": 0, "taken": 0, "new": 0}
    return Reading(**usual | fields)


def test_a_permanent_redirect_is_believed_after_three_days_and_not_before() -> None:
    move = None
    for hours in (0, 1, 5, 23):
        move = moved(move, asked=OLD, to=NEW, now=NOW.replace(hour=0) + timedelta(hours=hours))
        assert move is not None
        assert not move.settled
    for days in (1, 2):
        move = moved(move, asked=OLD, to=NEW, now=NOW + days * DAY)
    assert move is not None
    assert move.settled
    state = FeedState(feed="f", move=move)
    assert located(FEED, state).url == NEW
    other = FEED.model_copy(update={"url": "https://corrected.example/feed"})
    assert located(other, state).url == other.url
    assert moved(move, asked=NEW, to=None, now=NOW) == move


def test_a_redirect_that_stops_changes_or_leaves_https_begins_anew() -> None:
    twice = Move(asked=OLD, to=NEW, days=(NOW.date(), (NOW + DAY).date()))
    assert moved(twice, asked=OLD, to=None, now=NOW + 2 * DAY) is None
    elsewhere = moved(twice, asked=OLD, to="https://parked.example/", now=NOW + 2 * DAY)
    assert elsewhere is not None
    assert len(elsewhere.days) == 1
    assert moved(None, asked=OLD, to="http://news.example/feed", now=NOW) is None
    settled = twice.model_copy(update={"settled": True})
    assert moved(settled, asked=NEW, to="https://third.example/", now=NOW) is None


def test_a_place_that_fails_after_the_move_gives_way_to_the_one_in_the_file() -> None:
    state = FeedState(feed="f", move=Move(asked=OLD, to=NEW, days=(NOW.date(),), settled=True))
    for _ in range(3):
        assert located(FEED, state).url == NEW
        state = failed(state, "answered 404", pace=PACE, now=NOW)
    assert located(FEED, state).url == OLD


def test_a_streak_of_failures_pauses_a_source_only_after_days_and_it_is_asked_weekly() -> None:
    state = FeedState(feed="f")
    for _ in range(40):
        state = failed(state, "answered 500", pace=PACE, now=NOW)
    assert state.paused_at is None
    paused = failed(state, "answered 500", pace=PACE, now=NOW + 3 * DAY)
    assert paused.next_poll_at == NOW + 3 * DAY + timedelta(seconds=PROBE_S)
    assert notes(state, paused) == ("paused after 41 failures in a row: asked once a week from now on",)
    back = unchanged(paused, ANSWER, pace=PACE, now=NOW + 9 * DAY)
    assert (back.paused_at, back.failing_since, back.error_streak) == (None, None, 0)
    assert notes(paused, back) == ("is back",)
    assert resumed(paused).next_poll_at is None


def test_a_feed_that_rolled_over_is_named_and_polled_sooner() -> None:
    state = FeedState(feed="f", last_success_at=NOW - timedelta(hours=4))
    calm = read(state, ANSWER, reading(known=19, fresh=1, taken=1, new=1), pace=PACE, now=NOW)
    rolled = read(state, ANSWER, reading(known=0, fresh=20, taken=20, new=20), pace=PACE, now=NOW)
    assert (calm.looks.overlap, calm.looks.losses) == (0.95, 0)
    assert (rolled.looks.overlap, rolled.looks.losses, rolled.looks.lost_at) == (0, 1, NOW)
    assert rolled.interval_s is not None
    assert calm.interval_s is not None
    assert FLOOR_S <= rolled.interval_s < calm.interval_s / 2
    assert "entries were probably lost" in notes(state, rolled)[0]
    first = read(FeedState(feed="f"), ANSWER, reading(known=0, fresh=20, taken=20), pace=PACE, now=NOW)
    assert (first.looks.overlap, first.looks.losses) == (None, 0)


def test_a_flood_is_held_to_its_budget_and_goes_on_the_next_day() -> None:
    state = FeedState(feed="f", last_success_at=NOW)
    taken = []
    for _ in range(4):
        taken.append(room(state, PACE, now=NOW))
        left = 5000 - sum(taken)
        spent = sum(taken) >= PACE.day_entries
        over = {"held": left} if spent else {"left": left}
        state = read(state, ANSWER, reading(taken=taken[-1], fresh=taken[-1], **over), pace=PACE, now=NOW)
    assert taken == [100, 100, 50, 0]
    # what is held back is kept, so that only what is over that bound must be offered again
    assert state.etag == '"1"'
    assert read(state, ANSWER, reading(held=9, over=1), pace=PACE, now=NOW).etag is None
    assert state.next_poll_at is not None
    assert state.next_poll_at > NOW
    assert notes(FeedState(feed="f"), state)[-1].endswith("entries are held back: the day's budget is spent")
    assert room(state, PACE, now=NOW + DAY) == 100


def test_what_an_unchanged_feed_did_not_send_is_counted() -> None:
    state = read(FeedState(feed="f"), ANSWER, reading(), pace=PACE, now=NOW)
    quiet = unchanged(state, Told(asked=OLD, wire_bytes=0), pace=PACE, now=NOW + timedelta(hours=1))
    assert (state.bytes_saved, quiet.bytes_saved) == (0, 5_000)
