"""Jobs without a body that come in one moment, done in one exchange with a reader."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from flows.feeds.pool import Pool
from schemas.errors import FeedUnreadable

TOGETHER = 25
"""The most in one exchange."""


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


class Together:
    """Asks a pool for many at once; `budget` is what the head of an exchange says it may use."""

    def __init__(self, pool: Pool, *, budget: Mapping[str, float]) -> None:
        self._pool = pool
        self._budget = budget
        self._gathered: list[_Job] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, head: dict[str, Any], *, feed: str, url: str) -> tuple[str, bytes]:
        """The answer to one, asked for with those that come in the same moment. Raises FeedUnreadable."""
        job = _Job(head, feed, url, asyncio.get_running_loop().create_future())
        self._gathered.append(job)
        if len(self._gathered) == 1:
            task = asyncio.create_task(self._ask_gathered())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await job.answer

    async def close(self) -> None:
        """Give up what is not answered yet."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask_gathered(self) -> None:
        # whoever is ready to run now has their say before the jobs are taken
        await asyncio.sleep(0)
        jobs, self._gathered = self._gathered, []
        for start in range(0, len(jobs), TOGETHER):
            await self._ask_all(jobs[start : start + TOGETHER])

    async def _ask_all(self, jobs: Sequence[_Job]) -> None:
        lines: list[bytes] = []
        if len(jobs) > 1:
            # the time is theirs together
            body = json.dumps([job.head | dict.fromkeys(self._budget) for job in jobs]).encode()
            with suppress(FeedUnreadable):
                _, answer = await self._pool.ask(
                    {"job": "articles", **self._budget}, body, feed=jobs[0].feed, url=jobs[0].url
                )
                lines = answer.split(b"\n")
        if len(lines) != len(jobs):
            # one of them spoils it for the others: each alone
            await asyncio.gather(*(self._ask_alone(job) for job in jobs))
            return
        for job, line in zip(jobs, lines, strict=True):
            outcome, _, told = line.partition(b" ")
            job.answered((outcome.decode(), told))

    async def _ask_alone(self, job: _Job) -> None:
        try:
            job.answered(await self._pool.ask(job.head, b"", feed=job.feed, url=job.url))
        except Exception as error:  # noqa: BLE001, it is for whoever waits for the answer
            job.failed(error)
