"""How the sources do."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.feeds.health import Condition, looked_at, report, troubles
from flows.feeds.state import States
from flows.feeds.turn import resumed
from schemas.feed import Feed, FeedState
from schemas.watch import Hole, Looks, Spent

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def feed(id_: str, *, paused: bool = False) -> Feed:
    return Feed(id=id_, url=f"https://{id_}.example/feed", outlet=id_.title(), paused=paused)


def test_the_report_names_each_sources_trouble_the_worst_first(tmp_path: Path) -> None:
    drifting = Looks(drift=("texts are 80 characters long, not 4000: has the layout changed?",))
    remembered = [
        FeedState(feed="gone", gone=True),
        FeedState(feed="tired", paused_at=NOW, error_streak=20, last_error="answered 500"),
        FeedState(feed="failing", error_streak=2, last_error="answered 503"),
        FeedState(feed="losing", last_success_at=NOW, looks=Looks(overlap=0, lost_at=NOW, losses=1)),
        FeedState(feed="drifting", last_success_at=NOW, looks=drifting),
        FeedState(feed="flood", last_success_at=NOW, spent=Spent(held=40)),
        FeedState(feed="well", last_success_at=NOW),
        FeedState(feed="asleep", last_success_at=NOW, error_streak=9),
    ]
    with States(tmp_path) as states:
        for state in remembered:
            states.save(state, now=NOW)
    feeds = [feed(state.feed, paused=state.feed == "asleep") for state in reversed(remembered)]
    found = report(tmp_path, [*feeds, feed("new")], now=NOW)
    assert [(one.feed, one.condition, one.word) for one in found] == [
        ("gone", Condition.GONE, "410: the server asks not to be asked again"),
        ("tired", Condition.PAUSED, "asked once a week, after 20 failures: answered 500"),
        ("failing", Condition.FAILING, "answered 503 (2 in a row)"),
        ("losing", Condition.LOSING, "entries were probably lost before the poll of 2026-11-24 12:00 UTC"),
        ("drifting", Condition.DRIFTING, drifting.drift[0]),
        ("flood", Condition.HOLDING, "40 entries wait for tomorrow's budget"),
        ("new", Condition.NEW, "not polled yet"),
        ("well", Condition.WELL, ""),
        ("asleep", Condition.ASLEEP, "paused in feeds.toml"),
    ]


def test_what_those_who_run_it_are_told_is_what_no_later_poll_mends() -> None:
    rolled = Looks(overlap=0, lost_at=NOW, losses=1)
    filled = Hole(since=NOW - timedelta(hours=2), until=NOW, open=False, found=3)

    def told(**fields: Any) -> list[str]:
        return [trouble.what for trouble in troubles(FeedState(feed="f", last_success_at=NOW, **fields))]

    assert told() == []
    assert told(error_streak=9, last_error="answered 503", failing_since=NOW) == []
    assert told(paused_at=NOW, error_streak=20, last_error="answered 500") == ["feed.paused"]
    assert told(gone=True) == ["feed.gone"]
    assert told(looks=Looks(drift=("texts are short",))) == ["feed.drift"]
    assert told(spent=Spent(held=9)) == []
    assert told(spent=Spent(held=9, over=1)) == ["feed.overflow"]
    assert told(looks=rolled) == ["feed.losing"]
    assert told(looks=rolled.model_copy(update={"hole": filled})) == []
    assert told(looks=rolled.model_copy(update={"hole": filled.model_copy(update={"over": 5})})) == ["feed.losing"]
    assert {key[0] for key in looked_at("f")} >= {
        "feed.paused",
        "feed.gone",
        "feed.drift",
        "feed.overflow",
        "feed.losing",
    }


def test_a_source_that_is_resumed_is_asked_again_by_a_poller_that_runs(tmp_path: Path) -> None:
    stopped = FeedState(feed="one", gone=True, next_poll_at=NOW)
    with States(tmp_path) as poller, States(tmp_path) as person:
        poller.save(stopped, now=NOW)
        assert poller.all() == {"one": stopped}
        assert person.resume("one") == resumed(stopped)
        assert poller.all() == {"one": resumed(stopped)}
