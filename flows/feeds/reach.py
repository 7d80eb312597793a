"""What reading a source goes out with: one guarded client, its limits, and what it has learnt of hosts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import httpx

from flows.feeds.cache import Cache
from flows.feeds.fetch import open_client
from flows.feeds.limits import Limits
from flows.feeds.readers import Readers
from flows.feeds.redirectors import Redirectors
from flows.feeds.robots import Robots
from flows.feeds.slots import Slots
from schemas.settings import Settings


@dataclass(frozen=True)
class Reach:
    """Shared by every source of a poll, a backfill, a trial."""

    client: httpx.AsyncClient
    readers: Readers
    slots: Slots
    limits: Limits
    robots: Robots
    redirectors: Redirectors
    cache: Cache
    now: Callable[[], datetime]


@asynccontextmanager
async def open_reach(settings: Settings, readers: Readers, *, now: Callable[[], datetime]) -> AsyncIterator[Reach]:
    """A reach with the limits that the settings state; its connections and its cache are closed at the end."""
    poll = settings.poll
    limits, cache = Limits.of(poll), Cache(settings.home)
    slots = Slots(total=poll.concurrency, per_host=poll.per_host)
    try:
        async with open_client(poll) as client:
            yield Reach(
                client=client,
                readers=readers,
                slots=slots,
                limits=limits,
                robots=Robots(client, limits, cache, slots, now=now),
                redirectors=Redirectors(client, limits, cache, now=now),
                cache=cache,
                now=now,
            )
    finally:
        cache.close(now=now())
