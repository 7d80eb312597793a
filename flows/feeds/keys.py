"""By what an entry is known again: its link without tracking, else its id, else its words; pure."""

from collections.abc import Iterable

from flows.feeds.canonical import canonical
from flows.feeds.entry import Entry
from schemas.identity import digest


def key_of(entry: Entry) -> str:
    """What the entry is known by, wherever it is met."""
    return digest("entry", canonical(entry.link) or entry.id or entry.fingerprint)


def keyed(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Each entry once, under its key."""
    found: dict[str, Entry] = {}
    for entry in entries:
        found.setdefault(key_of(entry), entry)
    return found
