"""One source in one poll: fetch, parse, read the new entries' pages, publish, remember."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx
import structlog

from flows.feeds import turn
from flows.feeds.canonical import canonical
from flows.feeds.entry import Entry, Parsed
from flows.feeds.fetch import Fetched, Gone, Page, Unchanged, fetch, fetch_page
from flows.feeds.health import notes
from flows.feeds.limits import Limits
from flows.feeds.pages import needs_page
from flows.feeds.readers import Readers
from flows.feeds.slots import Slots
from flows.feeds.state import Seen, States
from flows.feeds.traits import Trait, looks
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
    """What every source of a poll shares; `budget_s` is how long one source may read pages, in seconds."""

    client: httpx.AsyncClient
    readers: Readers
    slots: Slots
    limits: Limits
    states: States
    publisher: Publisher
    stream: Stream[Article]
    now: Callable[[], datetime]
    pace: turn.Pace
    budget_s: float


@dataclass(frozen=True)
class _Read:
    """What reading one entry gave: what to remember, the article to publish if there is one."""

    seen: Seen
    article: Article | None = None

    @property
    def trait(self) -> Trait | None:
        """What the article looks like."""
        made = self.article
        return None if made is None else Trait(len(made.text), not made.date_guessed, made.language)


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
        asked = turn.located(feed, self._state)
        async with tools.slots.at(asked.url):
            answer = await fetch(asked, self._state, client=tools.client, limits=tools.limits)
        match answer:
            case Gone():
                tools.states.save(turn.gone(self._state, now=tools.now()), now=tools.now())
                log.warning("feed.gone", feed=feed.id)
                return Polled(feed=feed.id, result=Result.GONE, reason="410: the server asks not to be asked again")
            case Unchanged():
                self._tally.bytes += answer.wire_bytes
                now = tools.now()
                state = turn.unchanged(self._state, _told(asked, answer), pace=tools.pace, now=now)
                tools.states.save(state, now=now)
                saved = state.bytes_saved - self._state.bytes_saved
                return Polled(feed=feed.id, result=Result.UNCHANGED, saved=saved, notes=notes(self._state, state))
            case Fetched():
                self._tally.bytes += answer.wire_bytes
                parsed = await tools.readers.feed(feed.id, answer.body, answer.content_type, base=answer.url)
                return await self._take(asked, answer, parsed)

    async def _take(self, asked: Feed, answer: Fetched, parsed: Parsed) -> Polled:
        """Read what is new in the feed, batch by batch."""
        feed, tools, tally = self._feed, self._tools, self._tally
        for one in parsed.broken:
            log.warning("entry.broken", feed=feed.id, position=one.position, reason=one.reason)
        entries = _keyed(parsed.entries)
        known = tools.states.seen(feed.id)
        fresh = [(key, entry) for key, entry in entries.items() if _news(entry, known.get(key))]
        taken = fresh[: turn.room(self._state, tools.pace, now=tools.now())]
        for start in range(0, len(taken), BATCH):
            await self._batch(taken[start : start + BATCH], known, parsed.language)
        state = self._save_read(asked, answer, parsed, entries=entries, known=known, fresh=fresh, taken=len(taken))
        return Polled(
            feed=feed.id,
            result=Result.READ,
            entries=len(parsed.entries) + len(parsed.broken) + parsed.dropped,
            new=tally.new,
            skipped=tally.skipped,
            refused=tally.refused,
            broken=len(parsed.broken),
            left=tally.left,
            held=state.spent.held,
            notes=notes(self._state, state),
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
        traits = [one.trait for one in read if one.trait is not None]
        tools.states.remember(self._feed.id, [one.seen for one in read], traits=traits, now=tools.now())

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

    def _save_read(
        self,
        asked: Feed,
        answer: Fetched,
        parsed: Parsed,
        *,
        entries: Mapping[str, Entry],
        known: Mapping[str, Seen],
        fresh: Sequence[tuple[str, Entry]],
        taken: int,
    ) -> FeedState:
        tools, tally, now = self._tools, self._tally, self._tools.now()
        beyond = len(fresh) - taken
        # over the day's budget nothing is to be tried again before tomorrow, over the poll's at once
        held = beyond if turn.room(self._state, tools.pace, now=now) < tools.pace.poll_entries else 0
        tally.left += beyond - held
        reading = turn.Reading(
            body_hash=answer.body_hash,
            shown=len(entries),
            known=sum(key in known for key in entries),
            fresh=sum(key not in known for key, _ in fresh[:taken]),
            taken=taken,
            new=tally.new,
            left=tally.left,
            owed=tally.owed,
            held=held,
            published=tuple(entry.published for entry in entries.values()),
            wait_s=tally.asked_to_wait_s,
            ttl_s=parsed.ttl_s,
        )
        state = turn.read(self._state, _told(asked, answer), reading, pace=tools.pace, now=now)
        if tally.new:
            state = state.model_copy(update={"looks": looks(state.looks, tools.states.traits(self._feed.id))})
        tools.states.save(state, shown=entries, now=now)
        return state

    def _failed(
        self, error: FeedError, *, after: float | None = None, worse: int = 0, excerpt: bytes | None = None
    ) -> Polled:
        tools, now = self._tools, self._tools.now()
        state = turn.failed(self._state, error.reason, pace=tools.pace, now=now, after_s=after, worse=worse)
        if excerpt is None:
            tools.states.save(state, now=now)
        else:
            tools.states.save_unreadable(state, error.reason, excerpt, now=now)
        feed, streak = self._feed.id, state.error_streak
        log.warning("feed.failed", feed=feed, error=type(error).__name__, reason=error.reason, streak=streak)
        found = notes(self._state, state)
        return Polled(feed=feed, result=Result.FAILED, reason=error.reason, new=self._tally.new, notes=found)


def _told(asked: Feed, answer: Fetched | Unchanged) -> turn.Told:
    return turn.Told(
        asked=asked.url,
        moved=answer.moved,
        etag=answer.etag,
        last_modified=answer.last_modified,
        hints=answer.hints,
        wire_bytes=answer.wire_bytes,
    )


def _keyed(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Each entry once, under what it is known by: its link without tracking, else its id, else its words."""
    found: dict[str, Entry] = {}
    for entry in entries:
        key = digest("entry", canonical(entry.link) or entry.id or entry.fingerprint)
        found.setdefault(key, entry)
    return found


def _news(entry: Entry, before: Seen | None) -> bool:
    return before is None or before.owed > 0 or before.fingerprint != entry.fingerprint
