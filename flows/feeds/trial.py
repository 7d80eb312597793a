"""A dry run of one source: what it shows, and what would be published of it; nothing is published or remembered."""

from collections.abc import Callable
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from flows.feeds.entry import Broken, Parsed
from flows.feeds.fetch import Gone
from flows.feeds.obtain import Obtained, obtain
from flows.feeds.piece import read_piece
from flows.feeds.reach import Reach, open_reach
from flows.feeds.readers import Readers
from schemas.article import Article
from schemas.errors import FetchFailed
from schemas.feed import Feed, FeedState, Transport
from schemas.settings import Settings


class Tried(BaseModel):
    """One entry: its article, or the reason why there would be none; `page` says why its page was not used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    link: str
    title: str
    article: Article | None = None
    reason: str | None = None
    page: str | None = None


class Trial(BaseModel):
    """What came of it: `url` is the place that answered, `shown` how many entries it shows, `tried` the first of them.

    `broken` are entries that could not be read at all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    feed: str
    url: str
    transport: Transport
    title: str = ""
    language: str | None = None
    shown: int = 0
    wire_bytes: int = 0
    tried: tuple[Tried, ...] = ()
    broken: tuple[Broken, ...] = ()

    @property
    def published(self) -> int:
        """How many of the tried would be published."""
        return sum(one.article is not None for one in self.tried)


async def try_source(feed: Feed, settings: Settings, *, entries: int, now: Callable[[], datetime]) -> Trial:
    """Fetch and read the source, and the first `entries` of what it shows. Raises FeedError."""
    async with Readers() as readers, open_reach(settings, readers, now=now) as reach:
        found = await obtain(feed, FeedState(feed=feed.id), reach)
        if found.parsed is None:
            reason = "answered 410: gone" if isinstance(found.answer, Gone) else "shows nothing"
            raise FetchFailed(feed.id, found.feed.url, reason)
        tried = [await _tried(found, position, found.parsed, reach) for position in range(_count(found, entries))]
    return Trial(
        feed=feed.id,
        url=found.feed.url,
        transport=found.feed.transport,
        title=found.parsed.title,
        language=found.parsed.language,
        shown=len(found.parsed.entries) + found.parsed.dropped,
        wire_bytes=found.wire_bytes,
        tried=tuple(tried),
        broken=found.parsed.broken,
    )


async def _tried(found: Obtained, position: int, parsed: Parsed, reach: Reach) -> Tried:
    entry = parsed.entries[position]
    made = await read_piece(found.feed, entry, reach, language=parsed.language)
    title = made.article.title if made.article else entry.title
    return Tried(link=entry.link, title=title, article=made.article, reason=made.reason, page=made.told)


def _count(found: Obtained, entries: int) -> int:
    return min(entries, len(found.parsed.entries)) if found.parsed else 0
