"""Looks for what a feed lost in the sitemaps of its site: those that robots.txt names, then the usual places."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import structlog

from flows.feeds.canonical import canonical
from flows.feeds.discover import USUAL_SITEMAPS
from flows.feeds.entry import Entry, Parsed
from flows.feeds.fetch import Fetched, fetch
from flows.feeds.hole import MOST, filled, missing, opened, said, with_hole
from flows.feeds.keys import keyed
from flows.feeds.reach import Reach
from flows.feeds.sitemap import OLDEST, moment, since_then
from flows.feeds.state import Seen, States
from schemas.errors import FeedError, FetchFailed
from schemas.feed import Feed, FeedState, Place, Transport
from schemas.identity import article_id
from schemas.watch import Hole

log = structlog.get_logger(__name__)

ASKED = 8
"""Sitemaps asked for one hole, the parts of an index not counted."""

PARTS = 3
"""Parts of one index, those of news first, then the newest."""

KEEP_S = 7 * 86_400.0
NONE_S = 86_400.0
"""How long a site is taken to have no sitemap with dates."""

NONE = "its site has no sitemap with dates of that time"
PLAIN = ("/sitemap.xml", "/sitemap_index.xml", "/wp-sitemap.xml")


@dataclass(frozen=True)
class Sought:
    """What was found of the hole, newest first; `at` is the sitemap, none when none knows of that time: `reason`.

    `again` says that one failed in a way that may pass.
    """

    entries: tuple[Entry, ...] = ()
    at: str | None = None
    reason: str = ""
    again: bool = False
    wire_bytes: int = 0


@dataclass(frozen=True)
class Back:
    """What a look back gave: the hole, none when there is none; entries to read; the state that remembers it."""

    state: FeedState
    hole: Hole | None = None
    missed: tuple[tuple[str, Entry], ...] = ()
    wire_bytes: int = 0


async def look_back(
    feed: Feed,
    state: FeedState,
    shown: Mapping[str, Entry],
    known: Mapping[str, Seen | Entry],
    reach: Reach,
    states: States,
    *,
    lost: bool,
) -> Back:
    """What a feed that `lost` entries since the last poll did not show, as the sitemaps of its site list it.

    What is `known`, by key, is left out. That there is a hole is saved before anything is read: after a kill the feed
    would look whole. Raises Unavailable.
    """
    found = opened(feed, state, shown.values(), lost=lost, now=reach.now())
    if found is None:
        return Back(state)
    state = with_hole(state, found)
    states.save(state, now=reach.now())
    sought = await seek(feed, found, reach, shown=tuple(shown.values()))
    pieces = {seen.article_id for seen in known.values() if isinstance(seen, Seen)}
    missed = [
        (key, entry)
        for key, entry in keyed(sought.entries).items()
        if key not in shown and key not in known and article_id(canonical(entry.link) or "") not in pieces
    ]
    over = max(0, len(missed) - MOST)
    hole = filled(found, at=sought.at, found=len(missed) - over, over=over, reason=sought.reason, again=sought.again)
    log.warning("feed.hole", feed=feed.id, told=said(hole))
    return Back(state, hole, tuple(missed[:MOST]), sought.wire_bytes)


async def seek(feed: Feed, hole: Hole, reach: Reach, *, shown: Sequence[Entry]) -> Sought:
    """The pieces of the hole, of the first sitemap that knows of its time. No error leaves here."""
    home = feed.site or feed.url
    origin = urljoin(home, "/")
    kept = reach.cache.get("sitemap", origin, now=reach.now())
    if kept is not None and kept[0] is None:
        return Sought(reason=NONE)
    again, wire_bytes = False, 0
    async with aclosing(_candidates(feed, origin, reach, first=kept[0] if kept else None)) as urls:
        async for url in urls:
            try:
                listed, bytes_read = await _listed(feed, url, hole, reach)
            except FeedError as error:
                log.info("hole.sitemap_failed", feed=feed.id, url=url, reason=error.reason)
                again = again or (isinstance(error, FetchFailed) and may_pass(error))
                continue
            wire_bytes += bytes_read
            if not any(moment(entry) >= hole.since for entry in listed):
                continue
            reach.cache.put("sitemap", origin, url, seconds=KEEP_S, now=reach.now())
            found = sorted(missing(feed, hole, listed, shown=shown), key=moment, reverse=True)
            return Sought(tuple(found), url, wire_bytes=wire_bytes)
    if again:
        return Sought(reason="its site's sitemap can't be read", again=True, wire_bytes=wire_bytes)
    reach.cache.put("sitemap", origin, None, seconds=NONE_S, now=reach.now())
    return Sought(reason=NONE, wire_bytes=wire_bytes)


def may_pass(error: FetchFailed) -> bool:
    """Whether asking later may help: the network or the server was in trouble."""
    return error.status is None or error.status == 429 or error.status >= 500


async def _candidates(feed: Feed, origin: str, reach: Reach, *, first: str | None) -> AsyncGenerator[str, None]:
    """The sitemaps to ask, the likeliest first, each once."""
    own = [place.url for place in feed.places if place.transport is Transport.NEWS_SITEMAP and place.url != feed.url]
    asked: list[str] = []

    def fresh(urls: Sequence[str]) -> list[str]:
        new = [url for url in dict.fromkeys(urls) if url not in asked][: ASKED - len(asked)]
        asked.extend(new)
        return new

    for url in fresh([*([first] if first else []), *own]):
        yield url
    try:
        named = await reach.robots.sitemaps(feed.id, origin)
    except FeedError:
        named = ()
    news = [url for url in named if _news(url)]
    for url in fresh([*news, *(url for url in named if url not in news)][:4]):
        yield url
    for url in fresh([urljoin(origin, path) for path in (*PLAIN[:2], *USUAL_SITEMAPS, *PLAIN[2:])]):
        yield url


async def _listed(feed: Feed, url: str, hole: Hole, reach: Reach) -> tuple[list[Entry], int]:
    """The dated pages of a sitemap, and of some of its parts; the bytes that this took. Raises FeedError."""
    shown, wire_bytes = await _read(feed, url, reach)
    listed = list(shown.entries)
    for part in sorted(since_then(shown, hole.since), key=lambda part: not _news(part))[:PARTS]:
        try:
            inside, more_bytes = await _read(feed, part, reach)
        except FeedError as error:
            log.info("hole.sitemap_failed", feed=feed.id, url=part, reason=error.reason)
            continue
        listed += inside.entries
        wire_bytes += more_bytes
    return [entry for entry in listed if moment(entry) != OLDEST], wire_bytes


async def _read(feed: Feed, url: str, reach: Reach) -> tuple[Parsed, int]:
    place = Place(url=url, transport=Transport.NEWS_SITEMAP)
    async with reach.slots.at(url):
        answer = await fetch(feed.at(place), FeedState(feed=feed.id), client=reach.client, limits=reach.limits)
    if not isinstance(answer, Fetched):
        return Parsed(), 0
    shown = await reach.readers.feed(feed.id, answer.body, answer.content_type, base=answer.url, place=place)
    return shown, answer.wire_bytes


def _news(url: str) -> bool:
    return "news" in urlsplit(url).path.lower() or "google" in urlsplit(url).path.lower()
