"""What the poller remembers between polls, in SQLite: saved only after the broker acknowledged a feed's articles."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from flows.database import open_database
from flows.feeds.tables import prepare
from flows.feeds.traits import Trait
from flows.feeds.turn import resumed
from schemas.errors import ConfigError, Unavailable
from schemas.feed import FeedState

KEEP = timedelta(days=60)
"""An entry that its feed has not shown for this long is forgotten."""

DAY_S = 86_400.0
"""How exactly it is known when an entry was shown last: to note each time would write the whole feed again."""

TRAITS = 120
"""How many of a feed's last pieces are looked at, to see what changes."""


@dataclass(frozen=True)
class Seen:
    """An entry as it was last read: `fingerprint` of what the feed said, the article that it gave, if any.

    `owed` is how many more times its page is to be tried.
    """

    entry: str
    fingerprint: str
    article_id: str | None = None
    content_hash: str | None = None
    owed: int = 0


class States:
    """The file `feeds.db` under `home`; a context manager. Two processes may use it at once.

    Raises ConfigError when the file is not such a database or is a later version's, Unavailable when it can't be
    written: a full disk, a file system that went away.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / "feeds.db"
        self._all: dict[str, FeedState] | None = None
        self._version: int | None = None
        remedy = "Move it away: every source is then read anew, and what was published before is recognised"
        self._db = open_database(self._path, lambda database: prepare(database, self._path), remedy=remedy)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def load(self, feed: str) -> FeedState:
        """What is remembered of a feed; a fresh state when nothing is."""
        row = self._db.execute("SELECT state FROM feed WHERE id = ?", (feed,)).fetchone()
        return FeedState(feed=feed) if row is None else self._decoded(feed, row[0])

    def all(self) -> dict[str, FeedState]:
        """What is remembered of every feed, by its id."""
        # tells of what others wrote, never of what this connection wrote
        version = self._db.execute("PRAGMA data_version").fetchone()[0]
        if self._all is None or version != self._version:
            rows = self._db.execute("SELECT id, state FROM feed").fetchall()
            self._all = {feed: self._decoded(feed, state) for feed, state in rows}
            self._version = version
        return dict(self._all)

    def seen(self, feed: str) -> dict[str, Seen]:
        """The feed's entries as last read, by their key."""
        rows = self._db.execute(
            "SELECT entry, fingerprint, article_id, content_hash, owed FROM seen WHERE feed = ?", (feed,)
        ).fetchall()
        return {row[0]: Seen(*row) for row in rows}

    def settled(self, feed: str) -> dict[str, str]:
        """The marks of what the feed showed last and nothing is owed of, each with its entry."""
        row = self._db.execute("SELECT marks FROM settled WHERE feed = ?", (feed,)).fetchone()
        return {} if row is None else json.loads(row[0])

    def unreadable(self, feed: str) -> tuple[str, bytes] | None:
        """Why the feed's last unreadable body was so, and its first bytes; None when it has been readable since."""
        row = self._db.execute("SELECT reason, excerpt FROM unreadable WHERE feed = ?", (feed,)).fetchone()
        return None if row is None else (row[0], row[1])

    def traits(self, feed: str) -> list[Trait]:
        """What the feed's last pieces looked like, oldest first."""
        rows = self._db.execute(
            "SELECT chars, dated, language, at FROM trait WHERE feed = ? ORDER BY at DESC LIMIT ?", (feed, TRAITS)
        ).fetchall()
        return [Trait(chars, bool(dated), language, at) for chars, dated, language, at in reversed(rows)]

    def note(self, name: str) -> str | None:
        """What was noted under that name last."""
        row = self._db.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def take_note(self, name: str, value: str) -> None:
        """Note a value of the poller's own under a name, in place of what was there."""
        with self.writing() as database:
            database.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (name, value))

    def verdicts(self, feed: str) -> list[bool]:
        """Of the feed's last pieces whose relevance is known, whether they are on the beat; oldest first."""
        rows = self._db.execute(
            "SELECT relevant FROM verdict WHERE feed = ? AND relevant IS NOT NULL ORDER BY at DESC LIMIT ?",
            (feed, TRAITS),
        ).fetchall()
        return [bool(relevant) for (relevant,) in reversed(rows)]

    def unjudged(self, *, before: datetime, limit: int) -> list[str]:
        """Pieces published before that moment of which it is not known whether they are on the beat, oldest first."""
        rows = self._db.execute(
            "SELECT article_id FROM verdict WHERE relevant IS NULL AND at <= ? ORDER BY at LIMIT ?",
            (before.timestamp(), limit),
        ).fetchall()
        return list(dict.fromkeys(article_id for (article_id,) in rows))

    def judge(self, verdicts: Mapping[str, bool]) -> None:
        """Remember of pieces whether they are on the beat."""
        with self.writing() as database:
            database.executemany(
                "UPDATE verdict SET relevant = ? WHERE article_id = ? AND relevant IS NULL",
                [(relevant, article_id) for article_id, relevant in verdicts.items()],
            )

    def remember(self, feed: str, seen: Iterable[Seen], *, traits: Iterable[Trait] = (), now: datetime) -> None:
        """Remember entries just read, whose articles the broker has acknowledged, and what these look like."""
        at, entries = now.timestamp(), list(seen)
        with self.writing():
            self._db.executemany(
                "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(feed, s.entry, s.fingerprint, s.article_id, s.content_hash, s.owed, at) for s in entries],
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO verdict VALUES (?, ?, ?, NULL)",
                [(feed, s.article_id, at) for s in entries if s.article_id is not None],
            )
            self._db.executemany(
                "INSERT INTO trait VALUES (?, ?, ?, ?, ?)",
                [(feed, at, trait.chars, trait.dated, trait.language) for trait in traits],
            )

    def save(
        self,
        state: FeedState,
        *,
        shown: Iterable[str] = (),
        settled: Mapping[str, str] | None = None,
        now: datetime,
    ) -> None:
        """Remember the feed's state, that the entries `shown` are still in the feed, and which marks are settled."""
        at = now.timestamp()
        with self.writing():
            self._put(state)
            self._db.executemany(
                "UPDATE seen SET at = ? WHERE feed = ? AND entry = ? AND at < ?",
                [(at, state.feed, entry, at - DAY_S) for entry in shown],
            )
            if settled is not None:
                self._db.execute("INSERT OR REPLACE INTO settled VALUES (?, ?)", (state.feed, json.dumps(settled)))
            if state.error_streak == 0:
                self._db.execute("DELETE FROM unreadable WHERE feed = ?", (state.feed,))

    def save_unreadable(self, state: FeedState, reason: str, excerpt: bytes, *, now: datetime) -> None:
        """Remember the feed's state and the body that could not be read."""
        with self.writing():
            self._put(state)
            self._db.execute(
                "INSERT OR REPLACE INTO unreadable VALUES (?, ?, ?, ?)",
                (state.feed, now.timestamp(), reason, excerpt[:65536]),
            )

    def prune(self, *, now: datetime) -> int:
        """Forget entries that no feed has shown for long; how many there were."""
        long_ago = ((now - KEEP).timestamp(),)
        with self.writing():
            self._db.execute("DELETE FROM trait WHERE at < ?", long_ago)
            self._db.execute("DELETE FROM verdict WHERE at < ?", long_ago)
            return self._db.execute("DELETE FROM seen WHERE at < ?", long_ago).rowcount

    def resume(self, feed: str) -> FeedState:
        """Let a feed that paused by itself, or is gone, be polled again; its state from now on."""
        state = resumed(self.load(feed))
        with self.writing():
            self._put(state)
        return state

    def _put(self, state: FeedState) -> None:
        self._db.execute("INSERT OR REPLACE INTO feed VALUES (?, ?)", (state.feed, state.model_dump_json()))
        if self._all is not None:
            self._all[state.feed] = state

    def _decoded(self, feed: str, text: str) -> FeedState:
        try:
            return FeedState.model_validate_json(text)
        except ValidationError as error:
            reason = f"the state of feed {feed!r} is not one: {error.errors()[0]['msg']}"
            raise ConfigError(str(self._path), reason, remedy="Move the file away to begin anew") from None

    @property
    def database(self) -> sqlite3.Connection:
        """To read from; for the modules that keep tables of their own in the same file."""
        return self._db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, of this connection. Raises Unavailable when it can't be written."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                self._all = None
                raise
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._all = None
            raise Unavailable(str(self._path), str(error)) from None
