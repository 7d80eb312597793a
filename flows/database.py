"""How the flows open a small SQLite file of theirs under the home, and what its failures mean."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from schemas.errors import ConfigError, Unavailable

BUSY_S = 10.0
"""How long a statement waits for another process's write."""


def open_database(file: Path, prepare: Callable[[sqlite3.Connection], None], *, remedy: str) -> sqlite3.Connection:
    """The database that `file` holds, made when missing, after `prepare` has seen to its tables.

    Each statement is a transaction of its own. Raises Unavailable when the file can't be read or written, ConfigError
    with `remedy` when it is damaged.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        database = sqlite3.connect(file, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        prepare(database)
    except sqlite3.OperationalError as error:
        raise Unavailable(str(file), str(error)) from None
    except sqlite3.DatabaseError as error:
        raise ConfigError(str(file), f"is damaged: {error}", remedy=remedy) from None
    return database
