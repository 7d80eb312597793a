"""Where a source's earlier pieces are found: its sitemaps, and pages that somebody saved."""

import re
from collections.abc import AsyncGenerator, Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urljoin

import structlog

from flows.feeds.canonical import canonical, same_site
from flows.feeds.entry import Entry
from flows.feeds.fetch import Fetched, Page, fetch
from flows.feeds.find import Find, Passed, Piece, Why
from flows.feeds.reach import Reach
from flows.feeds.seek import PLAIN, may_pass
from flows.feeds.sitemap import OLDEST, moment, since_then
from schemas.errors import ConfigError, FeedError, FetchFailed
from schemas.feed import Feed, FeedState, Place, Transport

log = structlog.get_logger(__name__)

PARTS = 2000
"""Sitemaps read for one source."""

HEAD_BYTES = 200_000
SAVED_FROM = re.compile(rb"<!--\s*saved from url=\(\d{4}\)(https?://[^\s<>\"]{1,4000})")
LINK = re.compile(rb"<(?:link|meta)\b[^<>]{1,4000}>", re.IGNORECASE)
ROLE = re.compile(rb"(?:rel|property)\s*=\s*[\"']?(canonical|og:url)\b", re.IGNORECASE)
TARGET = re.compile(rb"(?:href|content)\s*=\s*[\"']?(https?://[^\s\"'<>]{1,4000})", re.IGNORECASE)
SUFFIXES = frozenset({".html", ".htm", ".xhtml"})


async def in_sitemaps(feed: Feed, sitemap: str | None, *, since: datetime, reach: Reach) -> AsyncGenerator[Find, None]:
    """The pages of the source's site that changed since then, or bear no date, one sitemap after the other.

    From the one that is named, else those that the site's robots.txt names, else those at the usual places. One that
    can't be read is passed over, to be tried again when that may help; raises the first one's FeedError when no sitemap
    at all could be read.
    """
    home = feed.site or feed.url
    waiting = [sitemap] if sitemap else list(await reach.robots.sitemaps(feed.id, home))
    guessed = not waiting
    waiting = waiting or [urljoin(home, path) for path in PLAIN]
    seen, read, failure = set(waiting), 0, None
    while waiting and len(seen) <= PARTS:
        url = waiting.pop(0)
        place = Place(url=url, transport=Transport.NEWS_SITEMAP)
        try:
            async with reach.slots.at(url):
                answer = await fetch(feed.at(place), FeedState(feed=feed.id), client=reach.client, limits=reach.limits)
            if not isinstance(answer, Fetched):
                continue
            found = await reach.readers.feed(
                feed.id, answer.body, answer.content_type, base=answer.url, place=place, whole=True
            )
        except FeedError as error:
            failure = failure or error
            log.warning("sitemap.failed", feed=feed.id, url=error.url, reason=error.reason)
            if not guessed:
                again = isinstance(error, FetchFailed) and may_pass(error)
                yield Passed(url, error.reason, Why.AGAIN if again else Why.WRONG)
            continue
        read += 1
        if guessed:
            # the others at the usual places are for sites that have none here
            waiting, guessed = [], False
        more = [part for part in since_then(found, since) if part not in seen]
        seen.update(more)
        waiting += more
        for broken in found.broken:
            yield Passed(f"{url}, page {broken.position + 1}", broken.reason, Why.WRONG)
        for entry in found.entries:
            if moment(entry) == OLDEST or moment(entry) >= since:
                yield Piece(entry, where=url)
    if failure is not None and not read:
        raise failure
    if waiting:
        yield Passed(waiting[0], f"and {len(waiting) - 1} more: over {PARTS} sitemaps are not read", Why.NOTE)


def saved(feed: Feed, folder: Path, *, at_most: int) -> Iterator[Find]:
    """The pages saved in `folder` and below, each with the URL that it says it came from.

    One that names no URL of the source's site is passed over: nobody knows what it is; so is one of over `at_most`
    bytes. Raises ConfigError when there is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError(str(folder), "no such folder", remedy="Name one with saved .html pages")
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        where = str(path.relative_to(folder))
        if path.stat().st_size > at_most:
            yield Passed(where, f"is over {at_most} bytes", Why.WRONG)
            continue
        body = path.read_bytes()
        url = origin(body)
        if url is None:
            yield Passed(where, "does not say which page it was: no canonical link in it", Why.WRONG)
        elif not same_site(canonical(feed.site or feed.url) or "", url):
            yield Passed(where, "is of another site")
        else:
            yield Piece(Entry(id=url, link=url), Page(url, body, "text/html", len(body)), where=where)


def origin(body: bytes) -> str | None:
    """Where a saved page came from: what the browser noted when it was saved, else its canonical link, else og:url."""
    head = body[:HEAD_BYTES]
    noted = SAVED_FROM.search(head)
    found = {"noted": noted[1]} if noted else {}
    for tag in LINK.findall(head):
        role, target = ROLE.search(tag), TARGET.search(tag)
        if role and target:
            found.setdefault(role[1].decode().lower(), target[1])
    best = next((found[name] for name in ("noted", "canonical", "og:url") if name in found), None)
    return canonical(best.decode("utf-8", "replace").replace("&amp;", "&")) if best else None
