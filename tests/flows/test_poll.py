"""The flow and its runner, on a real Prefect server."""

import asyncio
import hmac
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psutil
import pytest
from filelock import FileLock
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import FlowRun, State
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling, Completed, Pending, Running, Scheduled
from prefect.testing.utilities import prefect_test_harness

from flows.backfill import backfill
from flows.feeds.state import States
from flows.feeds.subscriptions import remember
from flows.feeds.websub import asked, begin
from flows.poll import poll
from flows.serve import ending, free_stuck, is_polled
from schemas.feed import FeedState
from schemas.watch import Hub

if TYPE_CHECKING:
    from tests.flows.conftest import Desk

pytestmark = [
    # Prefect's client leaves connections to its server open when an event loop ends
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
]

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def prefect() -> Iterator[str]:
    """The API's address of a Prefect server of this module's own."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        environment.setenv("DO_NOT_TRACK", "1")
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
    return asyncio.run(poll(only, force, once=True))


@contextmanager
def started(environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs the flow as the runner does: until it is told to stop."""
    call = "import asyncio, flows.poll; print(asyncio.run(flows.poll.poll()))"
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-c", call], env=environment, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@dataclass
class Link:
    """A way to a server that can be cut."""

    url: str
    cut: Callable[[], None]


@contextmanager
def through(prefect: str) -> Iterator[Link]:
    """The API's address by way of a relay of this test's own."""
    host, port = prefect.partition("//")[2].partition("/")[0].split(":")
    sockets: list[socket.socket] = []

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def relay() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection((host, int(port)))
                sockets.extend((client, server))
                for pair in ((client, server), (server, client)):
                    Thread(target=copy, args=pair, daemon=True).start()

    def cut() -> None:
        for one in (listener, *sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=relay, daemon=True).start()
        yield Link(f"http://127.0.0.1:{listener.getsockname()[1]}/api", cut)
        cut()


def known(desk: "Desk") -> int:
    """How many entries of the source were published and remembered."""
    with States(desk.settings.home) as states:
        return len(states.seen("one"))


def sooner(desk: "Desk", feed: str) -> None:
    """Let the source be due now, as another process would."""
    with States(desk.settings.home) as states:
        states.save(states.load(feed).model_copy(update={"next_poll_at": None}), now=datetime.now(UTC))


def test_a_run_of_the_flow_polls_and_leaves_its_table(desk: "Desk", environment: dict[str, str], prefect: str) -> None:
    desk.source("one")
    desk.source("bad", "/bad")
    desk.items(("/a", "Title"))
    desk.page("/a", "Alpha.")
    summary = run()
    assert {one["feed"]: one["new"] for one in summary["polled"]} == {"one": 1, "bad": 0}
    rows = artifact(prefect, "poll")
    assert [(row["source"], row["result"], row["reason"]) for row in rows] == [
        ("bad", "failed", "answered 404"),
        ("one", "read", ""),
    ]
    assert run()["polled"] == []


def test_a_backfill_leaves_its_counts_and_its_reasons(desk: "Desk", environment: dict[str, str], prefect: str) -> None:
    desk.source("one")
    items = "<item><title>Signed</title><link>/a</link><pubDate>Tue, 10 Mar 2026 00:00:00 GMT</pubDate></item>"
    desk.site.answers["/feed"] = f"<rss version='2.0'><channel>{items}</channel></rss>".encode()
    desk.page("/a", "Alpha.")
    done = asyncio.run(backfill("one", since=datetime(2026, 3, 1, tzinfo=UTC), archives=True))
    assert (done["found"], done["published"]) == (1, 1)
    rows = {row["what"]: row["how many"] for row in artifact(prefect, "backfill")}
    assert (rows["found"], rows["published"], rows["left"]) == (1, 1, 0)
    assert any("links to no earlier documents" in what for what in rows)


def test_one_run_polls_tick_after_tick_until_another_takes_over_without_a_gap(
    desk: "Desk", environment: dict[str, str], tmp_path: Path
) -> None:
    desk.source("one", fetch_pages=False)
    desk.items(("/a", "Title"))
    log = tmp_path / "first.log"
    with started(environment, log) as first:
        wait_for(lambda: desk.state("one").last_success_at is not None, log)
        assert run(force=True)["polled"][0]["result"] == "unchanged"
        desk.items(("/a", "Title"), ("/b", "More"))
        sooner(desk, "one")
        wait_for(lambda: known(desk) == 2, log)
        with started(environment, tmp_path / "second.log") as second:
            assert first.wait(30) == 0
            desk.items(("/c", "Last"))
            sooner(desk, "one")
            wait_for(lambda: known(desk) == 3, tmp_path / "second.log")
            asked = time.monotonic()
            second.send_signal(signal.SIGTERM)
            assert second.wait(10) == 0
            assert time.monotonic() - asked < 5
    assert re.search(r'"new":2|new.: 2', log.read_text())
    assert "poll.took_over" in (tmp_path / "second.log").read_text()


def test_a_hubs_ping_is_heeded_long_before_the_next_tick(
    desk: "Desk", environment: dict[str, str], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    update = {"websub_callback": f"http://{listen}/websub", "websub_listen": listen, "tick_s": 300}
    poll_settings = desk.settings.poll.model_copy(update=update).model_dump_json()
    desk.source("one", fetch_pages=False)
    hub, now = Hub(url=desk.site.url("/hub"), topic=desk.site.url("/feed")), datetime.now(UTC)
    desk.items(("/a", "Title"), Link=f'<{hub.url}>; rel="hub"')
    stands = asked(begin("one", hub), now=now).model_copy(update={"since": now, "until": now + timedelta(days=9)})
    with States(desk.settings.home) as states:
        soon, before = now + timedelta(hours=1), now - timedelta(minutes=5)
        states.save(FeedState(feed="one", hub=hub, last_polled_at=before, next_poll_at=soon), now=now)
        remember(states, stands)
    log = tmp_path / "poll.log"
    with started({**environment, "VIGIA_POLL": poll_settings}, log) as process:
        wait_for(lambda: "websub.listening" in log.read_text() and is_polled(desk.settings), log)
        assert desk.site.asked == []
        link = HTTPConnection(listen, timeout=10)
        signature = hmac.new(stands.secret.encode(), b"news", "sha256").hexdigest()
        link.request("POST", f"/websub/{stands.path}", b"news", {"X-Hub-Signature": f"sha256={signature}"})
        assert link.getresponse().status == 202
        link.close()
        wait_for(lambda: known(desk) == 1, log)
        assert process.poll() is None
    assert desk.site.hits("/hub") == 0


def test_polling_goes_on_while_prefects_server_is_away(
    desk: "Desk", environment: dict[str, str], prefect: str, tmp_path: Path
) -> None:
    desk.source("one", fetch_pages=False)
    desk.items(("/a", "Title"))
    log = tmp_path / "poll.log"
    with through(prefect) as link, started({**environment, "PREFECT_API_URL": link.url}, log) as process:
        wait_for(lambda: known(desk) == 1, log)
        link.cut()
        desk.items(("/a", "Title"), ("/b", "More"))
        sooner(desk, "one")
        wait_for(lambda: known(desk) == 2, log)
        assert process.poll() is None


def test_a_run_that_finds_one_polling_and_one_waiting_leaves_the_work_to_them(
    desk: "Desk", environment: dict[str, str]
) -> None:
    desk.source("one")
    desk.items(("/a", "Title"))
    desk.settings.home.mkdir()
    with FileLock(desk.settings.home / "poll.lock"), FileLock(desk.settings.home / "poll.next.lock"):
        assert asyncio.run(poll())["busy"]
        assert desk.site.asked == []
        assert run(force=True)["polled"][0]["new"] == 1


@pytest.mark.timeout(600)
def test_the_runner_polls_at_once_settles_what_is_stuck_replaces_what_was_killed_and_stops_when_told(
    desk: "Desk", environment: dict[str, str], prefect: str, tmp_path: Path
) -> None:
    desk.source("one")
    desk.items(("/a", "Title"))
    desk.page("/a", "Alpha.")
    desk.site.answers["/map.xml"] = f"<urlset><url><loc>{desk.site.url('/b')}</loc></url></urlset>".encode()
    page = "<meta property='article:published_time' content='2026-03-10'><p>" + "The two signed the agreement. " * 9
    desk.site.answers["/b"] = (200, {"Content-Type": "text/html"}, f"<html><title>B</title>{page}</html>".encode())
    stuck = in_client(prefect, partial(leave_stuck, sitemap=desk.site.url("/map.xml")))
    log = tmp_path / "serve.log"
    with log.open("wb") as out:
        runner = subprocess.Popen([sys.executable, "-m", "flows.serve"], env=environment, stdout=out, stderr=out)
    try:
        wait_for(lambda: in_client(prefect, lambda client: states_of(client, stuck))[1] == "COMPLETED", log)
        wait_for(lambda: in_client(prefect, lambda client: states_of(client, stuck))[2] == "COMPLETED", log)
        wait_for(lambda: is_polled(desk.settings), log)
        for child in psutil.Process(runner.pid).children():
            child.kill()
        wait_for(lambda: not is_polled(desk.settings), log)
        sooner(desk, "one")
        wait_for(lambda: is_polled(desk.settings) and desk.state("one").next_poll_at is not None, log)
        second = subprocess.run(
            [sys.executable, "-m", "flows.serve"], env=environment, capture_output=True, text=True, check=False
        )
        assert second.returncode != 0
        assert "served already" in second.stderr
        runner.send_signal(signal.SIGTERM)
        assert runner.wait(90) == 0
    finally:
        runner.kill()
    assert "serve.stopped" in log.read_text()
    states = in_client(prefect, lambda client: states_of(client, stuck))
    assert states == ["CRASHED", "COMPLETED", "COMPLETED"]
    assert desk.site.hits("/b") == 1


def test_runs_that_nobody_will_carry_on_are_ended_and_asked_for_ones_are_not() -> None:
    soon, past = NOW + timedelta(minutes=1), NOW - timedelta(minutes=1)

    def end(state: State[None], *, auto: bool = True, due: datetime = past, runs: int | None = None) -> str | None:
        """The type of the state that ends a run; `runs` is how often a resumable one has begun."""
        run = FlowRun(flow_id=uuid4(), state=state, auto_scheduled=auto, expected_start_time=due, run_count=runs or 0)
        found = ending(run, now=NOW, resumable=runs is not None)
        return found.type.value if found is not None else None

    assert [end(Running()), end(Pending(), due=soon), end(Cancelling())] == ["CRASHED"] * 3
    assert [end(Scheduled()), end(Scheduled(), due=soon), end(Scheduled(), auto=False)] == ["CANCELLED", None, None]
    assert end(Completed()) is None
    assert [end(Running(), runs=1), end(Pending(), runs=0), end(Running(), runs=4)] == ["SCHEDULED"] * 2 + ["CRASHED"]
    assert [end(Cancelling(), runs=1), end(Completed(), runs=1)] == ["CRASHED", None]


def test_a_run_that_is_pending_for_long_is_ended_and_a_fresh_one_is_left(prefect: str) -> None:
    async def stick(client: PrefectClient) -> list[FlowRun]:
        flow_id = await client.create_flow(poll)
        deployment_id = await client.create_deployment(flow_id, name="poll")
        found = [await client.create_flow_run_from_deployment(deployment_id) for _ in range(3)]
        states: list[tuple[State[None], ...]] = [(Pending(),), (Running(), Cancelling()), (Running(),)]
        for one, path in zip(found, states, strict=True):
            for state in path:
                await client.set_flow_run_state(one.id, state, force=True)
        return found

    stuck = in_client(prefect, stick)
    with temporary_settings({PREFECT_API_URL: prefect}):
        assert asyncio.run(free_stuck()) == 0
        assert asyncio.run(free_stuck(patience=timedelta(0))) == 2
        assert asyncio.run(free_stuck(patience=timedelta(0))) == 0
    assert in_client(prefect, lambda client: states_of(client, stuck)) == ["CRASHED", "CRASHED", "RUNNING"]


def artifact(prefect: str, key: str) -> list[dict[str, Any]]:
    """The last table that was left under that key."""

    async def read(client: PrefectClient) -> Any:
        chosen = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
        return (await client.read_artifacts(artifact_filter=chosen))[-1].data

    found: list[dict[str, Any]] = json.loads(in_client(prefect, read))
    return found


async def leave_stuck(client: PrefectClient, *, sitemap: str) -> list[FlowRun]:
    """A poll that a killed runner left running, one that somebody asked for while no runner was there, and a backfill
    that was about to begin.
    """
    flow_id = await client.create_flow(poll)
    deployment_id = await client.create_deployment(flow_id, name="poll")
    zombie = await client.create_flow_run_from_deployment(deployment_id)
    await client.set_flow_run_state(zombie.id, Running(), force=True)
    late = await client.create_flow_run_from_deployment(
        deployment_id,
        state=Scheduled(scheduled_time=datetime.now(UTC) - timedelta(hours=1)),
        parameters={"once": True, "force": True},
    )
    flow_id = await client.create_flow(backfill)
    deployment_id = await client.create_deployment(flow_id, name="backfill")
    parameters = {"feed": "one", "since": "2026-03-01T00:00:00Z", "sitemap": sitemap}
    past = await client.create_flow_run_from_deployment(deployment_id, parameters=parameters)
    await client.set_flow_run_state(past.id, Pending(), force=True)
    return [zombie, late, past]


async def states_of(client: PrefectClient, runs: list[FlowRun]) -> list[str]:
    found = [(await client.read_flow_run(one.id)).state for one in runs]
    return [state.type.value for state in found if state is not None]


def in_client(prefect: str, act: Callable[[PrefectClient], Any]) -> Any:
    async def within() -> Any:
        with temporary_settings({PREFECT_API_URL: prefect}):
            async with get_client() as client:
                return await act(client)

    return asyncio.run(within())


def wait_for(met: Callable[[], bool], log: Path, *, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.3)
