"""What a search through a source's past comes upon: pieces, and what was passed over with its reason; values only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from flows.feeds.entry import Entry
from flows.feeds.fetch import Page


class Why(StrEnum):
    """What kind of reason it is: not the source's or no page; damaged; to be tried again; worth saying to a person."""

    OTHER = "other"
    WRONG = "wrong"
    AGAIN = "again"
    NOTE = "note"


@dataclass(frozen=True)
class Piece:
    """An entry, with its page when it was kept; `at` is when that page was read, none: now. `where` it was found."""

    entry: Entry
    page: Page | None = None
    at: datetime | None = None
    where: str = ""


@dataclass(frozen=True)
class Passed:
    """Something that gave no piece: `where` it is and the reason."""

    where: str
    reason: str
    why: Why = Why.OTHER


Find = Piece | Passed
