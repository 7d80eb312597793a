"""What the poller learns of a source from poll to poll: its tempo, its moves, its budget, what it looks like."""

from datetime import date

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hub(_Value):
    """A WebSub hub that the source names, and under which URL (`topic`) the hub knows the source."""

    url: str = Field(max_length=2048)
    topic: str = Field(max_length=4096)


class Tempo(_Value):
    """How often the source publishes: new entries and seconds seen, both fading, through a long and a short window."""

    long_new: float = Field(default=0.0, ge=0)
    long_s: float = Field(default=0.0, ge=0)
    short_new: float = Field(default=0.0, ge=0)
    short_s: float = Field(default=0.0, ge=0)


class Move(_Value):
    """A permanent redirect (301, 308) from `asked`, and the days on which it led to the same place."""

    asked: str = Field(max_length=4096)
    to: str = Field(max_length=4096)
    days: tuple[date, ...] = ()
    settled: bool = Field(default=False, description="it led there on several days: asked there from now on")


class Spent(_Value):
    """Entries taken on one day (UTC), against the day's budget; `held` wait for the next one.

    `over` of these are more than are kept, and wait in the feed alone; `lost` were dropped by it on that day.
    """

    day: date | None = None
    entries: int = Field(default=0, ge=0)
    held: int = Field(default=0, ge=0)
    over: int = Field(default=0, ge=0)
    lost: int = Field(default=0, ge=0)


class Hole(_Value):
    """The time of which entries were probably lost, and what of it was found again: `found` pieces at the sitemap `at`.

    `over` were listed besides, and are more than are read of one hole; `reason` says why none could be looked up.
    """

    since: AwareDatetime
    until: AwareDatetime
    open: bool = Field(default=True, description="is to be looked into (again)")
    tries: int = Field(default=0, ge=0)
    at: str | None = Field(default=None, max_length=4096)
    found: int = Field(default=0, ge=0)
    over: int = Field(default=0, ge=0)
    reason: str = ""


class Looks(_Value):
    """What the source's pieces look like, and what of that has changed: each of `drift` is said as a person reads it.

    `overlap` is the share of the feed's entries that were known already; none means that some came and went between
    two polls. Lengths in characters.
    """

    overlap: float | None = Field(default=None, ge=0, le=1)
    lost_at: AwareDatetime | None = Field(default=None, description="when entries were probably lost for the last time")
    losses: int = Field(default=0, ge=0, description="how many times")
    hole: Hole | None = Field(default=None, description="the last one")
    chars: int | None = Field(default=None, ge=0, description="median length of the recent pieces' text")
    undated: float | None = Field(default=None, ge=0, le=1, description="share of recent pieces without a date")
    languages: dict[str, float] = Field(default_factory=dict, description="shares of the recent pieces")
    relevant: float | None = Field(default=None, ge=0, le=1, description="share of recent pieces on the beat")
    drift: tuple[str, ...] = ()
