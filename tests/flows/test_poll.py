"""The flow and its runner, on a real Prefect server."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from filelock import FileLock
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import FlowRun, State
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling, Completed, Pending, Running, Scheduled
from prefect.testing.utilities import prefect_test_harness

from flows import poll as module
from flows.poll import poll
from flows.serve import ending

if TYPE_CHECKING:
    from tests.flows.conftest import Desk

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def prefect() -> Iterator[str]:
    """The API's address of a Prefect server of this module's own."""
    with prefect_test_harness(server_startup_timeout=90):
        yield PREFECT_API_URL.value() or ""


@pytest.fixture
def environment(desk: "Desk", monkeypatch: pytest.MonkeyPatch, prefect: str) -> dict[str, str]:
    """The settings of `desk` as a process of its own reads them."""
    settings = desk.settings
    found = {
        "VIGIA_HOME": str(settings.home),
        "VIGIA_KAFKA__SERVERS": json.dumps(settings.kafka.servers),
        "VIGIA_POLL": settings.poll.model_dump_json(),
        "PREFECT_API_URL": prefect,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return dict(os.environ)


def run(only: list[str] | None = None, *, force: bool = False) -> dict[str, Any]:
    return asyncio.run(poll(only, force))


def test_a_run_of_the_flow_polls_and_leaves_its_table(desk: "Desk", environment: dict[str, str]) -> None:
    desk.source("one")
    desk.source("bad", "/bad")
    desk.items(("/a", "Title"))
    desk.page("/a", "Alpha.")
    summary = run()
    assert {one["feed"]: one["new"] for one in summary["polled"]} == {"one": 1, "bad": 0}

    async def artifacts() -> list[Any]:
        async with get_client() as client:
            chosen = ArtifactFilter(key=ArtifactFilterKey(any_=["poll"]))
            return list(await client.read_artifacts(artifact_filter=chosen))

    rows = json.loads(asyncio.run(artifacts())[-1].data)
    assert [(row["source"], row["result"], row["reason"]) for row in rows] == [
        ("bad", "failed", "answered 404"),
        ("one", "read", ""),
    ]
    assert run()["polled"] == []


def test_a_second_poll_leaves_the_work_to_the_first_unless_it_was_asked_for(
    desk: "Desk", environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAIT_S", 0.3)
    desk.source("one")
    desk.items(("/a", "Title"))
    desk.settings.home.mkdir()
    with FileLock(desk.settings.home / "poll.lock"):
        started = time.monotonic()
        assert run()["busy"]
        assert time.monotonic() - started < 5
        assert run(force=True)["busy"]
    assert desk.site.asked == []
    assert not run(force=True)["busy"]
    assert desk.site.hits("/feed") == 1


def test_the_runner_polls_at_once_settles_what_is_stuck_and_stops_when_told(
    desk: "Desk", environment: dict[str, str], prefect: str, tmp_path: Path
) -> None:
    desk.source("one")
    desk.items(("/a", "Title"))
    desk.page("/a", "Alpha.")
    stuck = in_client(prefect, leave_stuck)
    log = tmp_path / "serve.log"
    with log.open("wb") as out:
        runner = subprocess.Popen([sys.executable, "-m", "flows.serve"], env=environment, stdout=out, stderr=out)
    try:
        wait_for(lambda: desk.state("one").last_success_at is not None, log)
        second = subprocess.run(
            [sys.executable, "-m", "flows.serve"], env=environment, capture_output=True, text=True, check=False
        )
        assert second.returncode != 0
        assert "served already" in second.stderr
        runner.send_signal(signal.SIGTERM)
        assert runner.wait(20) == 0
    finally:
        runner.kill()
    assert "serve.stopped" in log.read_text()
    states = in_client(prefect, lambda client: states_of(client, stuck))
    assert states == ["CRASHED", "COMPLETED"]


def test_runs_that_nobody_will_carry_on_are_ended_and_asked_for_ones_are_not() -> None:
    soon, past = NOW + timedelta(minutes=1), NOW - timedelta(minutes=1)

    def end(state: State[None], *, auto: bool = True, due: datetime = past) -> str | None:
        run = FlowRun(flow_id=uuid4(), state=state, auto_scheduled=auto, expected_start_time=due)
        found = ending(run, now=NOW)
        return found.type.value if found is not None else None

    assert [end(Running()), end(Pending(), due=soon), end(Cancelling())] == ["CRASHED"] * 3
    assert [end(Scheduled()), end(Scheduled(), due=soon), end(Scheduled(), auto=False)] == ["CANCELLED", None, None]
    assert end(Completed()) is None


async def leave_stuck(client: PrefectClient) -> list[FlowRun]:
    """A run that a killed runner left running, and one that somebody asked for while no runner was there."""
    flow_id = await client.create_flow(poll)
    deployment_id = await client.create_deployment(flow_id, name="poll")
    zombie = await client.create_flow_run_from_deployment(deployment_id)
    await client.set_flow_run_state(zombie.id, Running(), force=True)
    late = await client.create_flow_run_from_deployment(
        deployment_id, state=Scheduled(scheduled_time=datetime.now(UTC) - timedelta(hours=1))
    )
    return [zombie, late]


async def states_of(client: PrefectClient, runs: list[FlowRun]) -> list[str]:
    found = [(await client.read_flow_run(one.id)).state for one in runs]
    return [state.type.value for state in found if state is not None]


def in_client(prefect: str, act: Callable[[PrefectClient], Any]) -> Any:
    async def within() -> Any:
        with temporary_settings({PREFECT_API_URL: prefect}):
            async with get_client() as client:
                return await act(client)

    return asyncio.run(within())


def wait_for(met: Callable[[], bool], log: Path, *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.3)
