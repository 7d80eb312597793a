"""A feed's earlier documents: archives and pages that it links to (RFC 5005), read from the newest to the oldest."""

import time
from collections.abc import AsyncGenerator
from datetime import datetime

from flows.feeds.canonical import canonical, same_site
from flows.feeds.entry import Parsed
from flows.feeds.fetch import Fetched, fetch
from flows.feeds.find import Find, Passed, Piece, Why
from flows.feeds.reach import Reach
from flows.feeds.seek import may_pass
from flows.feeds.sitemap import OLDEST, moment
from schemas.errors import FeedError, FetchFailed
from schemas.feed import Feed, FeedState, Place, Transport

DOCUMENTS = 2000
"""Read of one feed."""

WAIT_S = 120.0
"""How long a document waits for its turn at a host that asks for pauses."""


async def in_archives(feed: Feed, *, since: datetime, until: datetime, reach: Reach) -> AsyncGenerator[Find, None]:
    """The entries published in that range, or without a date, of the feed and of the documents it links to.

    The way ends at a document whose entries are all older, that shows nothing new (a circle), that is another site's,
    or that can't be read, which is worth another try. Raises the FeedError of the feed itself.
    """
    url: str | None = feed.url
    before: str | None = None
    read: set[str] = set()
    known: set[str] = set()
    while url is not None:
        if url in read or len(read) >= DOCUMENTS:
            reason = (
                "links to itself in a circle" if url in read else f"is the {DOCUMENTS + 1}th of the feed's documents"
            )
            yield Passed(url, reason, Why.NOTE)
            return
        try:
            shown = await _read(feed, url, reach)
        except FeedError as error:
            if not read:
                raise
            yield Passed(url, error.reason, _why(error))
            return
        read.add(url)
        for broken in shown.broken:
            yield Passed(f"{url}, entry {broken.position + 1}", broken.reason, Why.WRONG)
        fresh = [entry for entry in shown.entries if (entry.link or entry.id) not in known]
        known.update(entry.link or entry.id for entry in fresh)
        for entry in fresh:
            when = moment(entry)
            if when == OLDEST or since <= when < until:
                yield Piece(entry, where=url)
        if len(read) > 1 and not fresh:
            yield Passed(url, "shows nothing that later documents did not", Why.NOTE)
            return
        if shown.entries and all(OLDEST < moment(entry) < since for entry in shown.entries):
            return
        if shown.older is None and len(read) == 1:
            yield Passed(url, "links to no earlier documents (RFC 5005): its sitemap may know more", Why.NOTE)
        if shown.older is not None and not _own(feed, shown.older):
            yield Passed(shown.older, "is another site's: not followed", Why.NOTE)
            return
        if shown.older is not None and shown.older == before:
            # the last page of a paged feed has no other link than the one back
            return
        before, url = url, shown.older


def _why(error: FeedError) -> Why:
    if isinstance(error, FetchFailed):
        # a place that is not there is the end of what there is
        return Why.AGAIN if may_pass(error) else Why.NOTE
    return Why.WRONG


async def _read(feed: Feed, url: str, reach: Reach) -> Parsed:
    place = Place(url=url, transport=Transport.FEED)
    if not await reach.robots.turn(feed.id, url, until=time.monotonic() + WAIT_S):
        raise FetchFailed(feed.id, url, "its host asks for longer pauses than there is time")
    async with reach.slots.at(url):
        answer = await fetch(feed.at(place), FeedState(feed=feed.id), client=reach.client, limits=reach.limits)
    if not isinstance(answer, Fetched):
        raise FetchFailed(feed.id, url, "answered 410: gone")
    return await reach.readers.feed(feed.id, answer.body, answer.content_type, base=answer.url, place=place)


def _own(feed: Feed, url: str) -> bool:
    """Whether the document is on the feed's site or its outlet's, and not on http where the feed is on https."""
    found = canonical(url)
    if found is None or len(url) > 2048 or (feed.url.startswith("https:") and not found.startswith("https:")):
        return False
    return any(same_site(canonical(own) or "", found) for own in (feed.url, feed.site) if own)
