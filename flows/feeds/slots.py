"""How many fetches may be under way at once: in all, and at one host."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Slots:
    """Places for fetches. A host's own place is taken first, so that waiting for a slow host holds up nobody else."""

    def __init__(self, *, total: int, per_host: int) -> None:
        self._total = asyncio.Semaphore(total)
        self._hosts: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(per_host))

    @asynccontextmanager
    async def at(self, url: str) -> AsyncIterator[None]:
        """Wait for a place at the URL's host, and hold it."""
        try:
            host = urlsplit(url).netloc.rpartition("@")[2].lower()
        except ValueError:
            host = ""
        async with self._hosts[host], self._total:
            yield
