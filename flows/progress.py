"""How far a flow has come, so that one that was stopped goes on where it was: a small value for each job, in SQLite."""

import json
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from flows.database import open_database
from schemas.errors import Unavailable


class Progresses:
    """The file `flows.db` under `home`; a context manager. Raises Unavailable when it can't be read or written."""

    def __init__(self, home: Path) -> None:
        self._path = home / "flows.db"
        self._db = open_database(self._path, _prepare, remedy="Move it away: flows that were stopped then begin anew")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def load(self, job: str) -> Any:
        """What was saved of the job; None for a new one."""
        row = self._db.execute("SELECT value FROM job WHERE name = ?", (job,)).fetchone()
        return None if row is None else json.loads(row[0])

    def save(self, job: str, value: Any) -> None:
        """Remember how far the job is: whatever JSON can say."""
        self._run("INSERT OR REPLACE INTO job VALUES (?, ?)", job, json.dumps(value))

    def end(self, job: str) -> None:
        """Forget the job: it is done."""
        self._run("DELETE FROM job WHERE name = ?", job)

    def _run(self, statement: str, *values: str) -> None:
        try:
            self._db.execute(statement, values)
        except sqlite3.OperationalError as error:
            raise Unavailable(str(self._path), str(error)) from None


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("CREATE TABLE IF NOT EXISTS job (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
