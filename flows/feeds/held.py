"""Entries that the day's budget holds back, kept until there is room: a feed may have dropped them by then.

Kept within a bound, so that a flood fills no disk; what is over it waits in the feed itself, and is counted as lost
when the feed drops it first.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from flows.feeds.entry import Entry
from flows.feeds.state import States

MOST_BYTES = 50_000_000
"""Of one source's entries that are kept."""


@dataclass(frozen=True)
class Waiting:
    """What waits of a source: `kept` entries, the newest first, and the keys of those over the bound."""

    kept: Mapping[str, Entry]
    over: frozenset[str] = frozenset()

    def __contains__(self, key: object) -> bool:
        return key in self.kept or key in self.over


@dataclass(frozen=True)
class Held:
    """How many entries are kept, how many are over the bound, and how many of the latter were lost since."""

    kept: int = 0
    over: int = 0
    lost: int = 0


def waiting(states: States, feed: str) -> Waiting:
    """What waits of the source; an entry that can't be read any more counts as over the bound."""
    rows = states.database.execute("SELECT entry, data FROM held WHERE feed = ? ORDER BY at DESC", (feed,))
    kept: dict[str, Entry] = {}
    over: set[str] = set()
    for key, data in rows:
        try:
            kept[key] = Entry.model_validate_json(data or "")
        except ValidationError:
            over.add(key)
    return Waiting(kept, frozenset(over))


def hold(
    states: States,
    feed: str,
    before: Waiting,
    beyond: Sequence[tuple[str, Entry]],
    *,
    shown: Container[str],
    taken: Container[str],
    most: int,
    now: datetime,
) -> Held:
    """Keep the entries that there was no room for (`beyond`, in the order in which they are to be taken).

    The feed shows `shown` now; `taken` were read. Raises Unavailable.
    """
    stored: dict[str, str] = {}
    size = 0
    # those that the feed has dropped first: of them there is no other copy
    for key, entry in sorted(beyond, key=lambda one: one[0] in shown)[:most]:
        data = entry.model_dump_json(exclude_defaults=True)
        size += len(data)
        if size > MOST_BYTES:
            break
        stored[key] = data
    keep = [(key, stored[key]) for key, _ in beyond if key in stored]
    over = [key for key, _ in beyond if key not in stored]
    # one that can't be kept any longer, and that the feed shows no more, is lost like those over the bound
    gone = {key for key in before.over if key not in shown and key not in taken}
    gone |= {key for key in over if key not in shown}
    rows: list[tuple[str, str | None]] = [*keep, *((key, None) for key in over if key in shown)]
    entries = dict(beyond)
    same = [key for key, _ in keep] == list(before.kept) and {*over} == before.over
    if not (same and all(entries[key] == entry for key, entry in before.kept.items())):
        at = now.timestamp()
        with states.writing() as database:
            database.execute("DELETE FROM held WHERE feed = ?", (feed,))
            # read back by time: the first to be taken is the latest
            database.executemany(
                "INSERT INTO held VALUES (?, ?, ?, ?)",
                [(feed, key, at - number / 1000, data) for number, (key, data) in enumerate(rows)],
            )
    return Held(len(keep), len(rows) - len(keep), len(gone))
