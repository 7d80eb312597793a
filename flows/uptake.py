"""What a search through a source's past comes upon: read, published as historic, remembered; batch by batch."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from pydantic import BaseModel, ConfigDict, Field

from flows.feeds.find import Find, Passed, Piece, Why
from flows.feeds.keys import key_of
from flows.feeds.piece import Opened, follow, make, wants_page, with_page
from flows.feeds.reach import Reach
from flows.feeds.state import Seen, States
from flows.publish import Publisher
from schemas.article import Article, Lane
from schemas.feed import Feed
from schemas.streams import Stream

log = structlog.get_logger(__name__)

PAGE_WAIT_S = 120.0
"""How long a page waits for its turn at a host that asks for pauses."""

LEVELS: Mapping[Why, int] = {Why.OTHER: 10, Why.NOTE: 20, Why.AGAIN: 30, Why.WRONG: 30}
"""How loud the log is about what is passed over."""

NOTES = 20
"""Reasons that a progress repeats; all of them are in the log."""


class Progress(BaseModel):
    """How far a backfill is. `found` counts what was looked at; `known` was read before; `outside` the dates.

    What it came upon and passed over is not among `found`: `passed` is nothing of the source's (other sites' pages,
    pictures), `broken` can't be read; `notes` are the first reasons why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    feed: str
    found: int = Field(default=0, ge=0)
    known: int = Field(default=0, ge=0)
    published: int = Field(default=0, ge=0)
    outside: int = Field(default=0, ge=0)
    undated: int = Field(
        default=0, ge=0, description="bear no date, so that nobody knows whether they are of the range"
    )
    skipped: int = Field(default=0, ge=0, description="gave no article, or the broker would not take it")
    left: int = Field(default=0, ge=0, description="failed, and are tried again by the next backfill")
    passed: int = Field(default=0, ge=0)
    broken: int = Field(default=0, ge=0)
    notes: tuple[str, ...] = ()
    at: str = Field(default="", description="where it is")

    def plus(self, **counts: int) -> "Progress":
        """The same with these added."""
        return self.model_copy(update={name: getattr(self, name) + count for name, count in counts.items()})

    def with_passed(self, passed: Sequence[Passed]) -> "Progress":
        """The same with what was passed over added."""
        said = [f"{one.where}: {one.reason}" for one in passed if one.why is not Why.OTHER]
        return self.plus(
            passed=sum(one.why is Why.OTHER for one in passed),
            broken=sum(one.why is Why.WRONG for one in passed),
            left=sum(one.why is Why.AGAIN for one in passed),
        ).model_copy(update={"notes": (*self.notes, *said)[:NOTES]})


def headline(done: Progress) -> str:
    """A backfill in a line."""
    return (
        f"{done.found} found: {done.published} published, {done.known} known already, {done.outside} of other dates, "
        f"{done.undated} without a date, {done.skipped} no articles; {done.left} left to try again, "
        f"{done.broken} broken, {done.passed} not of this source"
    )


class Uptake:
    """Reads, publishes and remembers, batch by batch."""

    def __init__(
        self,
        feed: Feed,
        span: tuple[datetime, datetime],
        reach: Reach,
        states: States,
        publisher: Publisher,
        stream: Stream[Article],
    ) -> None:
        self._feed, self._span, self._reach = feed, span, reach
        self._states, self._publisher, self._stream = states, publisher, stream
        polled, noted = states.seen(feed.id), states.seen(_notes(feed.id))
        self._done = set(polled) | {key for key, seen in noted.items() if not self._wanted(seen)}
        self._readings = {(seen.article_id, seen.content_hash) for seen in (*polled.values(), *noted.values())}

    def _wanted(self, noted: Seen) -> bool:
        """Whether it was read for another range than it is of, and is of this one."""
        return bool(noted.fingerprint) and self._inside(datetime.fromisoformat(noted.fingerprint))

    def _inside(self, when: datetime) -> bool:
        since, until = self._span
        return since <= when < until

    async def take(self, batch: Sequence[Find], progress: Progress) -> Progress:
        """Publish what of a batch is new and in the range; the progress that this makes."""
        feed, states = self._feed, self._states
        passed = [find for find in batch if isinstance(find, Passed)]
        for one in passed:
            log.log(LEVELS[one.why], "backfill.passed", feed=feed.id, where=one.where, reason=one.reason)
        pieces = [find for find in batch if isinstance(find, Piece)]
        fresh: dict[str, Piece] = {}
        for piece in pieces:
            if (key := key_of(piece.entry)) not in self._done:
                fresh.setdefault(key, piece)
        made = await asyncio.gather(*(_read(feed, piece, self._reach) for piece in fresh.values()))
        articles = {key: one for key, (one, _) in zip(fresh, made, strict=True) if isinstance(one, Article)}
        undated = {key for key, article in articles.items() if _undated(article)}
        outside = {key for key, article in articles.items() if not self._inside(article.published_at)} - undated
        inside: dict[str, Article] = {}
        for key, article in articles.items():
            if key not in undated | outside and (article.article_id, article.content_hash) not in self._readings:
                inside.setdefault(article.article_id, article)
        receipt = await asyncio.to_thread(self._publisher.send, self._stream, list(inside.values()))
        for article_id, reason in receipt.refused.items():
            log.error("article.refused", feed=feed.id, article_id=article_id, reason=reason)
        read = [key for key, (_, again) in zip(fresh, made, strict=True) if not again]
        states.remember(
            _notes(feed.id), [_noted(key, articles.get(key), outside) for key in read], now=self._reach.now()
        )
        self._done.update(read)
        self._readings |= {(article.article_id, article.content_hash) for article in inside.values()}
        progress = progress.with_passed(passed).plus(
            found=len(pieces),
            known=len(pieces) - len(fresh) + len(articles) - len(undated) - len(outside) - len(inside),
            published=len(receipt.acked),
            outside=len(outside),
            undated=len(undated),
            skipped=len(made) - len(articles) - sum(again for _, again in made) + len(receipt.refused),
            left=sum(again for _, again in made),
        )
        return progress.model_copy(update={"at": batch[-1].where})


def _undated(article: Article) -> bool:
    """Whether neither entry nor page bears a date: the observation stands for it."""
    return article.date_guessed and article.published_at == article.observed_at


def _noted(key: str, article: Article | None, outside: set[str]) -> Seen:
    """What to remember of a piece; of one outside the range its date, since another range may hold it."""
    if article is None:
        return Seen(key, "")
    if key in outside:
        return Seen(key, article.published_at.isoformat())
    return Seen(key, "", article.article_id, article.content_hash)


def _notes(feed: str) -> str:
    """Under what a backfill remembers what it has read, apart from what the poller saw in the feed."""
    return f"backfill:{feed}"


async def _read(feed: Feed, piece: Piece, reach: Reach) -> tuple[Article | str, bool]:
    """The piece's article, or why there is none, and whether it is worth another try."""
    entry = piece.entry
    if piece.page is not None:
        opened = Opened(entry, entry.link, piece.page)
    else:
        opened = await follow(feed, entry, reach, last_try=True)
        if wants_page(feed, opened):
            link = opened.entry.link
            if not await reach.robots.turn(feed.id, link, until=time.monotonic() + PAGE_WAIT_S):
                return "could not be read yet", True
            async with reach.slots.at(link):
                opened = await with_page(feed, opened, reach)
    if opened.again:
        return "could not be read yet", True
    made = await make(feed, opened, reach, language=None, observed=piece.at)
    if made.article is None:
        return made.reason or "could not be read", False
    return made.article.model_copy(update={"lane": Lane.HISTORIC}), False
