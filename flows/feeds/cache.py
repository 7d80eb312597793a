"""What need not be asked again soon (robots.txt, where a redirector led), in SQLite; may be deleted at any time."""

import sqlite3
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS cache (
    kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT, until REAL NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID
"""
Value = str | None
"""None is an answer too: that there is nothing."""


class Cache:
    """The file `cache.db` under `home`. A file that fails only costs asking again, so no error leaves here."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._path = home / "cache.db"
        self._db = self._open()

    def get(self, kind: str, key: str, *, now: datetime) -> tuple[Value] | None:
        """What was put there, in a tuple of one; None when there is nothing that still holds."""
        try:
            row: tuple[Value] | None = self._db.execute(
                "SELECT value FROM cache WHERE kind = ? AND key = ? AND until > ?", (kind, key, now.timestamp())
            ).fetchone()
        except sqlite3.Error as error:
            log.warning("cache.failed", reason=str(error))
            return None
        return row

    def put(self, kind: str, key: str, value: Value, *, seconds: float, now: datetime) -> None:
        """Keep a value for so long."""
        try:
            self._db.execute(
                "INSERT OR REPLACE INTO cache VALUES (?, ?, ?, ?)", (kind, key, value, now.timestamp() + seconds)
            )
        except sqlite3.Error as error:
            log.warning("cache.failed", reason=str(error))

    def close(self, *, now: datetime) -> None:
        """Drop what no longer holds, and close the file."""
        with suppress(sqlite3.Error):
            self._db.execute("DELETE FROM cache WHERE until <= ?", (now.timestamp(),))
        self._db.close()

    def _open(self) -> sqlite3.Connection:
        for attempt in (0, 1):
            db = sqlite3.connect(self._path, timeout=5.0, isolation_level=None, check_same_thread=False)
            try:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("PRAGMA synchronous=NORMAL")
                db.execute(SCHEMA)
            except sqlite3.OperationalError as error:
                log.warning("cache.failed", reason=str(error))
                break
            except sqlite3.DatabaseError as error:
                log.warning("cache.damaged", reason=str(error))
                db.close()
                if attempt == 0:
                    with suppress(OSError):
                        self._path.unlink()
            else:
                return db
        memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        memory.execute(SCHEMA)
        return memory
