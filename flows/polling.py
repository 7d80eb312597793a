"""One poll: the sources that are due are fetched, read and published, and their state saved; needs no Prefect.

At least once: a source's state is saved only after the broker acknowledged its articles, so that a poll killed anywhere
is made good by the next. Two polls at once only do the same work twice.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import structlog

from flows.feeds.catalogue import load_feeds
from flows.feeds.fetch import open_client
from flows.feeds.interval import CEILING_S
from flows.feeds.limits import Limits
from flows.feeds.readers import Readers
from flows.feeds.slots import Slots
from flows.feeds.source import Source, Tools
from flows.feeds.state import States
from flows.publish import Publisher, ensure
from flows.report import Polled, Summary
from schemas.article import Article
from schemas.errors import ConfigError
from schemas.feed import Feed, FeedState
from schemas.settings import Settings
from schemas.streams import ARTICLES, Stream

log = structlog.get_logger(__name__)

CLOCK_SLACK = timedelta(minutes=1)


def clock() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


async def poll_once(
    settings: Settings,
    *,
    now: Callable[[], datetime] = clock,
    only: Sequence[str] | None = None,
    force: bool = False,
    stream: Stream[Article] = ARTICLES,
    readers: Readers | None = None,
) -> Summary:
    """Poll the sources that are due (with `force` all; with `only` among those ids) and publish to `stream`.

    `readers` are the caller's, who polls often and keeps them; without, the poll starts its own and ends them.
    One source's failure is kept in its state, and the others go on. Raises ConfigError for a faulty feeds.toml or an
    unknown id, Unavailable when the broker or the disk is away: nothing is lost then, the next poll comes to it.
    """
    started = now()
    feeds = load_feeds(settings.poll.feeds_file).feeds
    unknown = sorted(set(only or ()) - {feed.id for feed in feeds})
    if unknown:
        known = ", ".join(feed.id for feed in feeds)
        raise ConfigError(str(settings.poll.feeds_file), f"has no feed {unknown[0]!r}", remedy=f"There are {known}")
    with States(settings.home) as states:
        remembered = states.all()
        waiting = [
            (feed, state)
            for feed in feeds
            if only is None or feed.id in only
            if due(feed, state := remembered.get(feed.id, FeedState(feed=feed.id)), now=started, force=force)
        ]
        if not waiting:
            return Summary(at=started)
        await asyncio.to_thread(ensure, settings.kafka, (stream,))
        polled = await _poll(settings, states, waiting, now=now, stream=stream, readers=readers)
        states.prune(now=now())
    summary = Summary(at=started, polled=tuple(polled))
    log.info("poll.done", sources=len(summary.polled), new=summary.new)
    return summary


def due(feed: Feed, state: FeedState, *, now: datetime, force: bool = False) -> bool:
    """Whether the feed is to be polled now.

    A time that lies too far ahead to be one of ours was saved under a clock that has been set back since.
    """
    if feed.paused:
        return False
    if force:
        return True
    if state.gone:
        return False
    if state.next_poll_at is None or state.next_poll_at <= now:
        return True
    astray = state.last_polled_at is not None and state.last_polled_at > now + CLOCK_SLACK
    return astray or state.next_poll_at - now > timedelta(seconds=CEILING_S)


async def _poll(
    settings: Settings,
    states: States,
    waiting: Sequence[tuple[Feed, FeedState]],
    *,
    now: Callable[[], datetime],
    stream: Stream[Article],
    readers: Readers | None,
) -> list[Polled]:
    async with AsyncExitStack() as stack:
        publisher = Publisher(settings.kafka)
        stack.callback(publisher.close)
        await asyncio.to_thread(publisher.open)
        if readers is None:
            readers = await stack.enter_async_context(Readers())
        tools = Tools(
            client=await stack.enter_async_context(open_client(settings.poll)),
            readers=readers,
            slots=Slots(total=settings.poll.concurrency, per_host=settings.poll.per_host),
            limits=Limits.of(settings.poll),
            states=states,
            publisher=publisher,
            stream=stream,
            now=now,
            default_s=settings.poll.interval_s,
            max_entries=settings.poll.max_entries,
            budget_s=settings.poll.total_s + settings.poll.tick_s,
        )
        sources = [Source(feed, state, tools) for feed, state in waiting]
        results = await asyncio.gather(*(source.poll() for source in sources), return_exceptions=True)
    polled: list[Polled] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        polled.append(result)
    return polled
