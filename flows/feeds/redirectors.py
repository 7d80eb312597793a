"""Links that lead to a piece by way of somebody else: Google News, feed proxies, shorteners. Resolved before identity.

Some carry their target in the link itself; the others are followed, each hop through the one guarded client, until they
leave the known hosts. What can't be resolved is known for some hours as such.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

import httpx

from flows.feeds.cache import Cache
from flows.feeds.canonical import canonical
from flows.feeds.fetch import lead
from flows.feeds.limits import Limits
from schemas.errors import FetchRefused

HOSTS = frozenset((
    "news.google.com", "feedproxy.google.com", "feeds.feedburner.com", "feedproxy.feedburner.com", "rss.app", "t.co",
    "bit.ly", "j.mp", "ow.ly", "buff.ly", "tinyurl.com", "goo.gl", "is.gd", "dlvr.it", "trib.al", "ift.tt", "lnkd.in",
    "tmblr.co", "fb.me", "wp.me", "shorturl.at", "cutt.ly", "rebrand.ly", "feedly.com", "rss.feedsportal.com",
))  # fmt: skip
"""Hosts whose links stand for a page elsewhere."""

CARRIERS = {
    "www.google.com": ("q", "url"), "google.com": ("q", "url"), "www.bing.com": ("url",), "l.facebook.com": ("u",),
    "lm.facebook.com": ("u",), "www.facebook.com": ("u",), "news.url.google.com": ("url",), "out.reddit.com": ("url",),
}  # fmt: skip
"""Hosts that carry the target in a parameter of theirs."""

CARRIER_PATHS = ("/url", "/l.php", "/news/apiclick.aspx", "/flx/warn/")
HOPS = 4
FOUND_S = 30 * 86_400.0
LOST_S = 6 * 3600.0
INSIDE = re.compile(rb"https?://[\x21-\x7e]{4,2000}")


def redirects(link: str, hosts: Iterable[str] = HOSTS) -> bool:
    """Whether the link stands for a page elsewhere."""
    parts = urlsplit(canonical(link) or "")
    carrier = (parts.hostname or "") in CARRIERS and parts.path in CARRIER_PATHS
    return carrier or parts.netloc in frozenset(hosts)


def carried(link: str) -> str | None:
    """The page that the link itself names; None when it names none.

    An older Google News link holds the URL in base64; a newer one holds a key that only its own page can turn.
    """
    parts = urlsplit(canonical(link) or "")
    host = parts.hostname or ""
    if host in CARRIERS and parts.path in CARRIER_PATHS:
        asked = parse_qs(parts.query, max_num_fields=50)
        return next((found for name in CARRIERS[host] for found in map(canonical, asked.get(name, ())) if found), None)
    token = re.fullmatch(r"/(?:rss/|__i/rss/rd/)?articles/([\w-]{20,4000})=*", parts.path)
    if host != "news.google.com" or token is None:
        return None
    try:
        data = base64.urlsafe_b64decode(token[1] + "=" * (-len(token[1]) % 4))
    except (binascii.Error, ValueError):
        return None
    inside = INSIDE.search(data)
    return canonical(inside[0].decode("ascii")) if inside else None


class Redirectors:
    """Finds out where such links lead, and remembers it."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        limits: Limits,
        cache: Cache,
        *,
        now: Callable[[], datetime],
        hosts: Iterable[str] = HOSTS,
    ) -> None:
        self._client, self._limits, self._cache, self._now = client, limits, cache, now
        self._hosts = frozenset(hosts)

    def stands_for_another(self, link: str) -> bool:
        """Whether the link must be resolved before it says which piece it is."""
        return redirects(link, self._hosts)

    async def resolve(self, feed: str, link: str) -> str | None:
        """The page that the link leads to; None when that can't be found out. Raises FetchFailed: ask again later."""
        for _ in range(HOPS):
            target = carried(link) or await self._followed(feed, link)
            if target is None or not redirects(target, self._hosts):
                return target
            link = target
        return None

    async def _followed(self, feed: str, link: str) -> str | None:
        key = canonical(link)
        if key is None or urlsplit(key).netloc not in self._hosts:
            return None
        kept = self._cache.get("redirector", key, now=self._now())
        if kept is not None:
            return kept[0]
        try:
            target = await lead(feed, key, client=self._client, limits=self._limits)
        except FetchRefused:
            target = None
        found = canonical(target) if target else None
        self._cache.put("redirector", key, found, seconds=FOUND_S if found else LOST_S, now=self._now())
        return found
