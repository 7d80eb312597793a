"""One source in one poll: fetch, parse, read the new entries' pages, publish, remember."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import structlog

from flows.feeds import held, turn
from flows.feeds.canonical import canonical
from flows.feeds.entry import Entry, Parsed
from flows.feeds.fetch import Fetched, Gone, Unchanged
from flows.feeds.health import notes
from flows.feeds.hole import with_hole
from flows.feeds.keys import keyed
from flows.feeds.obtain import Obtained, obtain
from flows.feeds.outbox import Outbox
from flows.feeds.piece import Opened, follow, make, wants_page, with_page, without_shared
from flows.feeds.reach import Reach
from flows.feeds.seek import look_back
from flows.feeds.state import Seen, States
from flows.feeds.traits import Trait, looks
from flows.report import Polled, Result
from schemas.article import Article, Flag
from schemas.errors import FeedError, FeedUnreadable, FetchFailed, FetchRefused, Unavailable
from schemas.feed import Feed, FeedState
from schemas.watch import Hole

log = structlog.get_logger(__name__)

BATCH = 50
"""Entries read, published and remembered at a time: what memory holds, and what a kill makes us read again."""

PAGE_TRIES = 3
"""How many polls try for an entry's page before its feed's words are left to stand for it."""

PAGE_FAILURES = 3
"""Failures in a row after which a site is left in peace until the next poll."""

LIVE_FOR = timedelta(days=1)
"""How long a piece that goes on growing is read again at every poll."""


@dataclass(frozen=True)
class Tools:
    """What every source of a poll shares; `budget_s` is how long one source may read pages, in seconds."""

    reach: Reach
    states: States
    outbox: Outbox
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


@dataclass(frozen=True)
class _Astray:
    """An entry whose page looks like another's: the whole batch says whether it is."""

    key: str
    opened: Opened
    tries: int


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
    seen: dict[str, Seen] = field(default_factory=dict)


class Source:
    """A feed's turn in a poll."""

    def __init__(self, feed: Feed, state: FeedState, tools: Tools) -> None:
        self._feed, self._state, self._tools = feed, state, tools
        self._tally = _Tally()
        self._settled: Mapping[str, str] = {}
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
        found = await obtain(feed, self._state, tools.reach, known=self._known)
        self._state, now = found.state, tools.reach.now()
        self._tally.bytes += found.wire_bytes
        moved = (f"now read at {found.feed.url}",) if found.moved else ()
        if isinstance(found.answer, Gone):
            tools.states.save(turn.gone(self._state, now=now), now=now)
            log.warning("feed.gone", feed=feed.id)
            return Polled(feed=feed.id, result=Result.GONE, reason="410: the server asks not to be asked again")
        if isinstance(found.answer, Unchanged) or found.parsed is None:
            taken, kept = await self._catch_up(found.feed)
            new = self._tally.new
            state = turn.unchanged(self._state, _told(found), pace=tools.pace, now=now, taken=taken, new=new, held=kept)
            tools.states.save(state, now=now)
            saved = state.bytes_saved - self._state.bytes_saved
            told = (*moved, *notes(self._state, state))
            return Polled(feed=feed.id, result=Result.UNCHANGED, saved=saved, new=new, held=kept, notes=told)
        polled = await self._take(found, found.answer, found.parsed)
        return polled.model_copy(update={"notes": (*moved, *polled.notes)})

    async def _catch_up(self, feed: Feed) -> tuple[int, int]:
        """Read what was held back, as far as there is room; how many entries that was, and how many still wait."""
        tools, now = self._tools, self._tools.reach.now()
        before = held.waiting(tools.states, feed.id)
        room = turn.room(self._state, tools.pace, now=now)
        if not before.kept or not room:
            return 0, len(before.kept)
        known = tools.states.seen(feed.id)
        queue = [(key, entry) for key, entry in before.kept.items() if _news(entry, known.get(key))]
        taken = queue[:room]
        for start in range(0, len(taken), BATCH):
            await self._batch(feed, taken[start : start + BATCH], known, None)
        return len(taken), self._hold(before, queue, shown=before.over).kept

    def _hold(self, before: held.Waiting, queue: Sequence[tuple[str, Entry]], *, shown: Collection[str]) -> held.Held:
        """Keep what was not read of the queue."""
        read, tools = self._tally.seen, self._tools
        beyond = [(key, entry) for key, entry in queue if key not in read]
        most, now = tools.pace.held_entries, tools.reach.now()
        return held.hold(tools.states, self._feed.id, before, beyond, shown=shown, taken=read, most=most, now=now)

    async def _take(self, found: Obtained, answer: Fetched, parsed: Parsed) -> Polled:
        """Read what is new in the feed, batch by batch."""
        feed, tools, tally = found.feed, self._tools, self._tally
        for one in parsed.broken:
            log.warning("entry.broken", feed=feed.id, position=one.position, reason=one.reason)
        same = {self._settled[mark] for mark in parsed.same}
        # of two entries for one piece, the one that was read speaks for it
        entries = {key: entry for key, entry in keyed(parsed.entries).items() if key not in same}
        known = tools.states.seen(feed.id)
        if found.moved:
            known = self._known_elsewhere(entries, known)
        fresh = [(key, entry) for key, entry in entries.items() if _news(entry, known.get(key))]
        before = held.waiting(tools.states, feed.id)
        # what the feed shows is newer than what it showed when that was held back
        late = [(key, one) for key, one in before.kept.items() if key not in entries and _news(one, known.get(key))]
        there = len(same) + sum(key in known or key in before for key in entries)
        lost = turn.lost_some(self._state, shown=len(entries) + len(same), known=there)
        back = await look_back(
            feed, self._state, entries, {**known, **before.kept}, tools.reach, tools.states, lost=lost
        )
        self._state, tally.bytes = back.state, tally.bytes + back.wire_bytes
        queue = [*fresh, *late, *back.missed]
        taken = queue[: turn.room(self._state, tools.pace, now=tools.reach.now())]
        for start in range(0, len(taken), BATCH):
            await self._batch(feed, taken[start : start + BATCH], known, parsed.language)
        state = self._save_read(
            found,
            answer,
            parsed,
            entries=entries,
            same=same,
            known=known,
            before=before,
            queue=queue,
            taken=len(taken),
            looked=back.hole,
        )
        return Polled(
            feed=feed.id,
            result=Result.READ,
            entries=len(parsed.entries) + len(parsed.same) + len(parsed.broken) + parsed.dropped,
            new=tally.new,
            skipped=tally.skipped,
            refused=tally.refused,
            broken=len(parsed.broken),
            left=tally.left,
            held=state.spent.held,
            notes=notes(self._state, state),
        )

    def _known(self) -> Collection[str]:
        """The marks of the entries that the last poll read and that nothing is owed of."""
        self._settled = self._tools.states.settled(self._feed.id)
        return self._settled

    def _known_elsewhere(self, entries: Mapping[str, Entry], known: Mapping[str, Seen]) -> dict[str, Seen]:
        """What is known, under what the new place says of it: other words for the same piece are no news."""
        same = [
            replace(before, fingerprint=entry.fingerprint)
            for key, entry in entries.items()
            if (before := known.get(key)) is not None
        ]
        self._tools.states.remember(self._feed.id, same, now=self._tools.reach.now())
        return {**known, **{seen.entry: seen for seen in same}}

    async def _batch(
        self, feed: Feed, batch: Sequence[tuple[str, Entry]], known: Mapping[str, Seen], language: str | None
    ) -> None:
        """Read a batch of entries, publish what changed, remember all of it once the broker has answered."""
        tools, tally = self._tools, self._tally
        hashes = {(s.article_id, s.content_hash) for s in known.values()}
        opened = await asyncio.gather(*(self._read(feed, key, entry, known.get(key), language) for key, entry in batch))
        landings = Counter(canonical(_landing(one)) for one in opened if isinstance(one, _Astray))
        read: list[_Read] = []
        for one in opened:
            if isinstance(one, _Astray):
                others = landings[canonical(_landing(one))] - 1
                alone = without_shared(feed, one.opened, tools.reach, others=others)
                read.append(await self._made(feed, one.key, alone, one.tries, language))
            elif one is not None:
                read.append(one)
        tally.left += len(batch) - len(read)
        changed: dict[str, Article] = {}
        for one in read:
            article = one.article
            if article is not None and (article.article_id, article.content_hash) not in hashes:
                # two entries can lead to one piece: the first in the feed speaks for it
                changed.setdefault(article.article_id, article)
        receipt = await tools.outbox.send(list(changed.values()))
        for article_id, reason in receipt.refused.items():
            log.error("article.refused", feed=self._feed.id, article_id=article_id, reason=reason)
        tally.new += len(receipt.acked)
        tally.refused += len(receipt.refused)
        tally.owed += sum(one.seen.owed > 0 for one in read)
        tally.seen |= {one.seen.entry: one.seen for one in read}
        traits = [one.trait for one in read if one.trait is not None]
        tools.states.remember(self._feed.id, [one.seen for one in read], traits=traits, now=tools.reach.now())

    async def _read(
        self, feed: Feed, key: str, entry: Entry, before: Seen | None, language: str | None
    ) -> _Read | _Astray | None:
        """Read one entry, with its page when it needs one; None when it is left for the next poll."""
        reach, tally = self._tools.reach, self._tally
        tries = before.owed if before is not None and before.owed else PAGE_TRIES
        opened = await follow(feed, entry, reach, last_try=tries == 1)
        if not wants_page(feed, opened):
            return await self._made(feed, key, opened, tries, language)
        if not await reach.robots.turn(feed.id, opened.entry.link, until=self._until):
            return None
        # the page is read in its place too, so that pages don't pile up in front of a busy reader
        async with reach.slots.at(opened.entry.link):
            if time.monotonic() > self._until or tally.asked_to_wait_s is not None:
                return None
            if tally.page_failures >= PAGE_FAILURES:
                return await self._made(feed, key, replace(opened, again=True), tries, language)
            paged = await with_page(feed, opened, reach)
            self._count(paged)
            return _Astray(key, paged, tries) if paged.astray else await self._made(feed, key, paged, tries, language)

    async def _made(self, feed: Feed, key: str, opened: Opened, tries: int, language: str | None) -> _Read:
        reach, fingerprint = self._tools.reach, opened.fingerprint
        made = await make(feed, opened, reach, language=language)
        article, owed = made.article, tries - 1 if made.again else 0
        if article is None:
            self._tally.skipped += 1
            log.info("entry.skipped", feed=feed.id, link=opened.link[:300], reason=made.reason)
            return _Read(Seen(key, fingerprint, owed=owed))
        if Flag.LIVE in article.flags and opened.page and reach.now() - article.published_at < LIVE_FOR:
            owed = max(owed, 1)
        return _Read(Seen(key, fingerprint, article.article_id, article.content_hash, owed), article)

    def _count(self, opened: Opened) -> None:
        tally = self._tally
        tally.page_failures = tally.page_failures + 1 if opened.failed else 0
        tally.bytes += opened.page.wire_bytes if opened.page else 0
        tally.asked_to_wait_s = opened.after_s if opened.after_s is not None else tally.asked_to_wait_s

    def _save_read(
        self,
        found: Obtained,
        answer: Fetched,
        parsed: Parsed,
        *,
        entries: Mapping[str, Entry],
        same: Collection[str],
        known: Mapping[str, Seen],
        before: held.Waiting,
        queue: Sequence[tuple[str, Entry]],
        taken: int,
        looked: Hole | None,
    ) -> FeedState:
        tools, tally, now = self._tools, self._tally, self._tools.reach.now()
        kept = self._hold(before, queue, shown=entries)
        beyond = len(queue) - taken
        # over the day's budget nothing is to be tried again before tomorrow, over the poll's at once
        over_day = turn.day_is_over(self._state, tools.pace, taken=taken, now=now)
        tally.left += 0 if over_day else beyond
        reading = turn.Reading(
            body_hash=answer.body_hash,
            shown=len(entries) + len(same),
            known=sum(key in known or key in before for key in entries) + len(same),
            fresh=sum(key not in known and key not in before for key in entries),
            taken=taken,
            new=tally.new,
            left=tally.left,
            owed=tally.owed,
            held=kept.kept + kept.over if over_day else 0,
            over=kept.over if over_day else 0,
            lost=kept.lost,
            published=tuple(entry.published for entry in entries.values()),
            wait_s=tally.asked_to_wait_s,
            ttl_s=parsed.ttl_s,
            update_s=parsed.update_s,
            hub=answer.hub or parsed.hub,
        )
        state = turn.read(self._state, _told(found), reading, pace=tools.pace, now=now)
        state = state if looked is None else with_hole(state, looked)
        if tally.new:
            state = state.model_copy(
                update={
                    "looks": looks(
                        state.looks, tools.states.traits(self._feed.id), tools.states.verdicts(self._feed.id)
                    )
                }
            )
        seen = {**known, **tally.seen}
        settled = {mark: self._settled[mark] for mark in parsed.same} | {
            entry.mark: key
            for key, entry in entries.items()
            if entry.mark and key in seen and not _news(entry, seen[key])
        }
        tools.states.save(state, shown=(*entries, *same), settled=settled, now=now)
        return state

    def _failed(
        self, error: FeedError, *, after: float | None = None, worse: int = 0, excerpt: bytes | None = None
    ) -> Polled:
        tools, now = self._tools, self._tools.reach.now()
        state = turn.failed(self._state, error.reason, pace=tools.pace, now=now, after_s=after, worse=worse)
        if excerpt is None:
            tools.states.save(state, now=now)
        else:
            tools.states.save_unreadable(state, error.reason, excerpt, now=now)
        feed, streak = self._feed.id, state.error_streak
        log.warning("feed.failed", feed=feed, error=type(error).__name__, reason=error.reason, streak=streak)
        found = notes(self._state, state)
        return Polled(feed=feed, result=Result.FAILED, reason=error.reason, new=self._tally.new, notes=found)


def _told(found: Obtained) -> turn.Told:
    answer = found.answer
    if isinstance(answer, Gone):
        return turn.Told(asked=found.feed.url)
    return turn.Told(
        asked=found.feed.url,
        moved=answer.moved,
        etag=answer.etag,
        last_modified=answer.last_modified,
        hints=answer.hints,
        wire_bytes=answer.wire_bytes,
    )


def _landing(one: _Astray) -> str:
    return one.opened.page.url if one.opened.page else ""


def _news(entry: Entry, before: Seen | None) -> bool:
    return before is None or before.owed > 0 or before.fingerprint != entry.fingerprint
