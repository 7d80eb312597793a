"""Polling: the sources that are due are fetched, read and published, and their state saved; needs no Prefect.

At least once: a source's state is saved only after the broker acknowledged its articles, so that a poll killed anywhere
is made good by the next. Two polls at once only do the same work twice.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import structlog

from flows import hubs, pressure, relevance
from flows.feeds import health
from flows.feeds.catalogue import load_feeds
from flows.feeds.interval import CEILING_S, PROBE_S
from flows.feeds.outbox import Outbox
from flows.feeds.reach import open_reach
from flows.feeds.readers import Readers
from flows.feeds.source import Source, Tools
from flows.feeds.state import States
from flows.feeds.subscriptions import heard, pinged
from flows.feeds.turn import Pace, stretched
from flows.ops import Ops
from flows.pressure import Gauge, Speed
from flows.publish import Publisher, ensure
from flows.report import Polled, Summary
from schemas.article import Article
from schemas.errors import ConfigError, Unavailable
from schemas.feed import Feed, FeedState
from schemas.ops import OpsAlert
from schemas.settings import PollSettings, Settings
from schemas.streams import ARTICLES, OPS, Stream

log = structlog.get_logger(__name__)

PING_GAP = timedelta(seconds=15)
"""How long after a poll a hub's ping makes a source due again."""

CLOCK_SLACK = timedelta(minutes=1)

PLACES = 3
"""Sources in hand for each fetch under way: those that wait for a host, a reader or the broker."""


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
    async with Poller(settings, now=now, stream=stream, readers=readers) as poller:
        await poller.start(only=only, force=force)
        polled = await poller.finish()
        if poller.failure is not None:
            raise poller.failure
    return Summary(at=started, polled=tuple(polled))


class Poller:
    """Polls what is due, as often as it is told to, keeping its connections; an async context manager.

    A source that is slow holds up no other: the next `start` leaves it alone and starts those that are due by then.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        now: Callable[[], datetime] = clock,
        stream: Stream[Article] = ARTICLES,
        readers: Readers | None = None,
        told: Stream[OpsAlert] = OPS,
    ) -> None:
        self._settings, self._now, self._stream, self._readers = settings, now, stream, readers
        self._told = told
        self._stack = AsyncExitStack()
        self._publisher = Publisher(settings.kafka)
        self.failure: Unavailable | None = None
        """Why some of the sources that were done last are not: the broker or the disk was away. They come again."""
        self.gauge: Gauge | None = None
        """Whether what follows keeps up, as it was seen last; none before the first look."""
        self._looked = float("-inf")
        self.woken = asyncio.Event()
        """A hub has said that a source has news: the next `start` is worth doing at once."""
        self._asking: asyncio.Task[int] | None = None
        self._learning: asyncio.Task[None] | None = None
        self._learnt = float("-inf")
        self._tools: Tools | None = None
        self._stream_is_there = False
        self._feeds: tuple[Feed, ...] = ()
        self._read_at: tuple[int, int] | None = None
        self._under_way: dict[str, asyncio.Task[Polled]] = {}
        poll = settings.poll
        self._places = asyncio.Semaphore(PLACES * poll.concurrency)
        self._turns: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(poll.per_host))
        self._pruned_on = self._now().date() - timedelta(days=1)

    async def __aenter__(self) -> Self:
        self._states = self._stack.enter_context(States(self._settings.home))
        self.gauge = pressure.noted(self._states, now=self._now())
        self._ops = Ops(self._settings.kafka, self._states, now=self._now, stream=self._told)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        aside: list[asyncio.Task[Any]] = [task for task in (self._asking, self._learning) if task is not None]
        for task in aside:
            task.cancel()
        await asyncio.gather(*aside, return_exceptions=True)
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        self._under_way.clear()
        await self._stack.aclose()

    @property
    def states(self) -> States:
        """What is remembered of the sources."""
        return self._states

    @property
    def under_way(self) -> int:
        """How many sources are being polled."""
        return len(self._under_way)

    async def start(self, *, only: Sequence[str] | None = None, force: bool = False) -> int:
        """Start polling the sources that are due and not under way; how many these are.

        Raises ConfigError and Unavailable as `poll_once` does.
        """
        self.woken.clear()
        now = self._now()
        feeds = self._load()
        unknown = sorted(set(only or ()) - {feed.id for feed in feeds})
        if unknown:
            known = ", ".join(feed.id for feed in feeds)
            raise ConfigError(
                str(self._settings.poll.feeds_file), f"has no feed {unknown[0]!r}", remedy=f"There are {known}"
            )
        remembered = self._states.all()
        at_will = force or only is not None
        stretch = 1.0 if at_will else await self._pressed(now)
        if stretch is None:
            return 0
        pings = pinged(self._states)
        waiting = [
            (feed, state)
            for feed in feeds
            if (only is None or feed.id in only) and feed.id not in self._under_way
            if due(
                feed,
                state := remembered.get(feed.id, FeedState(feed=feed.id)),
                now=now,
                force=force,
                stretch=stretch,
                pinged_at=pings.get(feed.id),
            )
        ]
        if waiting:
            tools = await self._ready()
            for feed, state in waiting:
                if feed.id in pings:
                    heard(self._states, feed.id)
                self._under_way[feed.id] = asyncio.create_task(self._in_turn(feed, Source(feed, state, tools)))
        if now.date() != self._pruned_on:
            self._pruned_on = now.date()
            self._states.prune(now=now)
        return len(waiting)

    async def _pressed(self, now: datetime) -> float | None:
        """By how much intervals are stretched, as what follows the poller keeps up; None when nothing is to start."""
        if time.monotonic() - self._looked >= pressure.LOOK_S:
            before = self.gauge
            self.gauge = await asyncio.to_thread(pressure.look, before, self._settings, now=now, stream=self._stream)
            self._looked = time.monotonic()
            pressure.take_note(self._states, self.gauge)
            self._ops.heed([pressure.TROUBLE], self.gauge.troubles())
        if self.gauge is None:
            return 1.0
        return None if self.gauge.speed is Speed.STOPPED else self.gauge.stretch

    async def _in_turn(self, feed: Feed, source: Source) -> Polled:
        """Poll the source when it is its turn: what is fetched and waits to be read is what memory holds.

        A host's turn comes first, so that one with many slow sources takes few of the places.
        """
        queued = time.monotonic()
        host = self._turns[urlsplit(feed.url).netloc.lower()]
        async with host, self._places:
            waited = time.monotonic() - queued
            polled = await source.poll()
        return polled.model_copy(update={"waited": waited})

    async def finish(self, *, within_s: float | None = None) -> list[Polled]:
        """Wait for what is under way; how it went with each source that is done since this was asked last.

        What is not done in time stays under way. Afterwards `failure` says whether the broker or the disk failed.
        """
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=within_s)
        ended = {feed: task for feed, task in self._under_way.items() if task.done()}
        polled: list[Polled] = []
        self.failure = None
        for feed, task in ended.items():
            del self._under_way[feed]
            try:
                polled.append(task.result())
            except Unavailable as error:
                self.failure = error
                # the broker may come back without its streams
                self._stream_is_there = False
        if polled:
            log.info("poll.done", sources=len(polled), new=sum(one.new for one in polled))
        await self._tell(polled)
        return polled

    async def _tell(self, polled: Sequence[Polled]) -> None:
        """Tell those who run this what is wrong with the sources just polled, and with what follows."""
        remembered = self._states.all()
        for one in polled:
            if one.feed in remembered:
                self._ops.heed(health.looked_at(one.feed), health.troubles(remembered[one.feed]))
        try:
            await self._ops.tell()
        except Unavailable as error:
            log.warning("ops.untold", sink=error.sink, reason=error.reason)

    async def learn(self) -> None:
        """Find out, now and then, which pieces are on the beat; it goes on by itself."""
        if time.monotonic() - self._learnt < relevance.EVERY_S or (self._learning and not self._learning.done()):
            return
        self._learnt = time.monotonic()
        self._learning = asyncio.create_task(self._learn())

    async def _learn(self) -> None:
        try:
            await relevance.learn(self._states, self._settings, now=self._now())
        except Unavailable as error:
            log.info("relevance.unknown", sink=error.sink, reason=error.reason)

    async def renew(self) -> None:
        """Ask hubs to push what they are to push, unless a round is under way; it goes on by itself."""
        callback = self._settings.poll.websub_callback
        if callback is None or (self._asking is not None and not self._asking.done()):
            return
        if self._asking is not None and (error := self._asking.exception()) is not None:
            log.warning("websub.failed", error=type(error).__name__, reason=str(error)[:300])
        tools = await self._ready()
        work = hubs.subscribe(self._load(), self._states.all(), self._states, tools.reach, callback=callback)
        self._asking = asyncio.create_task(work)

    def _load(self) -> tuple[Feed, ...]:
        """The sources; the file is read again when it has changed."""
        path = self._settings.poll.feeds_file
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
        except OSError:
            stamp = None
        if stamp is None or stamp != self._read_at:
            self._feeds = load_feeds(path).feeds
            self._read_at = stamp
        return self._feeds

    async def _ready(self) -> Tools:
        """What sources are polled with; the broker is connected to again when it has failed."""
        if not self._stream_is_there:
            await asyncio.to_thread(ensure, self._settings.kafka, (self._stream,))
            self._stream_is_there = True
        if self._tools is None:
            self._stack.callback(self._publisher.close)
            readers = self._readers
            if readers is None:
                readers = await self._stack.enter_async_context(Readers())
            reach = await self._stack.enter_async_context(open_reach(self._settings, readers, now=self._now))
            poll = self._settings.poll
            self._tools = Tools(
                reach=reach,
                states=self._states,
                outbox=Outbox(self._publisher, self._stream),
                pace=pace_of(poll),
                budget_s=poll.total_s + poll.tick_s,
            )
        await asyncio.to_thread(self._publisher.open)
        return self._tools


def pace_of(poll: PollSettings) -> Pace:
    """What the settings say of time and numbers."""
    return Pace(
        default_s=poll.interval_s,
        poll_entries=poll.max_entries,
        day_entries=poll.max_entries_day,
        held_entries=poll.max_held,
        pause_after=poll.pause_after,
    )


def due(
    feed: Feed,
    state: FeedState,
    *,
    now: datetime,
    force: bool = False,
    stretch: float = 1.0,
    pinged_at: datetime | None = None,
) -> bool:
    """Whether the feed is to be polled now, when what it would wait is multiplied by `stretch`.

    One whose hub has pinged is, unless that was polled a moment ago.

    A time that lies too far ahead to be one of ours was saved under a clock that has been set back since.
    """
    if feed.paused:
        return False
    if force:
        return True
    if state.gone:
        return False
    if pinged_at is not None and (state.last_polled_at is None or now - state.last_polled_at >= PING_GAP):
        return True
    if state.next_poll_at is None or stretched(state, stretch) <= now:
        return True
    astray = state.last_polled_at is not None and state.last_polled_at > now + CLOCK_SLACK
    longest_s = PROBE_S if state.paused_at is not None else CEILING_S
    return astray or state.next_poll_at - now > timedelta(seconds=longest_s)
