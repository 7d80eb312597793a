import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from elasticsearch import Elasticsearch
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from deploy.local import state
from deploy.local.home import Home, home_at
from deploy.local.state import PartState
from deploy.local.supervise import RunningStack, start_stack

SERVERS = ("kafka", "elasticsearch")
SUPERVISOR = """
import sys, time
from pathlib import Path
from deploy.local.home import home_at
from deploy.local.supervise import start_stack
stack = start_stack(home_at(Path(sys.argv[1])), parts=("kafka", "elasticsearch"))
stack.wait_ready()
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def happenings() -> list[PartState]:
    return []


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, happenings: list[PartState]) -> Iterator[RunningStack]:
    """A stack of this module's own, since its parts are killed."""
    running = start_stack(home_at(tmp_path_factory.mktemp("own")), parts=SERVERS, on_event=happenings.append)
    try:
        running.wait_ready(120)
        yield running
    finally:
        running.stop()


def produce(servers: str | None, topic: str, value: bytes) -> None:
    admin = KafkaAdminClient(bootstrap_servers=servers)
    admin.create_topics([NewTopic(topic, 1, 1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=servers, acks="all")
    producer.send(topic, value).get(20)
    producer.close()


def first(servers: str | None, topic: str) -> bytes:
    consumer = KafkaConsumer(topic, bootstrap_servers=servers, auto_offset_reset="earliest", consumer_timeout_ms=20_000)
    value: bytes = next(consumer).value
    consumer.close()
    return value


def index(url: str | None, name: str) -> None:
    es = Elasticsearch(url or "")
    es.indices.create(index=name, settings={"number_of_replicas": 0})
    es.index(index=name, id="1", document={"kept": True})
    es.close()


def kept(url: str | None, name: str) -> bool:
    es = Elasticsearch(url or "")
    found = bool(es.get(index=name, id="1")["_source"]["kept"])
    es.close()
    return found


def until(condition: Callable[[], bool], timeout_s: float = 40) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.1)


@pytest.mark.parametrize("name", SERVERS)
def test_a_killed_server_comes_back_at_its_address_with_its_data(
    own: RunningStack, happenings: list[PartState], name: str
) -> None:
    before, key = own.part(name), f"t-{uuid.uuid4().hex}"
    if name == "kafka":
        produce(own.endpoints.kafka, key, b"kept")
    else:
        index(own.endpoints.elasticsearch, key)
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    until(lambda: own.part(name).restarts == before.restarts + 1)
    own.wait_ready(60)
    after = own.part(name)
    assert (after.pid != before.pid, after.port) == (True, before.port)
    if name == "kafka":
        assert first(own.endpoints.kafka, key) == b"kept"
    else:
        assert kept(own.endpoints.elasticsearch, key)
    said = [(part.condition, part.detail) for part in happenings if part.name == name]
    assert ("restarting", "was killed by SIGKILL") in said
    assert said[-1] == ("ready", "")


def test_the_same_ports_are_taken_again_after_a_stop_unless_somebody_took_one(tmp_path: Path) -> None:
    home, addresses = home_at(tmp_path), []
    with ExitStack() as strangers:
        for _ in range(3):
            stack = start_stack(home, parts=("kafka",))
            stack.wait_ready(60)
            addresses.append(stack.endpoints)
            stack.stop()
            assert state.endpoints(home) is None
            if len(addresses) == 2:
                strangers.enter_context(socket.create_server(("127.0.0.1", stack.part("kafka").port or 0)))
    assert addresses[0] == addresses[1] != addresses[2]


def test_when_all_is_killed_at_once_the_next_start_finds_every_acknowledged_write(tmp_path: Path) -> None:
    home, key = home_at(tmp_path), f"t-{uuid.uuid4().hex}"
    with supervisor(home) as watcher:
        known = state.read_state(home)
        assert known is not None
        produce(known.endpoints.kafka, key, b"kept")
        index(known.endpoints.elasticsearch, key)
        for pid in (watcher.pid, *(part.pid for part in known.parts)):
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
    stack = start_stack(home, parts=SERVERS)
    try:
        stack.wait_ready(60)
        assert first(stack.endpoints.kafka, key) == b"kept"
        assert kept(stack.endpoints.elasticsearch, key)
    finally:
        stack.stop()


def test_what_outlives_a_killed_supervisor_is_ended_by_the_next_start(tmp_path: Path) -> None:
    home = home_at(tmp_path)
    with supervisor(home) as watcher:
        watcher.kill()
        known = state.read_state(home)
        assert known is not None
        orphans = [psutil.Process(part.pid) for part in known.parts]
        assert all(orphan.is_running() for orphan in orphans)
    assert state.endpoints(home) is None
    stack = start_stack(home, parts=SERVERS)
    try:
        assert not any(orphan.is_running() for orphan in orphans)
        stack.wait_ready(60)
        assert stack.endpoints == known.endpoints
    finally:
        stack.stop()


class supervisor:  # noqa: N801 reads as the context that it is
    """Another process that supervises a stack in this home, ready when the block begins."""

    def __init__(self, home: Home) -> None:
        self._command = [sys.executable, "-c", SUPERVISOR, str(home.root)]

    def __enter__(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self._process.stdout is not None
        until(lambda: self._process.stdout.readline() == b"ready\n")  # type: ignore[union-attr]
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()  # type: ignore[union-attr]
