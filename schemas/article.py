"""One reading of a news piece, as the poller publishes it."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Lane(StrEnum):
    """Which pieces go first: fresh ones alert, historic ones (backfill, replay) only count."""

    FRESH = "fresh"
    HISTORIC = "historic"


class TextSource(StrEnum):
    """Where the text was found."""

    PAGE = "page"
    FEED = "feed"
    TITLE = "title"


class Flag(StrEnum):
    """What a reader of the piece should know about how it was read."""

    LINK_UNRESOLVED = "link_unresolved"
    """The link is a redirector's, and where it leads could not be found out: another copy may exist under its own."""

    PAYWALLED = "paywalled"
    """The page shows only the beginning to those who don't pay."""

    LIVE = "live"
    """A page that goes on growing: it is read again while it is fresh."""


class Source(BaseModel):
    """What feeds.toml says of the outlet, when the piece was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(default="outlet", max_length=200, description="who speaks: outlet, agency, government, ngo, …")
    group: str = Field(default="general", max_length=200)
    owner: str | None = Field(default=None, max_length=200)
    lean: str | None = Field(default=None, max_length=200, description="as `lean_source`, a public page, puts it")
    lean_source: str | None = Field(default=None, max_length=2048)
    state_media: bool = False


class Article(BaseModel):
    """A piece as it stood when it was read; a later reading of the same page has the same `article_id`.

    `signature` is the MinHash of the text (64 32-bit values, empty when the text is too short to compare);
    `content_hash` is over what a reader sees (title and text), so an unchanged page gives the same one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    article_id: str = Field(min_length=32, max_length=32, pattern=r"^[0-9a-f]{32}$")
    url: str = Field(max_length=4096, description="canonical URL, http(s) only")
    link: str = Field(max_length=4096, description="the URL as the feed gave it")
    feed: str = Field(min_length=1, max_length=200, description="the feed's id in feeds.toml")
    outlet: str = Field(min_length=1, max_length=200, description="the outlet's name as a reader knows it")
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    source: Source | None = Field(
        default=None, description="none: the feed is another's, and knows nothing of the outlet"
    )
    title: str = Field(max_length=2000)
    summary: str = Field(default="", max_length=20_000)
    text: str = Field(default="", max_length=400_000)
    text_source: TextSource = TextSource.PAGE
    language: str = Field(pattern=r"^[a-z]{2,3}$")
    language_guessed: bool = True
    byline: str | None = Field(default=None, max_length=500)
    section: str | None = Field(default=None, max_length=200)
    image: str | None = Field(default=None, max_length=4096)
    published_at: AwareDatetime
    date_guessed: bool = Field(default=False, description="the date is the observation's, or was out of reason")
    updated_at: AwareDatetime | None = None
    observed_at_ms: int = Field(ge=0, description="when this reading was made, ms since the epoch, UTC")
    content_hash: str = Field(pattern=r"^[0-9a-f]{32}$")
    signature: tuple[int, ...] = ()
    lane: Lane = Lane.FRESH
    flags: tuple[Flag, ...] = ()

    @property
    def observed_at(self) -> datetime:
        """When this reading was made."""
        return datetime.fromtimestamp(self.observed_at_ms / 1000, tz=UTC)
