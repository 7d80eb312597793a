"""The tables of `feeds.db`, by version; those of a later one are left alone, those of an earlier one added to."""

import sqlite3
from pathlib import Path

from schemas.errors import ConfigError

SCHEMA = """
CREATE TABLE IF NOT EXISTS feed (id TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (
    feed TEXT NOT NULL, entry TEXT NOT NULL, fingerprint TEXT NOT NULL, article_id TEXT, content_hash TEXT,
    owed INTEGER NOT NULL DEFAULT 0, at REAL NOT NULL, PRIMARY KEY (feed, entry)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_article ON seen (feed, article_id);
CREATE INDEX IF NOT EXISTS seen_at ON seen (at);
CREATE TABLE IF NOT EXISTS unreadable (
    feed TEXT PRIMARY KEY, at REAL NOT NULL, reason TEXT NOT NULL, excerpt BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trait (
    feed TEXT NOT NULL, at REAL NOT NULL, chars INTEGER NOT NULL, dated INTEGER NOT NULL, language TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS trait_feed ON trait (feed, at);
CREATE TABLE IF NOT EXISTS held (
    feed TEXT NOT NULL, entry TEXT NOT NULL, at REAL NOT NULL, data TEXT, PRIMARY KEY (feed, entry)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS verdict (
    feed TEXT NOT NULL, article_id TEXT NOT NULL, at REAL NOT NULL, relevant INTEGER, PRIMARY KEY (feed, article_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS verdict_at ON verdict (at);
CREATE INDEX IF NOT EXISTS verdict_open ON verdict (at) WHERE relevant IS NULL;
CREATE INDEX IF NOT EXISTS verdict_article ON verdict (article_id);
CREATE TABLE IF NOT EXISTS subscription (
    feed TEXT PRIMARY KEY, path TEXT NOT NULL UNIQUE, pinged_at REAL, value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS settled (feed TEXT PRIMARY KEY, marks TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
VERSION = 4


def prepare(database: sqlite3.Connection, path: Path) -> None:
    """Make the tables that are missing. Raises ConfigError when the file is a later version's."""
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    found = database.execute("PRAGMA user_version").fetchone()[0]
    if found > VERSION:
        raise ConfigError(str(path), f"is of version {found}, later than {VERSION}", remedy="Upgrade Vigía")
    if found < VERSION:
        database.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")
    database.execute("SELECT count(*) FROM feed").fetchone()
