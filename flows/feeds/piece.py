"""One entry to its article: its link followed to the piece, its page read when needed, what is no piece passed over."""

import time
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from flows.feeds.canonical import canonical
from flows.feeds.entry import Entry
from flows.feeds.fetch import Page, fetch_page
from flows.feeds.landing import arrived, is_front, led_astray
from flows.feeds.pages import needs_page
from flows.feeds.reach import Reach
from schemas.article import Article
from schemas.errors import FeedUnreadable, FetchFailed, FetchRefused, PageWalled
from schemas.feed import Feed

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Opened:
    """An entry with what its article is made of; `link` is the feed's own, the entry's has been followed.

    `again` says that something failed and is worth another poll; `reason`, that there is no article without it.
    `astray` pages led somewhere that does not look like their link; `told` says why a page was not read. `after_s` is
    what a server asked to wait.
    """

    entry: Entry
    link: str
    page: Page | None = None
    unresolved: bool = False
    again: bool = False
    reason: str | None = None
    astray: bool = False
    told: str | None = None
    failed: bool = False
    after_s: float | None = None

    @property
    def fingerprint(self) -> str:
        """The entry's: equal as long as the feed says the same."""
        return self.entry.fingerprint


async def follow(feed: Feed, entry: Entry, reach: Reach, *, last_try: bool) -> Opened:
    """The entry with its link followed to the piece, when it is a redirector's."""
    if not reach.redirectors.stands_for_another(entry.link):
        return Opened(entry, entry.link)
    try:
        target = await reach.redirectors.resolve(feed.id, entry.link)
    except FetchFailed as error:
        if not last_try:
            reason = f"where its link leads can't be found out yet: {error.reason}"
            return Opened(entry, entry.link, again=True, reason=reason, after_s=error.after)
        target = None
    if target is None:
        return Opened(entry, entry.link, unresolved=True)
    return Opened(entry.model_copy(update={"link": target}), entry.link)


def wants_page(feed: Feed, opened: Opened) -> bool:
    """Whether the piece's page is to be read."""
    if opened.unresolved or opened.reason is not None or canonical(opened.entry.link) is None:
        return False
    return needs_page(feed, opened.entry)


async def with_page(feed: Feed, opened: Opened, reach: Reach) -> Opened:
    """The same with its page, or with the reason why not; takes a place at its host."""
    link = opened.entry.link
    try:
        page = await fetch_page(
            feed.id,
            link,
            client=reach.client,
            limits=reach.limits,
            permit=lambda url: reach.robots.permit(feed.id, url),
        )
    except FetchRefused as error:
        log.info("page.refused", feed=feed.id, url=error.url, reason=error.reason)
        return replace(opened, told=error.reason)
    except FetchFailed as error:
        log.info("page.failed", feed=feed.id, url=error.url, reason=error.reason)
        return replace(opened, again=True, failed=True, after_s=error.after, told=error.reason)
    return replace(opened, page=page, astray=led_astray(link, page.url))


def without_shared(feed: Feed, opened: Opened, reach: Reach, *, others: int) -> Opened:
    """The same without its page when `others`, now or in earlier polls, were led to the same one: it is no piece."""
    page = opened.page
    if page is None or not opened.astray:
        return opened
    known = arrived(feed.id, opened.entry.link, page.url, reach.cache, now=reach.now())
    if known or others or is_front(page.url):
        log.warning("page.shared", feed=feed.id, url=page.url[:300], link=opened.entry.link[:300])
        return replace(opened, page=None, again=True, told="its page is one that other links lead to as well")
    return opened


@dataclass(frozen=True)
class Made:
    """The article, or the `reason` why there is none; `again` says that the page is to be tried again, `told` why."""

    article: Article | None = None
    reason: str | None = None
    again: bool = False
    told: str | None = None


async def make(
    feed: Feed, opened: Opened, reach: Reach, *, language: str | None, observed: datetime | None = None
) -> Made:
    """The entry's article, from its page where that can be read; `observed` is when that was read, none: now."""
    if opened.reason is not None:
        return Made(reason=opened.reason, again=opened.again)
    page, again, told = opened.page, opened.again, opened.told
    observed_at_ms = int((observed or reach.now()).timestamp() * 1000)
    while True:
        try:
            made = await reach.readers.article(
                feed,
                opened.entry,
                page,
                language=language,
                observed_at_ms=observed_at_ms,
                link=opened.link,
                unresolved=opened.unresolved,
            )
        except PageWalled as error:
            log.warning("page.walled", feed=feed.id, url=error.url[:300], reason=error.reason)
            page, again, told = None, True, error.reason
        except FeedUnreadable as error:
            if page is None:
                return Made(reason=error.reason, again=again)
            log.warning("page.unreadable", feed=feed.id, url=page.url[:300], reason=error.reason)
            page, told = None, error.reason
        else:
            article, reason = (None, made) if isinstance(made, str) else (made, None)
            return Made(article, reason, again, told)


async def read_piece(feed: Feed, entry: Entry, reach: Reach, *, language: str | None, within_s: float = 60.0) -> Made:
    """An entry's article all at once, as a trial makes it."""
    opened = await follow(feed, entry, reach, last_try=True)
    if wants_page(feed, opened):
        link = opened.entry.link
        if not await reach.robots.turn(feed.id, link, until=time.monotonic() + within_s):
            return Made(reason="its host asks for more time between two pages than there is", again=True)
        async with reach.slots.at(link):
            opened = without_shared(feed, await with_page(feed, opened, reach), reach, others=0)
    return await make(feed, opened, reach, language=language)
