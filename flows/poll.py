"""The flow that polls: one run takes the sources that are due, tick after tick, until the next run takes over.

A process of Prefect's costs three seconds of CPU before its flow begins, a tick in a running one some milliseconds; so
that a run lasts for many ticks. It goes on while Prefect is away, and whoever comes next waits for it to give way.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import httpx
import structlog
from filelock import AsyncFileLock, FileLock, Timeout
from prefect import flow, get_run_logger
from prefect.exceptions import PrefectException
from pydantic import AwareDatetime, BaseModel, ConfigDict

from flows import logs
from flows.callback import listening
from flows.polling import Poller, clock, poll_once
from flows.report import Result, Summary, headline, leave_table
from schemas.errors import ConfigError, Unavailable
from schemas.settings import Settings, load_settings

log = structlog.get_logger(__name__)

STEP_S = 0.5
"""How often a run looks whether another waits for its place."""

PATIENCE_S = 30.0
"""How long a run that gives way waits for what it has under way; one that is told to stop waits a tenth of it."""

LAST_WORD_S = 2.0
"""How long a run that ends waits for its last table to be taken."""

TAKE_OVER_S = 120.0
"""How long a run waits for the one before it to give way."""

AWAY = (httpx.HTTPError, PrefectException, OSError)
"""What a call to a Prefect server that is away raises."""


class Watch(BaseModel):
    """What one run of the flow did, in sum."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    ticks: int = 0
    sources: int = 0
    new: int = 0
    failed: int = 0
    busy: bool = False


@flow(name="poll", retries=0, persist_result=False, description="Read the news sources that are due")
async def poll(only: list[str] | None = None, force: bool = False, once: bool = False) -> dict[str, Any]:
    """Poll the sources that are due, every `poll.tick_s`, until another run waits to take over or SIGTERM.

    With `only`, `force` or `once`: poll a single time, those ids, although they are not due, beside whatever else polls
    (two polls at once are harmless). The locks are the operating system's, so that a killed run holds nothing.
    """
    logs.configure()
    settings = load_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    if force or once or only is not None:
        summary = await poll_once(settings, only=only, force=force)
        if summary.polled:
            await _tell(summary)
        return summary.model_dump(mode="json")
    try:
        async with _place(settings) as waited_s:
            log.info("poll.took_over", waited_s=round(waited_s, 2))
            return (await _watch(settings)).model_dump(mode="json")
    except Timeout:
        get_run_logger().warning("another poll is under way")
        return Watch(at=clock(), busy=True).model_dump(mode="json")


@asynccontextmanager
async def _place(settings: Settings) -> AsyncIterator[float]:
    """Hold the place of the run that polls, asking the one that has it to give way; how long that took, in seconds."""
    started = time.monotonic()
    lock = AsyncFileLock(settings.home / "poll.lock", run_in_executor=False)
    try:
        await lock.acquire(timeout=0)
    except Timeout:
        # waiting is all the asking there is: the lock of those who wait is looked at by the one that polls
        async with AsyncFileLock(settings.home / "poll.next.lock", timeout=2, run_in_executor=False):
            await lock.acquire(timeout=TAKE_OVER_S, poll_interval=0.05)
    try:
        yield time.monotonic() - started
    finally:
        await lock.release()


def _asked_for(settings: Settings) -> bool:
    """Whether another run waits for the place."""
    try:
        with FileLock(settings.home / "poll.next.lock", timeout=0):
            return False
    except Timeout:
        return True


async def _watch(settings: Settings) -> Watch:
    told = asyncio.Event()
    with _stoppable(told):
        async with _Reports() as reports, Poller(settings) as poller, _door(settings, poller):
            return await _ticks(settings, poller, reports, told)


@asynccontextmanager
async def _door(settings: Settings, poller: Poller) -> AsyncIterator[None]:
    """Where hubs push to, when a callback is set; that it can't be opened stops no poll."""
    callback, listen = settings.poll.websub_callback, settings.poll.websub_listen
    async with AsyncExitStack() as stack:
        if callback is not None:
            try:
                await stack.enter_async_context(
                    listening(callback, listen, poller.states, now=clock, woken=poller.woken)
                )
            except ConfigError as error:
                log.error("websub.deaf", where=error.where, reason=error.reason)  # noqa: TRY400, the message says it all
        yield


@contextmanager
def _stoppable(told: asyncio.Event) -> Iterator[None]:
    """Let SIGTERM end the run in good order: Prefect's own handler would tear it off in the middle."""
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)
    try:
        loop.add_signal_handler(signal.SIGTERM, told.set)
    except (ValueError, RuntimeError):
        # a flow called in a thread: whoever called it looks after signals
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)


async def _ticks(settings: Settings, poller: Poller, reports: "_Reports", told: asyncio.Event) -> Watch:
    watch, tick_s = Watch(at=clock()), settings.poll.tick_s
    at, due = clock(), time.monotonic()
    while True:
        try:
            started = await poller.start()
            await poller.renew()
            await poller.learn()
        except Unavailable as error:
            started = 0
            log.warning("poll.unavailable", sink=error.sink, reason=error.reason)
        except ConfigError as error:
            # a slip of the pen in feeds.toml stops no source that is polled already
            if not watch.ticks:
                raise
            started = 0
            log.warning("poll.refused", where=error.where, reason=error.reason)
        log.debug("poll.tick", started=started, late_s=round(time.monotonic() - due, 3))
        if time.monotonic() >= due:
            due += max(tick_s, (time.monotonic() - due) // tick_s * tick_s)
        leaves = await _until(due, told, settings, poller.woken)
        patience_s = PATIENCE_S / 10 if told.is_set() else PATIENCE_S
        watch = await _account(watch, poller, reports, at, within_s=patience_s if leaves else 0)
        if leaves:
            return watch
        at = clock()


async def _until(due: float, told: asyncio.Event, settings: Settings, woken: asyncio.Event) -> bool:
    """Wait until then, or until something is to be done at once; true when this run is to end."""
    while not woken.is_set() and (left := due - time.monotonic()) > 0:
        try:
            async with asyncio.timeout(min(left, STEP_S)):
                await told.wait()
        except TimeoutError:
            pass
        if told.is_set() or _asked_for(settings):
            return True
    return False


async def _account(watch: Watch, poller: Poller, reports: "_Reports", at: datetime, *, within_s: float) -> Watch:
    """Add what has been done since the tick at `at`, and leave its table when there is something to say."""
    polled = await poller.finish(within_s=within_s)
    if poller.failure is not None:
        log.warning("poll.unavailable", sink=poller.failure.sink, reason=poller.failure.reason)
    gauge = poller.gauge
    summary = Summary(at=at, polled=tuple(polled))
    if gauge is not None:
        summary = summary.model_copy(update={"speed": gauge.speed, "why": gauge.why})
    if summary.noteworthy:
        reports.leave(summary)
    return watch.model_copy(
        update={
            "ticks": watch.ticks + 1,
            "sources": watch.sources + len(polled),
            "new": watch.new + summary.new,
            "failed": watch.failed + summary.count(Result.FAILED),
        }
    )


class _Reports:
    """Leaves one table after the other while polling goes on; an async context manager.

    A server that is away is asked again and again by Prefect's own client, for a minute: meanwhile a new table replaces
    one that waits, so that neither the poll nor memory does.
    """

    def __init__(self) -> None:
        self._waiting: Summary | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=LAST_WORD_S)
            self._task.cancel()

    def leave(self, summary: Summary) -> None:
        """Leave the summary's table as soon as the server takes it."""
        self._waiting = summary
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while self._waiting is not None:
            summary, self._waiting = self._waiting, None
            await _tell(summary)


async def _tell(summary: Summary) -> None:
    """Say in Prefect what was done; that it is away is no reason to stop."""
    get_run_logger().info(headline(summary))
    try:
        await leave_table(summary)
    except AWAY as error:
        log.warning("report.failed", error=type(error).__name__, reason=str(error)[:300])
