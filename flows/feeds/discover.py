"""Where a site keeps its feed: what its page says, else the usual places; every one of them tried, within a bound.

Autodiscovery by `link rel="alternate"`: HTML Living Standard, 4.6.7.5; sitemaps named by robots.txt: sitemaps.org.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import structlog

from flows.feeds.canonical import canonical
from flows.feeds.entry import Parsed
from flows.feeds.fetch import Fetched, fetch, fetch_small
from flows.feeds.reach import Reach
from schemas.errors import FeedError, FeedUnreadable
from schemas.feed import Feed, FeedState, Place, Transport

log = structlog.get_logger(__name__)

USUAL = ("/feed/", "/rss", "/rss.xml", "/feed.xml", "/atom.xml", "/index.xml", "/feed.json")
USUAL_SITEMAPS = ("/news-sitemap.xml", "/sitemap-news.xml", "/sitemap_news.xml", "/sitemapforgoogle.xml")
MAX_TRIED = 20
NAME = "discover"


@dataclass(frozen=True)
class Candidate:
    """A place that answered, and what it shows."""

    place: Place
    shown: Parsed


async def discover(url: str, reach: Reach, *, enough: int = 3) -> list[Candidate]:
    """The feeds that a page or a site has, best first: the URL itself, those its page names, the usual places.

    Stops when `enough` are found. Raises FetchRefused and FetchFailed when the URL itself can't be read.
    """
    answer = await fetch_small(NAME, url, client=reach.client, limits=reach.limits)
    found: list[Candidate] = []
    if answer.status == 200:
        own = await _read(Place(url=url), answer.body, answer.headers.get("content-type"), answer.url, reach)
        if own is not None:
            return [own]
        named = await reach.readers.links(answer.body, answer.headers.get("content-type"), url=answer.url)
    else:
        named = ()
    seen: set[str | None] = set()
    for place in _places(answer.url, (*named, *await _sitemaps(answer.url, reach))):
        if len(found) >= enough or len(seen) >= MAX_TRIED:
            break
        if canonical(place.url) in seen:
            continue
        seen.add(canonical(place.url))
        candidate = await _ask(place, reach)
        if candidate is not None:
            found.append(candidate)
    return found


def _places(page: str, named: tuple[str, ...]) -> Iterator[Place]:
    feeds = [url for url in named if "sitemap" not in url.lower()]
    sitemaps = [url for url in named if "sitemap" in url.lower()]
    for url in (*feeds, *(urljoin(page, path) for path in USUAL)):
        yield from _place(url, Transport.FEED)
    for url in (*sitemaps, *(urljoin(page, path) for path in USUAL_SITEMAPS)):
        yield from _place(url, Transport.NEWS_SITEMAP)


def _place(url: str, transport: Transport) -> Iterator[Place]:
    if url.startswith(("http://", "https://")) and len(url) <= 2048:
        yield Place(url=url, transport=transport)


async def _sitemaps(page: str, reach: Reach) -> tuple[str, ...]:
    """News sitemaps that the site's robots.txt names."""
    parts = urlsplit(page)
    try:
        answer = await fetch_small(
            NAME, f"{parts.scheme}://{parts.netloc}/robots.txt", client=reach.client, limits=reach.limits
        )
    except FeedError:
        return ()
    lines = answer.body[:500_000].decode("utf-8", "replace").splitlines() if answer.status == 200 else []
    named = (line.partition(":")[2].strip() for line in lines if line.lower().startswith("sitemap:"))
    return tuple(url for url in named if "news" in url.lower() or "google" in url.lower())[:5]


async def _ask(place: Place, reach: Reach) -> Candidate | None:
    feed = Feed(id=NAME, outlet=NAME, url=place.url, transport=place.transport)
    try:
        async with reach.slots.at(place.url):
            answer = await fetch(feed, FeedState(feed=NAME), client=reach.client, limits=reach.limits)
    except FeedError as error:
        log.debug("discover.failed", url=place.url, reason=error.reason)
        return None
    if not isinstance(answer, Fetched):
        return None
    return await _read(place, answer.body, answer.content_type, answer.url, reach)


async def _read(place: Place, body: bytes, content_type: str | None, base: str, reach: Reach) -> Candidate | None:
    """The place with what it shows, as a feed or as a sitemap; None when it is neither, or shows nothing."""
    transports = (
        [place.transport] if place.transport is not Transport.FEED else [Transport.FEED, Transport.NEWS_SITEMAP]
    )
    for transport in transports:
        read_as = place.model_copy(update={"transport": transport})
        try:
            parsed = await reach.readers.feed(NAME, body, content_type, base=base, place=read_as)
        except FeedUnreadable:
            continue
        if parsed.entries or parsed.more:
            return Candidate(read_as, parsed)
    return None
