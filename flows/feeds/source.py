"""One source in one poll: fetch, parse, read the new entries' pages, publish, remember."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx
import structlog

from flows.feeds.canonical import canonical
from flows.feeds.entry import Entry, Parsed
from flows.feeds.fetch import Fetched, Gone, Page, Unchanged, fetch, fetch_page
from flows.feeds.interval import Hints, back_off, next_interval, next_poll
from flows.feeds.limits import Limits
from flows.feeds.pages import needs_page
from flows.feeds.readers import Readers
from flows.feeds.slots import Slots
from flows.feeds.state import Seen, States
from flows.publish import Publisher
from flows.report import Polled, Result
from schemas.article import Article
from schemas.errors import FeedError, FeedUnreadable, FetchFailed, FetchRefused, Unavailable
from schemas.feed import Feed, FeedState
from schemas.identity import digest
from schemas.streams import Stream

log = structlog.get_logger(__name__)

BATCH = 50
"""Entries read, published and remembered at a time: what memory holds, and what a kill makes us read again."""

PAGE_TRIES = 3
"""How many polls try for an entry's page before its feed's words are left to stand for it."""

PAGE_FAILURES = 3
"""Failures in a row after which a site is left in peace until the next poll."""


@dataclass(frozen=True)
class Tools:
    """What every source of a poll shares. Times in seconds; `budget_s` is how long one source may read pages."""

    client: httpx.AsyncClient
    readers: Readers
    slots: Slots
    limits: Limits
    states: States
    publisher: Publisher
    stream: Stream[Article]
    now: Callable[[], datetime]
    default_s: float
    max_entries: int
    budget_s: float


@dataclass(frozen=True)
class _Read:
    """What reading one entry gave: what to remember, the article to publish if there is one."""

    seen: Seen
    article: Article | None = None


@dataclass
class _Tally:
    new: int = 0
    skipped: int = 0
    refused: int = 0
    left: int = 0
    owed: int = 0
    bytes: int = 0
    page_failures: int = 0
    asked_to_wait_s: float | None = None
    published: set[str] = field(default_factory=set)


class Source:
    """A feed's turn in a poll."""

    def __init__(self, feed: Feed, state: FeedState, tools: Tools) -> None:
        self._feed, self._state, self._tools = feed, state, tools
        self._tally = _Tally()
        self._until = time.monotonic() + tools.budget_s

    async def poll(self) -> Polled:
        """Poll the feed; what goes wrong with it is in the answer and in its state. Raises Unavailable only."""
        started = time.monotonic()
        try:
            polled = await self._poll()
        except FeedUnreadable as error:
            polled = self._failed(error, excerpt=error.excerpt)
        except FetchFailed as error:
            polled = self._failed(error, after=error.after)
        except FetchRefused as error:
            polled = self._failed(error, worse=3)
        except Unavailable:
            raise
        except Exception as error:
            log.exception("feed.fault", feed=self._feed.id)
            polled = self._failed(FeedError(self._feed.id, self._feed.url, f"{type(error).__name__}: {error}"[:300]))
        return polled.model_copy(update={"seconds": time.monotonic() - started, "bytes": self._tally.bytes})

    async def _poll(self) -> Polled:
        feed, tools = self._feed, self._tools
        async with tools.slots.at(feed.url):
            answer = await fetch(feed, self._state, client=tools.client, limits=tools.limits)
        match answer:
            case Gone():
                self._save_quiet(gone=True)
                log.warning("feed.gone", feed=feed.id)
                return Polled(feed=feed.id, result=Result.GONE, reason="410: the server asks not to be asked again")
            case Unchanged():
                self._tally.bytes += answer.wire_bytes
                self._save_quiet(etag=answer.etag, last_modified=answer.last_modified, hints=answer.hints)
                return Polled(feed=feed.id, result=Result.UNCHANGED)
            case Fetched():
                self._tally.bytes += answer.wire_bytes
                parsed = await tools.readers.feed(feed.id, answer.body, answer.content_type, base=answer.url)
                return await self._take(answer, parsed)

    async def _take(self, answer: Fetched, parsed: Parsed) -> Polled:
        """Read what is new in the feed, batch by batch."""
        feed, tools, tally = self._feed, self._tools, self._tally
        for one in parsed.broken:
            log.warning("entry.broken", feed=feed.id, position=one.position, reason=one.reason)
        entries = _keyed(parsed.entries)
        known = tools.states.seen(feed.id)
        fresh = [(key, entry) for key, entry in entries.items() if _news(entry, known.get(key))]
        taken = fresh[: tools.max_entries]
        for start in range(0, len(taken), BATCH):
            await self._batch(taken[start : start + BATCH], known, parsed.language)
        tally.left += len(fresh) - len(taken)
        self._save_read(answer, parsed, shown=entries)
        return Polled(
            feed=feed.id,
            result=Result.READ,
            entries=len(parsed.entries) + len(parsed.broken) + parsed.dropped,
            new=tally.new,
            skipped=tally.skipped,
            refused=tally.refused,
            broken=len(parsed.broken),
            left=tally.left,
        )

    async def _batch(self, batch: Sequence[tuple[str, Entry]], known: dict[str, Seen], language: str | None) -> None:
        """Read a batch of entries, publish what changed, remember all of it once the broker has answered."""
        tools, tally = self._tools, self._tally
        hashes = {(s.article_id, s.content_hash) for s in known.values()}
        tasks = [self._read(key, entry, known.get(key), language) for key, entry in batch]
        read = [one for one in await asyncio.gather(*tasks) if one is not None]
        tally.left += len(batch) - len(read)
        changed: dict[str, Article] = {}
        for one in read:
            article = one.article
            if article is not None and (article.article_id, article.content_hash) not in hashes:
                # two entries can lead to one piece: the first in the feed speaks for it
                changed.setdefault(article.article_id, article)
        receipt = await asyncio.to_thread(tools.publisher.send, tools.stream, list(changed.values()))
        for article_id, reason in receipt.refused.items():
            log.error("article.refused", feed=self._feed.id, article_id=article_id, reason=reason)
        tally.new += len(receipt.acked)
        tally.refused += len(receipt.refused)
        tally.owed += sum(one.seen.owed > 0 for one in read)
        tools.states.remember(self._feed.id, [one.seen for one in read], now=tools.now())

    async def _read(self, key: str, entry: Entry, before: Seen | None, language: str | None) -> _Read | None:
        """Read one entry, with its page when it needs one; None when it is left for the next poll."""
        feed, tools = self._feed, self._tools
        if not needs_page(feed, entry) or canonical(entry.link) is None:
            return await self._made(key, entry, None, 0, language)
        tries = before.owed if before is not None and before.owed else PAGE_TRIES
        # the page is read in its place too, so that pages don't pile up in front of a busy reader
        async with tools.slots.at(entry.link):
            if time.monotonic() > self._until or self._tally.asked_to_wait_s is not None:
                return None
            page, again = await self._page(entry)
            return await self._made(key, entry, page, tries - 1 if again else 0, language)

    async def _made(self, key: str, entry: Entry, page: Page | None, owed: int, language: str | None) -> _Read:
        feed, tools = self._feed, self._tools
        observed_at_ms = int(tools.now().timestamp() * 1000)
        try:
            made = await tools.readers.article(feed, entry, page, language=language, observed_at_ms=observed_at_ms)
        except FeedUnreadable as error:
            if page is None:
                made = error.reason
            else:
                log.warning("page.unreadable", feed=feed.id, url=page.url, reason=error.reason)
                made = await self._without_page(entry, language, observed_at_ms)
        if isinstance(made, str):
            self._tally.skipped += 1
            log.info("entry.skipped", feed=feed.id, link=entry.link[:300], reason=made)
            return _Read(Seen(key, entry.fingerprint, owed=owed))
        return _Read(Seen(key, entry.fingerprint, made.article_id, made.content_hash, owed), made)

    async def _without_page(self, entry: Entry, language: str | None, observed_at_ms: int) -> Article | str:
        try:
            return await self._tools.readers.article(
                self._feed, entry, None, language=language, observed_at_ms=observed_at_ms
            )
        except FeedUnreadable as error:
            return error.reason

    async def _page(self, entry: Entry) -> tuple[Page | None, bool]:
        """The entry's page, and whether to try for it again at the next poll."""
        tools, tally = self._tools, self._tally
        if tally.page_failures >= PAGE_FAILURES:
            return None, True
        try:
            page = await fetch_page(self._feed.id, entry.link, client=tools.client, limits=tools.limits)
        except FetchRefused as error:
            log.info("page.refused", feed=self._feed.id, url=error.url, reason=error.reason)
            return None, False
        except FetchFailed as error:
            log.info("page.failed", feed=self._feed.id, url=error.url, reason=error.reason)
            tally.page_failures += 1
            tally.asked_to_wait_s = error.after if error.after is not None else tally.asked_to_wait_s
            return None, True
        tally.page_failures = 0
        tally.bytes += page.wire_bytes
        return page, False

    def _save_quiet(
        self,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        hints: Hints | None = None,
        gone: bool = False,
    ) -> None:
        tools, now = self._tools, self._tools.now()
        interval_s = next_interval(self._state.interval_s, new=0, default_s=tools.default_s)
        state = self._state.model_copy(
            update={
                "etag": etag,
                "last_modified": last_modified,
                "interval_s": interval_s,
                "last_polled_at": now,
                "last_success_at": self._state.last_success_at if gone else now,
                "next_poll_at": next_poll(interval_s, hints or Hints(), now=now),
                "last_error": None,
                "error_streak": 0,
                "gone": gone,
            }
        )
        tools.states.save(state, now=now)

    def _save_read(self, answer: Fetched, parsed: Parsed, *, shown: Iterable[str]) -> None:
        tools, tally, now = self._tools, self._tally, self._tools.now()
        interval_s = next_interval(self._state.interval_s, new=tally.new, default_s=tools.default_s)
        hints = answer.hints.model_copy(update={"ttl_s": parsed.ttl_s, "retry_after_s": tally.asked_to_wait_s})
        # what was left must be offered again, which an unchanged feed would not do
        whole = tally.left == 0 and tally.owed == 0
        again = now if tally.left and tally.asked_to_wait_s is None else next_poll(interval_s, hints, now=now)
        state = self._state.model_copy(
            update={
                "etag": answer.etag if whole else None,
                "last_modified": answer.last_modified if whole else None,
                "body_hash": answer.body_hash if whole else None,
                "interval_s": interval_s,
                "last_polled_at": now,
                "last_success_at": now,
                "last_new_at": now if tally.new else self._state.last_new_at,
                "next_poll_at": again,
                "last_error": None,
                "error_streak": 0,
                "gone": False,
            }
        )
        tools.states.save(state, shown=shown, now=now)

    def _failed(
        self, error: FeedError, *, after: float | None = None, worse: int = 0, excerpt: bytes | None = None
    ) -> Polled:
        tools, now = self._tools, self._tools.now()
        streak = self._state.error_streak + 1
        wait_s = back_off(streak + worse - 1, default_s=tools.default_s)
        state = self._state.model_copy(
            update={
                "last_polled_at": now,
                "next_poll_at": next_poll(wait_s, Hints(retry_after_s=after), now=now),
                "last_error": error.reason,
                "error_streak": streak,
            }
        )
        if excerpt is None:
            tools.states.save(state, now=now)
        else:
            tools.states.save_unreadable(state, error.reason, excerpt, now=now)
        log.warning("feed.failed", feed=self._feed.id, error=type(error).__name__, reason=error.reason, streak=streak)
        return Polled(feed=self._feed.id, result=Result.FAILED, reason=error.reason, new=self._tally.new)


def _keyed(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Each entry once, under what it is known by: its link without tracking, else its id, else its words."""
    found: dict[str, Entry] = {}
    for entry in entries:
        key = digest("entry", canonical(entry.link) or entry.id or entry.fingerprint)
        found.setdefault(key, entry)
    return found


def _news(entry: Entry, before: Seen | None) -> bool:
    return before is None or before.owed > 0 or before.fingerprint != entry.fingerprint
