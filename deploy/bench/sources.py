"""A server of many sources on many virtual hosts of 127.0.0.0/8, some slow, some failing, most of them unchanged.

`python -m deploy.bench.sources` prints its port and serves until it is killed; `GET /-/round/2` begins a round. In the
second and the fourth round some sources have news; in all but the first the slow are slow and the failing fail.
"""

import asyncio
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from functools import cache

SOURCES, HOSTS = 2000, 200
SLOW_S = 3.0
ENTRIES, NEWS = 20, 2
TOLD = {1: 0, 2: NEWS, 3: NEWS, 4: 2 * NEWS}
"""How many entries a source with news has told, by round, over those of the first."""

# fmt: off
WORDS = (
    "government", "minister", "agreement", "flight", "migrants", "border", "visa", "court", "order", "senate",
    "deportation", "asylum", "hearing", "statement", "lawyer", "family", "centre", "police", "report",
    "embassy", "talks", "deal", "protest", "region", "programme", "return",
)
# fmt: on


class Kind(StrEnum):
    """What a source does from the second round on."""

    SLOW = "slow"
    FAILING = "failing"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Bench:
    """One source: `host` is its address."""

    number: int
    host: str
    kind: Kind

    @property
    def path(self) -> str:
        """Where its feed is."""
        return f"/{self.number}"


def sources() -> Iterator[Bench]:
    """All of them: every twentieth host is slow, every twentieth fails; of the rest a fifth of all has news."""
    for number in range(SOURCES):
        host = number % HOSTS
        match host % 20:
            case 0:
                kind = Kind.SLOW
            case 1:
                kind = Kind.FAILING
            case other:
                kind = Kind.CHANGED if other < 6 else Kind.UNCHANGED
        yield Bench(number, address(number), kind)


def address(number: int) -> str:
    """Where the host of that source listens."""
    host = number % HOSTS
    return f"127.77.{host // 100}.{host % 100 + 1}"


@cache
def feed(number: int, news: int) -> bytes:
    """A feed with whole texts, its newest entries first; with `news` more than before."""
    chance = random.Random(number)  # noqa: S311, the same words every time
    now = datetime.now(UTC)
    items = []
    for entry in range(ENTRIES + max(TOLD.values())):
        words = " ".join(chance.choices(WORDS, k=220))
        date = format_datetime(now - timedelta(minutes=30 * (ENTRIES + max(TOLD.values()) - entry)))
        items.append(
            f"<item><title>{' '.join(chance.choices(WORDS, k=8))} {entry}</title>"
            f"<link>http://{address(number)}/{number}/{entry}</link><guid>{number}-{entry}</guid><pubDate>{date}</pubDate>"
            f"<description>{words[:200]}</description>"
            f"<content:encoded><![CDATA[<p>{words}</p>]]></content:encoded></item>"
        )
    shown = "".join(reversed(items[news : ENTRIES + news]))
    space = 'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    return f"<rss version='2.0' {space}><channel><title>{number}</title>{shown}</channel></rss>".encode()


class Server:
    """Answers; a source that has not changed since the validator it gave says 304."""

    def __init__(self) -> None:
        self.round = 1
        self._kinds = {bench.path: bench for bench in sources()}

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request after request."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                writer.write(await self._said(head))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _said(self, head: bytes) -> bytes:
        path = head.split(b" ", 2)[1].decode()
        if path.startswith("/-/round/"):
            self.round = int(path.rpartition("/")[2])
            return b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        bench = self._kinds.get(path)
        if bench is None:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        if bench.kind is Kind.SLOW and self.round > 1:
            await asyncio.sleep(SLOW_S)
        if bench.kind is Kind.FAILING and self.round > 1:
            return b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
        news = TOLD[self.round] if bench.kind is Kind.CHANGED else 0
        tag = f'"{news}"'.encode()
        if b"if-none-match: " + tag in head.lower():
            return b"HTTP/1.1 304 Not Modified\r\nETag: " + tag + b"\r\n\r\n"
        body = feed(bench.number, news)
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nETag: %b\r\nContent-Length: %d\r\n\r\n%b" % (
            tag,
            len(body),
            body,
        )


async def serve() -> None:
    """Serve on every host's address, at one port."""
    for bench in sources():
        feed(bench.number, 0)
        if bench.kind is Kind.CHANGED:
            for told in set(TOLD.values()):
                feed(bench.number, told)
    hosts = sorted({bench.host for bench in sources()})
    answer = Server().answer
    first = await asyncio.start_server(answer, hosts[0], 0, backlog=512)
    port = first.sockets[0].getsockname()[1]
    async with first, await asyncio.start_server(answer, hosts[1:], port, backlog=512):
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
