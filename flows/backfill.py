"""The flow that reads a source's past: pieces of a range of dates, from its sitemaps or from saved pages.

What it publishes is marked historic. It can be stopped and started again: a piece that was read once, here or by the
poller, is passed over.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import structlog
from prefect import flow, get_run_logger
from pydantic import BaseModel, ConfigDict, Field

from flows import logs
from flows.feeds.canonical import canonical
from flows.feeds.catalogue import load_feeds
from flows.feeds.entry import Entry
from flows.feeds.fetch import Page
from flows.feeds.past import in_sitemaps, saved
from flows.feeds.piece import Opened, follow, make, wants_page, with_page
from flows.feeds.reach import Reach, open_reach
from flows.feeds.readers import Readers
from flows.feeds.state import Seen, States
from flows.polling import clock
from flows.publish import Publisher, ensure
from schemas.article import Article, Lane
from schemas.errors import ConfigError
from schemas.feed import Feed
from schemas.identity import digest
from schemas.settings import Settings, load_settings
from schemas.streams import ARTICLES, Stream

log = structlog.get_logger(__name__)
T = TypeVar("T")

BATCH = 20
"""Pieces read, published and remembered at a time: what a kill makes us read again."""

PAGE_WAIT_S = 120.0
"""How long a page waits for its turn at a host that asks for pauses."""


class Progress(BaseModel):
    """How far a backfill is. `found` counts what was looked at; `known` was read before; `outside` the dates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feed: str
    found: int = Field(default=0, ge=0)
    known: int = Field(default=0, ge=0)
    published: int = Field(default=0, ge=0)
    outside: int = Field(default=0, ge=0)
    skipped: int = Field(default=0, ge=0, description="gave no article, or the broker would not take it")
    left: int = Field(default=0, ge=0, description="failed, and are tried again by the next backfill")

    def plus(self, **counts: int) -> "Progress":
        """The same with these added."""
        return self.model_copy(update={name: getattr(self, name) + count for name, count in counts.items()})


async def read_past(
    settings: Settings,
    feed: str,
    *,
    since: datetime,
    until: datetime,
    sitemap: str | None = None,
    folder: Path | None = None,
    now: Callable[[], datetime] = clock,
    stream: Stream[Article] = ARTICLES,
    told: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Publish the source's pieces published from `since` on and before `until`; `told` hears of every batch.

    From the saved pages in `folder`, else from the sitemap (the site's own when none is named). Raises ConfigError for
    an unknown source or folder, FeedError when the sitemap can't be read, Unavailable when the broker is away.
    """
    source = _source(settings, feed)
    ensure(settings.kafka, (stream,))
    progress = Progress(feed=feed)
    with States(settings.home) as states, Publisher(settings.kafka) as publisher:
        async with Readers() as readers, open_reach(settings, readers, now=now) as reach:
            done = set(states.seen(feed)) | set(states.seen(_notes(feed)))
            async for batch in _batches(source, sitemap, folder, since, reach):
                fresh = [(key, entry, page) for key, entry, page in batch if key not in done]
                progress = progress.plus(found=len(batch), known=len(batch) - len(fresh))
                made = await asyncio.gather(*(_read(source, entry, page, reach) for _, entry, page in fresh))
                articles = [one for one, _ in made if isinstance(one, Article)]
                inside = [one for one in articles if since <= one.published_at < until]
                receipt = await asyncio.to_thread(publisher.send, stream, inside)
                for article_id, reason in receipt.refused.items():
                    log.error("article.refused", feed=feed, article_id=article_id, reason=reason)
                read = [key for (key, _, _), (_, again) in zip(fresh, made, strict=True) if not again]
                states.remember(_notes(feed), [Seen(key, "") for key in read], now=now())
                done.update(read)
                left = sum(again for _, again in made)
                progress = progress.plus(
                    published=len(receipt.acked),
                    outside=len(articles) - len(inside),
                    skipped=len(made) - len(articles) + len(receipt.refused),
                    left=left,
                )
                told(progress)
    log.info("backfill.done", **progress.model_dump())
    return progress


def _source(settings: Settings, feed: str) -> Feed:
    feeds = {one.id: one for one in load_feeds(settings.poll.feeds_file).feeds}
    if feed not in feeds:
        remedy = f"There are {', '.join(feeds)}"[:2000]
        raise ConfigError(str(settings.poll.feeds_file), f"has no feed {feed!r}", remedy=remedy)
    return feeds[feed]


def _notes(feed: str) -> str:
    """Under what a backfill remembers what it has read, apart from what the poller saw in the feed."""
    return f"backfill:{feed}"


async def _batches(
    feed: Feed, sitemap: str | None, folder: Path | None, since: datetime, reach: Reach
) -> AsyncIterator[list[tuple[str, Entry, Page | None]]]:
    if folder is not None:
        for pages in _by(BATCH, saved(feed, folder)):
            yield [(_key(entry), entry, page) for entry, page in pages]
        return
    async for entries in in_sitemaps(feed, sitemap, since=since, reach=reach):
        for some in _by(BATCH, entries):
            yield [(_key(entry), entry, None) for entry in some]


def _by(size: int, items: Iterable[T]) -> Iterable[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _key(entry: Entry) -> str:
    """As the poller knows an entry."""
    return digest("entry", canonical(entry.link) or entry.id or entry.fingerprint)


async def _read(feed: Feed, entry: Entry, page: Page | None, reach: Reach) -> tuple[Article | str, bool]:
    """The entry's article, or why there is none, and whether it is worth another try."""
    if page is not None:
        opened = Opened(entry, entry.link, page)
    else:
        opened = await follow(feed, entry, reach, last_try=True)
        if wants_page(feed, opened):
            link = opened.entry.link
            if not await reach.robots.turn(feed.id, link, until=time.monotonic() + PAGE_WAIT_S):
                return "could not be read yet", True
            async with reach.slots.at(link):
                opened = await with_page(feed, opened, reach)
    if opened.again:
        return "could not be read yet", True
    made = await make(feed, opened, reach, language=None)
    if made.article is None:
        return made.reason or "could not be read", False
    return made.article.model_copy(update={"lane": Lane.HISTORIC}), False


@flow(name="backfill", retries=0, persist_result=False, description="Read a source's past")
async def backfill(
    feed: str, since: datetime, until: datetime | None = None, sitemap: str | None = None, folder: str | None = None
) -> dict[str, Any]:
    """Publish what the source published since then, from its sitemap or from the pages saved in `folder`."""
    logs.configure()
    logger = get_run_logger()
    progress = await read_past(
        load_settings(),
        feed,
        since=since,
        until=until or clock(),
        sitemap=sitemap,
        folder=Path(folder) if folder else None,
        told=lambda progress: logger.info("%s of %s found published", progress.published, progress.found),
    )
    return progress.model_dump()
