"""Hostile bytes read in processes of their own: feeds, the feeds that a page names, articles."""

import json
import os
from collections.abc import Collection
from types import TracebackType
from typing import Self

from flows.feeds.entry import Entry, Parsed
from flows.feeds.fetch import Page
from flows.feeds.pool import Pool
from flows.feeds.together import Together
from schemas.article import Article
from schemas.errors import FeedUnreadable, PageWalled
from schemas.feed import Feed, Place, Transport

CPU_S = 2.0
"""Of one job; a feed of 5 MB with 5,000 entries takes about one."""

MEMORY_BYTES = 200_000_000
"""Of address space for one job, beyond what its reader has already."""

WHOLE = 5
"""How many times that the whole of a sitemap may use, which only a backfill reads: 50,000 pages take close to 2 s."""


class Readers:
    """Reads in up to `size` processes that are kept from job to job.

    `cpu_s` is what a job may use of the processor, `job_s` its time on the clock. An async context manager: leaving it
    ends the processes.
    """

    def __init__(self, *, size: int | None = None, job_s: float = 60.0, cpu_s: float = CPU_S) -> None:
        self._cpu_s = cpu_s
        self._pool = Pool(size=size or max(2, min(4, os.cpu_count() or 2)), job_s=job_s)
        self._together = Together(self._pool, budget=self._budget())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._together.close()
        await self._pool.close()

    async def feed(
        self,
        feed: str,
        body: bytes,
        content_type: str | None,
        *,
        base: str,
        place: Place | None = None,
        whole: bool = False,
        day_first: bool = True,
        known: Collection[str] = (),
    ) -> Parsed:
        """Parse a source's bytes as its place says, without one as a feed; of a sitemap the recent part, or the whole.

        `day_first` is how dates in figures are usually meant there; entries of a feed whose marks are
        `known` may be left unread. Raises FeedUnreadable.
        """
        times = WHOLE if whole and place and place.transport is Transport.NEWS_SITEMAP else 1
        head = {
            "job": "feed",
            **self._budget(times),
            "feed": feed,
            "content_type": content_type,
            "base": base,
            "transport": place.transport if place else Transport.FEED,
            "listing": place.listing.model_dump() if place and place.listing else None,
            "whole": whole,
            "day_first": day_first,
            "known": list(known),
        }
        outcome, answer = await self._pool.ask(head, body, feed=feed, url=base)
        if outcome != "done":
            raise FeedUnreadable(feed, base, answer.decode("utf-8", "replace"), excerpt=body)
        return Parsed.model_validate_json(answer)

    async def links(self, body: bytes, content_type: str | None, *, url: str) -> tuple[str, ...]:
        """The feeds that a page names; none when it can't be read."""
        head = {"job": "links", **self._budget(), "content_type": content_type, "url": url}
        try:
            outcome, answer = await self._pool.ask(head, body, feed="page", url=url)
        except FeedUnreadable:
            return ()
        return tuple(json.loads(answer)) if outcome == "done" else ()

    async def article(
        self,
        feed: Feed,
        entry: Entry,
        page: Page | None,
        *,
        language: str | None,
        observed_at_ms: int,
        link: str | None = None,
        unresolved: bool = False,
    ) -> Article | str:
        """Make an article of an entry and its page, or say why there is none. Raises FeedUnreadable and PageWalled.

        `link` is the feed's own where the entry's was resolved; `unresolved` says that a redirector's could not be.
        """
        head = {
            "job": "article",
            **self._budget(),
            "feed": feed.model_dump(mode="json"),
            "entry": entry.model_dump(mode="json"),
            "page_url": page.url if page else None,
            "content_type": page.content_type if page else None,
            "language": language,
            "observed_at_ms": observed_at_ms,
            "link": link,
            "unresolved": unresolved,
        }
        if page is None:
            outcome, answer = await self._together.ask(head, feed=feed.id, url=entry.link)
        else:
            outcome, answer = await self._pool.ask(head, page.body, feed=feed.id, url=entry.link)
        match outcome:
            case "done":
                return Article.model_validate_json(answer)
            case "skipped":
                return answer.decode("utf-8", "replace")
            case "walled":
                raise PageWalled(feed.id, entry.link, f"the page asks for {answer.decode('utf-8', 'replace')}")
            case _:
                raise FeedUnreadable(feed.id, entry.link, answer.decode("utf-8", "replace"))

    def _budget(self, times: int = 1) -> dict[str, float]:
        return {"cpu_s": self._cpu_s * times, "memory_bytes": MEMORY_BYTES * times}
