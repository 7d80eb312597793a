"""What the poller remembers."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.feeds.state import KEEP, Seen, States
from schemas.errors import ConfigError, Unavailable
from schemas.feed import FeedState

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_what_is_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    state = FeedState(feed="f", etag='"1"', next_poll_at=NOW)
    with States(tmp_path) as states:
        assert states.load("f") == FeedState(feed="f")
        states.remember("f", [Seen("e1", "x", "a" * 32, "b" * 32), Seen("e2", "y", owed=2)], now=NOW)
        states.save(state, now=NOW)
    with States(tmp_path) as states:
        assert states.all() == {"f": state}
        assert states.seen("f") == {"e1": Seen("e1", "x", "a" * 32, "b" * 32), "e2": Seen("e2", "y", owed=2)}
        assert states.seen("other") == {}


def test_an_unreadable_body_is_kept_until_the_feed_is_readable_again(tmp_path: Path) -> None:
    with States(tmp_path) as states:
        states.save_unreadable(FeedState(feed="f", error_streak=1), "is not a feed", b"<html>" * 20_000, now=NOW)
        found = states.unreadable("f")
        assert found is not None
        assert (found[0], len(found[1])) == ("is not a feed", 65536)
        states.save(FeedState(feed="f"), now=NOW)
        assert states.unreadable("f") is None


def test_entries_that_are_still_shown_outlive_those_that_are_not(tmp_path: Path) -> None:
    with States(tmp_path) as states:
        states.remember("f", [Seen("old", "x"), Seen("shown", "y")], now=NOW)
        later = NOW + KEEP + timedelta(days=1)
        states.save(FeedState(feed="f"), shown=["shown"], now=later)
        assert states.prune(now=later) == 1
        assert set(states.seen("f")) == {"shown"}


def test_two_processes_may_write_in_turn(tmp_path: Path) -> None:
    with States(tmp_path) as one, States(tmp_path) as two:
        one.save(FeedState(feed="a"), now=NOW)
        two.save(FeedState(feed="b"), now=NOW)
        assert set(one.all()) == {"a", "b"}


def test_a_damaged_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with States(tmp_path) as states:
        states.remember("f", [Seen(f"e{i}", "x" * 500) for i in range(500)], now=NOW)
    file = tmp_path / "feeds.db"
    whole = file.read_bytes()
    file.write_bytes(b"garbage" * 1000)
    with pytest.raises(ConfigError, match="Move it away"):
        States(tmp_path)
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match="Move it away"):
        States(tmp_path)


def test_a_later_versions_file_is_refused(tmp_path: Path) -> None:
    with States(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "feeds.db") as db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(ConfigError, match="Upgrade"):
        States(tmp_path)


def test_a_disk_that_is_full_is_unavailable_and_the_older_state_stays(tmp_path: Path) -> None:
    with States(tmp_path) as states:
        states.save(FeedState(feed="f", etag="1"), now=NOW)
        states._db.execute(f"PRAGMA max_page_count={states._db.execute('PRAGMA page_count').fetchone()[0]}")
        with pytest.raises(Unavailable, match="full"):
            states.remember("f", [Seen(f"e{i}", "x" * 500) for i in range(500)], now=NOW)
        assert states.load("f").etag == "1"
