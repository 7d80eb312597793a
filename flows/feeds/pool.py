"""A small pool of reader processes: what they are given they finish in time, or they are killed and replaced."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from typing import Any

from flows.feeds.jobs import out_of_time
from flows.feeds.reader import BEGUN, FRAME
from schemas.errors import FeedUnreadable

INHERITED = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TZ", "HOME", "TMPDIR")
"""What a reader sees of the environment: nothing that could hold a secret."""

MAX_ANSWER = 64_000_000

PATIENCE_S = 0.5
"""How long a job waits for a busy reader before another is started: that costs two seconds of CPU, a job 20 ms."""

START_S = 120.0
"""How long a reader may take to start and to load what a job needs, on a machine that has much else to do."""


class Pool:
    """Up to `size` processes, kept from job to job; `job_s` is a job's time on the clock, its reader's start apart."""

    def __init__(self, *, size: int, job_s: float) -> None:
        self._job_s = job_s
        self._size = size
        self._idle: asyncio.LifoQueue[asyncio.subprocess.Process | None] = asyncio.LifoQueue()
        self._places = 0
        self._alive: set[asyncio.subprocess.Process] = set()

    async def ask(self, head: dict[str, Any], body: bytes, *, feed: str, url: str) -> tuple[str, bytes]:
        """What became of a job, and its value or the reason. Raises FeedUnreadable when its reader had to be ended."""
        process = await self._free()
        kept = False
        try:
            if process is None:
                process = await self._start()
            answer = await _exchange(process, json.dumps(head).encode(), body, job_s=self._job_s)
        except TimeoutError:
            raise FeedUnreadable(feed, url, f"took over {self._job_s:g} s to read", excerpt=body) from None
        except (asyncio.IncompleteReadError, OSError, ValueError):
            await self._end(process)
            ended = process is not None and process.returncode == -signal.SIGPROF
            reason = out_of_time(head) if ended else "brought its reader down"
            raise FeedUnreadable(feed, url, reason, excerpt=body) from None
        else:
            kept = True
            return answer
        finally:
            # one left in the middle of an exchange, cancelled or not, would answer the next job with this one's answer
            self._idle.put_nowait(process if kept else None)
            if not kept:
                await self._end(process)

    async def close(self) -> None:
        """End the processes."""
        for process in list(self._alive):
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
                with suppress(ProcessLookupError):
                    process.kill()
            await process.wait()


async def _exchange(
    process: asyncio.subprocess.Process, head: bytes, body: bytes, *, job_s: float
) -> tuple[str, bytes]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("the reader has no pipes")
    async with asyncio.timeout(START_S):
        process.stdin.write(FRAME.pack(len(head), len(body)) + head + body)
        await process.stdin.drain()
        if await process.stdout.readexactly(len(BEGUN)) != BEGUN:
            raise ValueError("the reader said something else")
    async with asyncio.timeout(job_s):
        head_bytes, body_bytes = FRAME.unpack(await process.stdout.readexactly(FRAME.size))
        if head_bytes + body_bytes > MAX_ANSWER:
            raise ValueError("the reader's answer is too long")
        outcome = (await process.stdout.readexactly(head_bytes)).decode()
        return outcome, await process.stdout.readexactly(body_bytes)
