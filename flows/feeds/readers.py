"""A small pool of reader processes: what they are given they finish in time, or they are killed and replaced."""

import asyncio
import json
import os
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from flows.feeds.entry import Entry, Parsed
from flows.feeds.fetch import Page
from flows.feeds.reader import FRAME
from schemas.article import Article
from schemas.errors import FeedUnreadable, PageWalled
from schemas.feed import Feed, Place, Transport

INHERITED = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TZ", "HOME", "TMPDIR")
"""What a reader sees of the environment: nothing that could hold a secret."""

MAX_ANSWER = 64_000_000

TOGETHER = 25
"""Jobs without a body that are done in one exchange."""

PATIENCE_S = 0.5
"""How long a job waits for a busy reader before another is started: that costs two seconds of CPU, a job 20 ms."""


@dataclass(frozen=True)
class _Job:
    head: dict[str, Any]
    feed: str
    url: str
    answer: asyncio.Future[tuple[str, bytes]]

    def answered(self, answer: tuple[str, bytes]) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def failed(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class Readers:
    """Up to `size` processes, kept from job to job; `job_s` is a job's time.

    An async context manager: leaving it ends the processes.
    """

    def __init__(self, *, size: int | None = None, job_s: float = 20.0) -> None:
        self._job_s = job_s
        self._size = size or max(2, min(4, os.cpu_count() or 2))
        self._idle: asyncio.LifoQueue[asyncio.subprocess.Process | None] = asyncio.LifoQueue()
        self._places = 0
        self._alive: set[asyncio.subprocess.Process] = set()
        self._gathered: list[_Job] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for process in list(self._alive):
            await self._end(process)

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
        head = {
            "job": "feed",
            "feed": feed,
            "content_type": content_type,
            "base": base,
            "transport": place.transport if place else Transport.FEED,
            "listing": place.listing.model_dump() if place and place.listing else None,
            "whole": whole,
            "day_first": day_first,
            "known": list(known),
        }
        outcome, answer = await self._ask(head, body, feed=feed, url=base)
        if outcome != "done":
            raise FeedUnreadable(feed, base, answer.decode("utf-8", "replace"), excerpt=body)
        return Parsed.model_validate_json(answer)

    async def links(self, body: bytes, content_type: str | None, *, url: str) -> tuple[str, ...]:
        """The feeds that a page names; none when it can't be read."""
        head = {"job": "links", "content_type": content_type, "url": url}
        try:
            outcome, answer = await self._ask(head, body, feed="page", url=url)
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
            outcome, answer = await self._together(head, feed=feed.id, url=entry.link)
        else:
            outcome, answer = await self._ask(head, page.body, feed=feed.id, url=entry.link)
        match outcome:
            case "done":
                return Article.model_validate_json(answer)
            case "skipped":
                return answer.decode("utf-8", "replace")
            case "walled":
                raise PageWalled(feed.id, entry.link, f"the page asks for {answer.decode('utf-8', 'replace')}")
            case _:
                raise FeedUnreadable(feed.id, entry.link, answer.decode("utf-8", "replace"))

    async def _together(self, head: dict[str, Any], *, feed: str, url: str) -> tuple[str, bytes]:
        """The answer to a job without a body, asked for in one exchange with those that come in the same moment."""
        job = _Job(head, feed, url, asyncio.get_running_loop().create_future())
        self._gathered.append(job)
        if len(self._gathered) == 1:
            task = asyncio.create_task(self._ask_gathered())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await job.answer

    async def _ask_gathered(self) -> None:
        # whoever is ready to run now has their say before the jobs are taken
        await asyncio.sleep(0)
        jobs, self._gathered = self._gathered, []
        for start in range(0, len(jobs), TOGETHER):
            await self._ask_all(jobs[start : start + TOGETHER])

    async def _ask_all(self, jobs: Sequence["_Job"]) -> None:
        lines: list[bytes] = []
        if len(jobs) > 1:
            body = json.dumps([job.head for job in jobs]).encode()
            with suppress(FeedUnreadable):
                _, answer = await self._ask({"job": "articles"}, body, feed=jobs[0].feed, url=jobs[0].url)
                lines = answer.split(b"\n")
        if len(lines) != len(jobs):
            # one of them spoils it for the others: each alone
            await asyncio.gather(*(self._ask_alone(job) for job in jobs))
            return
        for job, line in zip(jobs, lines, strict=True):
            outcome, _, told = line.partition(b" ")
            job.answered((outcome.decode(), told))

    async def _ask_alone(self, job: "_Job") -> None:
        try:
            job.answered(await self._ask(job.head, b"", feed=job.feed, url=job.url))
        except Exception as error:  # noqa: BLE001, it is for whoever waits for the answer
            job.failed(error)

    async def _ask(self, head: dict[str, Any], body: bytes, *, feed: str, url: str) -> tuple[str, bytes]:
        process = await self._free()
        kept = False
        try:
            if process is None:
                process = await self._start()
            async with asyncio.timeout(self._job_s):
                answer = await _exchange(process, json.dumps(head).encode(), body)
        except TimeoutError:
            raise FeedUnreadable(feed, url, f"took over {self._job_s:g} s to read", excerpt=body) from None
        except (asyncio.IncompleteReadError, OSError, ValueError):
            raise FeedUnreadable(feed, url, "brought its reader down", excerpt=body) from None
        else:
            kept = True
            return answer
        finally:
            # one left in the middle of an exchange, cancelled or not, would answer the next job with this one's answer
            self._idle.put_nowait(process if kept else None)
            if not kept:
                await self._end(process)

    async def _free(self) -> asyncio.subprocess.Process | None:
        """A reader that has nothing to do; None for a place where one may be started."""
        while self._idle.empty() and self._places < self._size:
            if self._places > 0:
                with suppress(TimeoutError):
                    return await asyncio.wait_for(self._idle.get(), PATIENCE_S)
            if self._places < self._size:
                self._places += 1
                return None
        return await self._idle.get()

    async def _start(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "flows.feeds.reader",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in INHERITED if name in os.environ}
            | {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
            | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            # Ctrl-C is for the parent to answer
            start_new_session=True,
        )
        self._alive.add(process)
        return process

    async def _end(self, process: asyncio.subprocess.Process | None) -> None:
        if process is not None:
            self._alive.discard(process)
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _exchange(process: asyncio.subprocess.Process, head: bytes, body: bytes) -> tuple[str, bytes]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("the reader has no pipes")
    process.stdin.write(FRAME.pack(len(head), len(body)) + head + body)
    await process.stdin.drain()
    head_bytes, body_bytes = FRAME.unpack(await process.stdout.readexactly(FRAME.size))
    if head_bytes + body_bytes > MAX_ANSWER:
        raise ValueError("the reader's answer is too long")
    outcome = (await process.stdout.readexactly(head_bytes)).decode()
    return outcome, await process.stdout.readexactly(body_bytes)
