"""robots.txt: which article pages may be read, and how fast. Robots Exclusion Protocol: RFC 9309.

`crawl-delay` is no part of it, yet many servers say it; it is obeyed up to `DELAY_MAX_S`.
"""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

import httpx

from flows.feeds.cache import Cache
from flows.feeds.fetch import fetch_small
from flows.feeds.limits import Limits
from flows.feeds.slots import Slots
from schemas.errors import FetchFailed, FetchRefused

AGENT = "vigia"
MAX_BYTES = 512_000
"""RFC 9309 asks for at least 500 KiB."""

MAX_RULES = 2000
DELAY_MAX_S = 10.0
KEEP_S = 86_400.0
RETRY_S = 900.0
"""How long a server that failed to give its robots.txt is taken to forbid everything."""

SITEMAPS = 50
UNREACHABLE = "\x00"


@dataclass(frozen=True)
class Rules:
    """What a robots.txt says to us: (allowed, pattern) of each rule, seconds between two pages."""

    rules: tuple[tuple[bool, str], ...] = ()
    delay_s: float = 0.0

    def allows(self, url: str) -> bool:
        """Whether the URL may be read: the longest matching rule decides, `allow` wins a tie."""
        parts = urlsplit(url)
        path = _normal(parts.path or "/") + (f"?{_normal(parts.query)}" if parts.query else "")
        best = (-1, True)
        for allowed, pattern in self.rules:
            if len(pattern) >= best[0] and _matches(pattern, path):
                best = max(best, (len(pattern), allowed))
        return best[1]


@lru_cache(maxsize=512)
def parse_robots(text: str, agent: str = AGENT) -> Rules:
    """The rules for `agent`: those of the groups that name it, else of those for everyone."""
    groups: dict[str, list[tuple[bool, str]]] = {}
    delays: dict[str, float] = {}
    named: list[str] = []
    in_rules = False
    for line in text.lstrip("\ufeff").splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            named = [value.lower()] if in_rules else [*named, value.lower()]
            in_rules = False
            # a group without rules allows everything
            groups.setdefault(named[-1], [])
        elif key in {"allow", "disallow"}:
            in_rules = True
            for name in named:
                if value and len(groups[name]) < MAX_RULES:
                    groups[name].append((key == "allow", _normal(value)[:2000]))
        elif key == "crawl-delay":
            in_rules = True
            delays |= {name: float(value) for name in named if re.fullmatch(r"\d{1,6}(\.\d{1,3})?", value)}
    ours = [name for name in groups if name != "*" and re.match(r"[a-z_-]*", name)[0] == agent]  # type: ignore[index]
    chosen = ours or (["*"] if "*" in groups else [])
    return Rules(
        rules=tuple(rule for name in chosen for rule in groups[name]),
        delay_s=min(DELAY_MAX_S, max((delays.get(name, 0.0) for name in chosen), default=0.0)),
    )


class Robots:
    """Asks each host once a day, and keeps its delay between two pages. Times in seconds."""

    def __init__(
        self, client: httpx.AsyncClient, limits: Limits, cache: Cache, slots: Slots, *, now: Callable[[], datetime]
    ) -> None:
        self._client, self._cache, self._slots, self._now = client, cache, slots, now
        # half a page's time, for a redirect's new host is asked while a page is being fetched
        self._limits = Limits(
            connect_s=limits.connect_s, total_s=limits.total_s / 2, wire_bytes=MAX_BYTES, body_bytes=MAX_BYTES
        )
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._next: dict[str, float] = {}

    async def permit(self, feed: str, url: str) -> None:
        """Raises FetchRefused when the host's robots.txt asks not to read that URL, FetchFailed when it can't be had.

        A server that fails (5xx, no answer) forbids everything for a while; one that has none (4xx) forbids nothing.
        """
        text = await self._text(feed, _origin(url))
        if text == UNREACHABLE:
            raise FetchFailed(feed, url, "its robots.txt can't be read")
        if not parse_robots(text).allows(url):
            raise FetchRefused(feed, url, "robots.txt asks not to read it")

    async def sitemaps(self, feed: str, url: str) -> tuple[str, ...]:
        """The sitemaps that the robots.txt of the URL's host names (sitemaps.org), in its order."""
        text = await self._text(feed, _origin(url), in_place=True)
        lines = (line.partition("#")[0].partition(":") for line in text.splitlines())
        named = (value.strip() for key, _, value in lines if key.strip().lower() == "sitemap")
        urls = (one for one in named if one.startswith(("http://", "https://")) and len(one) <= 2048)
        return tuple(dict.fromkeys(urls))[:SITEMAPS]

    async def turn(self, feed: str, url: str, *, until: float) -> bool:
        """Wait until the host's delay since its last page is over; False when that is after `until` (monotonic).

        To be called without a place among the slots: a wait would keep it from others.
        """
        origin = _origin(url)
        text = await self._text(feed, origin, in_place=True)
        delay_s = parse_robots(text).delay_s if text != UNREACHABLE else 0.0
        if not delay_s:
            return True
        start = max(self._next.get(origin, 0.0), time.monotonic())
        if start > until:
            return False
        self._next[origin] = start + delay_s
        await asyncio.sleep(start - time.monotonic())
        return True

    async def _text(self, feed: str, origin: str, *, in_place: bool = False) -> str:
        async with self._locks[origin]:
            kept = self._cache.get("robots", origin, now=self._now())
            if kept is not None:
                return kept[0] or ""
            async with self._slots.at(origin) if in_place else nullcontext():
                text, seconds = await self._ask(feed, origin)
            self._cache.put("robots", origin, text, seconds=seconds, now=self._now())
            return text

    async def _ask(self, feed: str, origin: str) -> tuple[str, float]:
        try:
            answer = await fetch_small(feed, f"{origin}/robots.txt", client=self._client, limits=self._limits)
        except FetchFailed as error:
            return UNREACHABLE, min(error.after or RETRY_S, KEEP_S)
        except FetchRefused:
            # the address guard will say so of the page too; a body that breaks the limits is no robots.txt
            return "", KEEP_S
        if answer.status == 429 or answer.status >= 500:
            return UNREACHABLE, RETRY_S
        return (answer.body.decode("utf-8", "replace") if answer.status == 200 else ""), KEEP_S


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


def _normal(path: str) -> str:
    return quote(unquote(path, errors="replace"), safe="/:?&=*$@!~'()+,;.-_%")


def _matches(pattern: str, path: str) -> bool:
    """Whether the pattern matches the path's beginning; `*` is anything, a last `$` is the end. Linear, no regex."""
    whole = pattern.endswith("$")
    first, *rest = (pattern[:-1] if whole else pattern).split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    for number, part in enumerate(rest):
        if whole and number == len(rest) - 1:
            return path.endswith(part) and len(path) - len(part) >= at
        found = path.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return not whole or at == len(path)
