"""A source as feeds.toml lists it, and what the poller remembers of it."""

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator


class Terms(StrEnum):
    """How much of a piece may be kept."""

    FULL_TEXT = "full_text"
    EXCERPT = "excerpt"
    HEADLINE = "headline"


class Feed(BaseModel):
    """One source: where it is, whose it is, and how it may be read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,99}$", description="lower case, digits, dots and hyphens")
    url: str = Field(pattern=r"^https?://", max_length=2048)
    outlet: str = Field(min_length=1, max_length=200)
    language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$")
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    kind: str = "outlet"
    group: str = "general"
    transport: Literal["feed"] = "feed"
    terms: Terms = Terms.FULL_TEXT
    state_media: bool = False
    paused: bool = False
    fetch_pages: bool = Field(default=True, description="read the linked page when the feed has only a summary")
    note: str | None = None


class Feeds(BaseModel):
    """The file feeds.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feeds: tuple[Feed, ...] = ()

    @field_validator("feeds")
    @classmethod
    def _ids_differ(cls, feeds: tuple[Feed, ...]) -> tuple[Feed, ...]:
        ids = [feed.id for feed in feeds]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            msg = f"feed id used twice: {', '.join(twice)}"
            raise ValueError(msg)
        return feeds


class FeedState(BaseModel):
    """What the poller remembers of a feed between polls; saved only after the broker acknowledged its articles."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    feed: str
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    next_poll_at: AwareDatetime | None = None
    interval_s: float | None = Field(default=None, gt=0)
    last_polled_at: AwareDatetime | None = None
    last_success_at: AwareDatetime | None = None
    last_new_at: AwareDatetime | None = None
    last_error: str | None = None
    error_streak: int = Field(default=0, ge=0)
    gone: bool = Field(default=False, description="the server answered 410: not polled again until resumed by hand")
