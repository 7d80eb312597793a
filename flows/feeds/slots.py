"""How many fetches may be under way at once: in all, and at one host; slow hosts wait in a lane of their own."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from urllib.parse import urlsplit

SLOW_S = 2.0
"""From then on a host counts as slow, until it has been quick again."""

HOSTS = 4096
"""Hosts remembered; idle ones are forgotten first."""


@dataclass
class _Host:
    places: asyncio.Semaphore
    users: int = 0
    slow: bool = False


class _Lane:
    """A semaphore that can also be tried without waiting."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        if self._free <= 0 or self._waiting:
            return False
        self._free -= 1
        return True

    async def wait(self) -> None:
        if self.take():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give()
            raise

    def give(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Slots:
    """Places for fetches: `total` for quick hosts and as many for slow ones, `per_host` at one host.

    A host's own place is taken first, so that waiting for a slow host holds up nobody else. A fetch that turns out to
    be slow moves to the slow lane when there is room, so that its place is free for a quick one.
    """

    def __init__(self, *, total: int, per_host: int) -> None:
        self._quick = _Lane(total)
        self._slow = _Lane(total)
        self._per_host = per_host
        self._hosts: OrderedDict[str, _Host] = OrderedDict()

    @asynccontextmanager
    async def at(self, url: str) -> AsyncIterator[None]:
        """Wait for a place at the URL's host, and hold it."""
        host = self._host(url)
        host.users += 1
        try:
            async with host.places, self._lane(host):
                yield
        finally:
            host.users -= 1

    @asynccontextmanager
    async def _lane(self, host: _Host) -> AsyncIterator[None]:
        held = [self._slow if host.slow else self._quick]
        await held[0].wait()
        started = monotonic()
        timer = asyncio.get_running_loop().call_later(SLOW_S, self._step_aside, held)
        try:
            yield
        finally:
            timer.cancel()
            host.slow = monotonic() - started >= SLOW_S
            held[0].give()

    def _step_aside(self, held: list[_Lane]) -> None:
        if held[0] is self._quick and self._slow.take():
            held[0] = self._slow
            self._quick.give()

    def _host(self, url: str) -> _Host:
        try:
            name = urlsplit(url).netloc.rpartition("@")[2].lower()
        except ValueError:
            name = ""
        found = self._hosts.get(name)
        if found is None:
            found = self._hosts[name] = _Host(asyncio.Semaphore(self._per_host))
            if len(self._hosts) > HOSTS:
                self._forget()
        self._hosts.move_to_end(name)
        return found

    def _forget(self) -> None:
        for name, host in list(self._hosts.items())[: HOSTS // 2]:
            if host.users == 0:
                del self._hosts[name]
