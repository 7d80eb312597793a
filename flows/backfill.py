"""The flow that reads a source's past: pieces of a range of dates, from its sitemaps, the archives of its feed, saved
pages or WARC files.

What it publishes is marked historic. It can be stopped and started again: a piece that was read once, here or by the
poller, is passed over.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from prefect import flow, get_run_logger

from flows import logs
from flows.feeds.archived import in_archives
from flows.feeds.catalogue import load_feeds
from flows.feeds.find import Find, Piece
from flows.feeds.past import in_sitemaps, saved
from flows.feeds.reach import Reach, open_reach
from flows.feeds.readers import Readers
from flows.feeds.state import States
from flows.feeds.turn import located
from flows.feeds.warc import recorded, warc_files
from flows.polling import clock
from flows.pressure import Brake
from flows.publish import Publisher, ensure
from flows.uptake import Progress, Uptake, headline
from schemas.article import Article
from schemas.errors import ConfigError
from schemas.feed import Feed, Transport
from schemas.settings import Settings, load_settings
from schemas.streams import ARTICLES, Stream

log = structlog.get_logger(__name__)

BATCH = 20
"""Pieces read, published and remembered at a time: what a kill makes us read again."""

BATCH_BYTES = 16_000_000
BATCH_PASSED = 500


async def read_past(
    settings: Settings,
    feed: str,
    *,
    since: datetime,
    until: datetime,
    sitemap: str | None = None,
    folder: Path | None = None,
    warc: Sequence[Path] = (),
    archives: bool = False,
    now: Callable[[], datetime] = clock,
    stream: Stream[Article] = ARTICLES,
    told: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Publish the source's pieces published from `since` on and before `until`; `told` hears of every batch.

    From the saved pages in `folder`, the `warc` files (folders of them too), the `archives` that its feed links to
    (RFC 5005), else from the sitemap (the site's own when none is named). Raises ConfigError for an unknown source,
    file or folder, FeedError when the sitemap or the feed can't be read, Unavailable when the broker is away.
    """
    source = _source(settings, feed)
    files = warc_files(warc)
    if sum((sitemap is not None, folder is not None, bool(files), archives)) > 1:
        raise ConfigError("backfill", "reads from one place at a time", remedy="Name one, then run it for the other")
    ensure(settings.kafka, (stream,))
    progress = Progress(feed=feed)
    with States(settings.home) as states, Publisher(settings.kafka) as publisher:
        async with Readers() as readers, open_reach(settings, readers, now=now) as reach:
            if archives:
                finds = in_archives(_at_feed(source, states), since=since, until=until, reach=reach)
            elif files:
                finds = _in_files(source, files, reach)
            elif folder is not None:
                finds = _in_folder(source, folder, reach)
            else:
                finds = in_sitemaps(source, sitemap, since=since, reach=reach)
            brake = Brake(settings, now=now, stream=stream)
            uptake = Uptake(source, (since, until), reach, states, publisher, stream)
            async with aclosing(finds), aclosing(_batches(finds)) as batches:
                async for batch in batches:
                    await brake.ease()
                    progress = await uptake.take(batch, progress)
                    told(progress)
    log.info("backfill.done", **progress.model_dump(exclude={"notes", "at"}))
    return progress


def _source(settings: Settings, feed: str) -> Feed:
    feeds = {one.id: one for one in load_feeds(settings.poll.feeds_file).feeds}
    if feed not in feeds:
        remedy = f"There are {', '.join(feeds)}"[:2000]
        raise ConfigError(str(settings.poll.feeds_file), f"has no feed {feed!r}", remedy=remedy)
    return feeds[feed]


def _at_feed(feed: Feed, states: States) -> Feed:
    """The source at its feed, where that has moved to. Raises ConfigError when it has none."""
    place = next((place for place in feed.places if place.transport is Transport.FEED), None)
    if place is None:
        raise ConfigError(f"feed {feed.id!r}", "has no feed with archives", remedy="Read its sitemap instead")
    return located(feed.at(place), states.load(feed.id))


async def _in_files(feed: Feed, files: Sequence[Path], reach: Reach) -> AsyncGenerator[Find, None]:
    for file in files:
        async with aclosing(recorded(feed, file, reach.limits, now=reach.now())) as finds:
            async for find in finds:
                yield find


async def _in_folder(feed: Feed, folder: Path, reach: Reach) -> AsyncGenerator[Find, None]:
    for find in saved(feed, folder, at_most=reach.limits.body_bytes):
        yield find


async def _batches(finds: AsyncGenerator[Find, None]) -> AsyncGenerator[list[Find], None]:
    """Some at a time: few pieces, not too many bytes."""
    batch: list[Find] = []
    pieces = size = 0
    async for find in finds:
        batch.append(find)
        if isinstance(find, Piece):
            pieces += 1
            size += len(find.page.body) if find.page else 0
        if pieces >= BATCH or size >= BATCH_BYTES or len(batch) >= BATCH_PASSED:
            yield batch
            batch, pieces, size = [], 0, 0
    if batch:
        yield batch


async def _leave(progress: Progress) -> None:
    """Leave the counts, and why some of what it met gave nothing, as an artifact of the flow run."""
    from prefect.artifacts import acreate_table_artifact

    counts = progress.model_dump(exclude={"feed", "notes", "at"})
    rows = [*counts.items(), *((note[:300], "") for note in progress.notes)]
    table = [{"what": what, "how many": count} for what, count in rows]
    await acreate_table_artifact(key="backfill", table=table, description=f"{progress.feed}: {headline(progress)}")


@flow(name="backfill", retries=0, persist_result=False, description="Read a source's past")
async def backfill(
    feed: str,
    since: datetime,
    until: datetime | None = None,
    sitemap: str | None = None,
    folder: str | None = None,
    warc: list[str] | None = None,
    archives: bool = False,
) -> dict[str, Any]:
    """Publish what the source published since then: from its sitemap, or else from the one place that is named."""
    logs.configure()
    logger = get_run_logger()
    progress = await read_past(
        load_settings(),
        feed,
        since=since,
        until=until or clock(),
        sitemap=sitemap,
        folder=Path(folder) if folder else None,
        warc=[Path(path) for path in warc or ()],
        archives=archives,
        told=lambda progress: logger.info(
            "%s of %s found published, at %s", progress.published, progress.found, progress.at
        ),
    )
    await _leave(progress)
    return progress.model_dump()
