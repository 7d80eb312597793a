"""A source as feeds.toml lists it, and what the poller remembers of it."""

from enum import StrEnum
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from schemas.watch import Hub, Looks, Move, Spent, Tempo


class Terms(StrEnum):
    """How much of a piece may be kept."""

    FULL_TEXT = "full_text"
    EXCERPT = "excerpt"
    HEADLINE = "headline"


class Transport(StrEnum):
    """How a source shows what is new: a feed of its own, a Google News sitemap, a page with links, or a search's feed.

    A query speaks of many outlets' pieces through links of its own; each piece is read from its page.
    """

    FEED = "feed"
    NEWS_SITEMAP = "news_sitemap"
    LISTING = "listing"
    QUERY = "query"


class Listing(BaseModel):
    """Where a page keeps its links: CSS selectors, or XPath when they begin with a slash or a dot and a slash.

    `item` is what surrounds one piece; the others are looked for inside it. Without a date the piece's page is asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: str = Field(min_length=1, max_length=500)
    link: str = Field(default="a", min_length=1, max_length=500)
    title: str | None = Field(default=None, min_length=1, max_length=500)
    date: str | None = Field(default=None, min_length=1, max_length=500)
    day_first: bool | None = Field(
        default=None,
        description="how 12/03/2026 is meant; none: as the page's other dates show, else as is usual there",
    )


class Place(BaseModel):
    """One URL at which a source may be read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://", max_length=2048)
    transport: Transport = Transport.FEED
    listing: Listing | None = None

    @model_validator(mode="after")
    def _selectors_go_with_a_listing(self) -> Self:
        if (self.transport is Transport.LISTING) != (self.listing is not None):
            msg = 'transport = "listing" and the selectors `listing = { item = "…" }` go together'
            raise ValueError(msg)
        return self


class Feed(Place):
    """One source: where it is, whose it is, and how it may be read.

    When it can't be read at its URL, the `fallbacks` are tried in their order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,99}$", description="lower case, digits, dots and hyphens")
    outlet: str = Field(min_length=1, max_length=200)
    language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$")
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    kind: str = "outlet"
    group: str = "general"
    fallbacks: tuple[Place, ...] = ()
    site: str | None = Field(
        default=None, pattern=r"^https?://", max_length=2048, description="the outlet's, when its feed has another host"
    )
    links_at: str | None = Field(
        default=None, pattern=r"^https?://[^/?#]+$", max_length=500, description="host to put in place of its links'"
    )
    terms: Terms = Terms.FULL_TEXT
    state_media: bool = False
    paused: bool = False
    fetch_pages: bool = Field(default=True, description="read the linked page when the feed has only a summary")
    owner: str | None = Field(default=None, min_length=1, max_length=200)
    lean: str | None = Field(default=None, min_length=1, max_length=200, description="as `lean_source` puts it")
    lean_source: str | None = Field(default=None, pattern=r"^https?://", max_length=2048)
    note: str | None = None

    @model_validator(mode="after")
    def _a_lean_has_its_source(self) -> Self:
        if self.lean is not None and self.lean_source is None:
            msg = "a lean needs its public reference: lean_source"
            raise ValueError(msg)
        return self

    @property
    def places(self) -> tuple[Place, ...]:
        """Where it may be read, the best first."""
        own = Place(url=self.url, transport=self.transport, listing=self.listing)
        return (own, *self.fallbacks)

    def at(self, place: Place) -> "Feed":
        """The same source, read at another of its places."""
        return self.model_copy(update={"url": place.url, "transport": place.transport, "listing": place.listing})


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
    url: str | None = Field(default=None, description="the place that answered last, when it is not the feed's first")
    better_tried_at: AwareDatetime | None = Field(default=None, description="when the places before it were last asked")
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
    failing_since: AwareDatetime | None = None
    paused_at: AwareDatetime | None = Field(default=None, description="by itself, having failed for days")
    body_bytes: int = Field(default=0, ge=0, description="of the last whole answer, on the wire")
    bytes_saved: int = Field(default=0, ge=0, description="that an unchanged feed did not have to send")
    tempo: Tempo = Tempo()
    move: Move | None = None
    said_s: float | None = Field(default=None, gt=0, description="its own ttl or update period")
    hub: Hub | None = Field(default=None, description="that the source named last: WebSub")
    spent: Spent = Spent()
    looks: Looks = Looks()
