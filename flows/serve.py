"""`python -m flows.serve`: runs the flows on their schedules until it is told to stop.

There is one such process for a home (the lock `serve.lock` sees to it). The schedule starts a run of `poll` every
`poll.run_s`, which takes over from the one before; a run that was killed, or never started, is made good within half a
minute, as soon as nobody is seen to poll. No concurrency limit is kept at the server: a killed process would hold its
slot there until a lease ends, and polls stop meanwhile.
"""

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from filelock import FileLock, Timeout
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.runner import Runner
from prefect.states import AwaitingRetry, Cancelled, Crashed
from prefect.types.entrypoint import EntrypointType

from flows import logs
from flows.backfill import backfill
from flows.briefing import briefing
from flows.poll import AWAY, poll
from flows.replay import replay
from flows.retention import retention
from schemas.errors import ConfigError
from schemas.settings import Settings, load_settings

log = structlog.get_logger(__name__)

QUERY_S = 5.0
"""How often the server is asked for runs that are due."""

ROUNDS = 12
"""After so many of these, runs that are stuck are looked for."""

PREFETCH_S = 3.0
FLOWS = (poll, backfill, replay, retention, briefing)
"""Each with a deployment of its own name; only `poll` has a schedule."""

RESUMED = 3
"""How often a backfill that was torn off is taken up again by itself: one may end its process each time."""

LIMIT = 4
"""Runs at once: the one that polls, the one that takes over, and two that somebody asked for."""

STUCK = timedelta(minutes=5)
"""How long a run may be about to start, or about to be cancelled, before it is ended: its process is not coming."""

IDLE_S = 15.0
"""For how long nobody is seen to poll before a run is asked for: starting one takes some of that."""


async def serve(settings: Settings) -> None:
    """Register the deployments and run what is due until SIGTERM or SIGINT. Raises ConfigError when already served."""
    settings.home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(settings.home / "serve.lock", timeout=0):
            await _serve(settings)
    except Timeout:
        raise ConfigError(
            str(settings.home), "the flows of this home are served already", remedy="Stop that process first"
        ) from None


async def _serve(settings: Settings) -> None:
    runner = Runner(
        name="vigia", query_seconds=QUERY_S, prefetch_seconds=PREFETCH_S, limit=LIMIT, pause_on_shutdown=False
    )
    await settle()
    deployment = await poll.ato_deployment(
        name="poll",
        interval=timedelta(seconds=max(settings.poll.run_s, settings.poll.tick_s)),
        entrypoint_type=EntrypointType.MODULE_PATH,
        description="Read the news sources that are due",
    )
    deployment_id = await runner.aadd_deployment(deployment)
    for unscheduled in (backfill, replay, retention, briefing):
        made = await unscheduled.ato_deployment(
            name=unscheduled.name, entrypoint_type=EntrypointType.MODULE_PATH, description=unscheduled.description
        )
        await runner.aadd_deployment(made)
    async with get_client() as client:
        # the schedule's first run may be a whole tick away
        await client.create_flow_run_from_deployment(deployment_id)
    watching = asyncio.create_task(_see_to_it(deployment_id, settings))
    running = asyncio.create_task(runner.start())
    # after the first step of the runner, which sets a handler of its own that can wait for itself
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    log.info("serve.started", tick_s=settings.poll.tick_s)
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    watching.cancel()
    if runner.started:
        await runner.astop()
    await running
    log.info("serve.stopped")


async def _see_to_it(deployment: UUID, settings: Settings) -> None:
    """Ask for a run whenever nobody has polled for a while, and end those that no process takes."""
    idle_s, rounds = 0.0, 0
    while True:
        await asyncio.sleep(QUERY_S)
        rounds += 1
        if rounds % ROUNDS == 0:
            try:
                await free_stuck()
            except AWAY as error:
                log.warning("serve.prefect_away", error=type(error).__name__)
        idle_s = 0.0 if is_polled(settings) else idle_s + QUERY_S
        if idle_s < IDLE_S:
            continue
        idle_s = 0.0
        try:
            async with get_client() as client:
                await client.create_flow_run_from_deployment(deployment)
            log.warning("serve.poll_missed", idle_s=IDLE_S)
        except AWAY as error:
            log.warning("serve.prefect_away", error=type(error).__name__)


async def free_stuck(*, patience: timedelta = STUCK) -> int:
    """End our runs that have been about to start, or to be cancelled, for longer than that; how many."""
    types, names = [StateType.PENDING, StateType.CANCELLING], [one.name for one in FLOWS]
    freed, now = 0, datetime.now(UTC)
    async with get_client() as client:
        runs = await client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=names)),
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=names)),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=types))),
            limit=200,
        )
        for run in runs:
            if run.state is not None and now - run.state.timestamp >= patience:
                message = f"Was {run.state.type.value.lower()} for {now - run.state.timestamp}: no process took it"
                await client.set_flow_run_state(run.id, Crashed(message=message), force=True)
                log.warning("serve.stuck", run=run.name, state=run.state.type.value)
                freed += 1
    return freed


def is_polled(settings: Settings) -> bool:
    """Whether a run holds the place of the one that polls."""
    try:
        with FileLock(settings.home / "poll.lock", timeout=0):
            return False
    except Timeout:
        return True


async def settle() -> int:
    """Close the runs that an earlier process left open, and those that fell due while none was there; how many.

    A backfill goes on where it was.
    """
    open_states = FlowRunFilterState(
        type=FlowRunFilterStateType(
            any_=[StateType.RUNNING, StateType.PENDING, StateType.CANCELLING, StateType.SCHEDULED]
        )
    )
    settled, now = 0, datetime.now(UTC)
    async with get_client() as client:
        for flow in FLOWS:
            runs = await client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=[flow.name])),
                deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[flow.name])),
                flow_run_filter=FlowRunFilter(state=open_states),
                limit=200,
            )
            for run in runs:
                end = ending(run, now=now, resumable=flow is backfill)
                if end is not None:
                    await client.set_flow_run_state(run.id, end, force=True)
                    settled += 1
    return settled


def ending(run: FlowRun, *, now: datetime, resumable: bool = False) -> State[None] | None:
    """The state that ends a run which nobody will carry on; None for one that is still to be run.

    What the schedule made and nobody ran in time is dropped, since the next tick does its work; what a person asked for
    is run late; a `resumable` one that was torn off is run again, a few times at most.
    """
    if run.state is None or run.state.is_final():
        return None
    torn_off = run.state.is_running() or run.state.is_pending()
    if torn_off and resumable and run.run_count <= RESUMED:
        return AwaitingRetry(scheduled_time=now, message="The process that ran it is gone; it goes on where it was")
    if not run.state.is_scheduled():
        return Crashed(message="The process that ran it is gone")
    overdue = run.auto_scheduled and run.expected_start_time is not None and run.expected_start_time < now
    return Cancelled(message="Nobody was there to run it") if overdue else None


def main() -> None:
    """Serve with the settings in force."""
    logs.configure()
    asyncio.run(serve(load_settings()))


if __name__ == "__main__":
    main()
