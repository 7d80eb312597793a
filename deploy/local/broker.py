"""The Kafka broker: one KRaft node that is broker and controller, its settings and whether it answers."""

import base64
import re
import socket
import struct
import uuid
from pathlib import Path
from typing import Final

from deploy.local import jre
from deploy.local.home import Home
from deploy.local.jars import class_path, locked
from schemas.errors import StackError

_HEAP_MB: Final = 256
_METADATA, _METADATA_VERSION = 3, 4
_FLAGS: Final = (
    "-XX:TieredStopAtLevel=1",  # it waits for disk and network; the optimising compiler would cost the model its cores
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


def properties(data: Path, *, port: int, controller_port: int) -> str:
    """server.properties of a single node: every internal topic with one copy, buffers and threads kept small."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "min.insync.replicas": 1,
        "group.initial.rebalance.delay.ms": 0,
        "log.segment.bytes": 64 * 1024 * 1024,
        "log.index.size.max.bytes": 1024 * 1024,
        "log.cleaner.dedupe.buffer.size": 8 * 1024 * 1024,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
        # A killed broker's registration blocks its successor's until the session ends: 9 s by default.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 1000,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def install(home: Home, *, port: int, controller_port: int) -> Path:
    """Write the configuration and, once in a home's life, format its storage; the configuration's path.

    Raises StackError when the storage cannot be formatted, or is another cluster's.
    """
    data, config = home.data / "kafka", home.run / "kafka.properties"
    config.write_text(properties(data, port=port, controller_port=controller_port))
    written = home.data / "kafka.cluster"
    if not written.exists():
        written.write_text(_stored_cluster(data) or _new_cluster())
    cluster = written.read_text().strip()
    stored = _stored_cluster(data)
    if stored is None:
        tool = jre.command(
            "kafka.tools.StorageTool",
            class_path(home.jars, "kafka"),
            heap_mb=_HEAP_MB,
            scratch=home.scratch,
            flags=("-XX:TieredStopAtLevel=1",),
            arguments=("format", "--cluster-id", cluster, "--config", str(config), "--ignore-formatted"),
        )
        jre.run("kafka", tool)
    elif stored != cluster:
        raise StackError(
            "kafka",
            f"{data} belongs to cluster {stored}, this home to {cluster}: put the folder that belongs here back, or "
            f"remove {written} to take this one",
        )
    return config


def command(home: Home, *, port: int, controller_port: int) -> tuple[str, ...]:
    """The broker's command line; installs it first, which at the very first start takes about 2 s."""
    config = install(home, port=port, controller_port=controller_port)
    return jre.command(
        "kafka.Kafka",
        class_path(home.jars, "kafka"),
        heap_mb=_HEAP_MB,
        scratch=home.scratch,
        flags=_FLAGS,
        arguments=(str(config),),
        recorded=archive(home),
    )


def archive(home: Home) -> jre.Archive:
    """The broker's start-up archive."""
    return jre.archive(home.java, "kafka", (*_FLAGS, *(jar.sha256 for jar in locked() if "kafka" in jar.paths)))


def answers(port: int, *, timeout_s: float = 2) -> bool:
    """Whether the broker serves: it answers a Metadata request and names itself as a broker that takes part.

    An open port is not enough: for a moment a starting broker is fenced and can't hold a partition.
    Source: https://kafka.apache.org/protocol (Metadata, version 4, no topics).
    """
    request = struct.pack(">hhihi?", _METADATA, _METADATA_VERSION, 1, -1, 0, False)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as link:
            link.sendall(struct.pack(">i", len(request)) + request)
            with link.makefile("rb") as answer:
                (size,) = struct.unpack(">i", answer.read(4))
                _correlation, _throttle_ms, brokers = struct.unpack(">iii", answer.read(size)[:12])
    except (OSError, struct.error):
        return False
    return int(brokers) > 0


def _stored_cluster(data: Path) -> str | None:
    meta = data / "meta.properties"
    found = re.search(r"^cluster\.id=(\S+)", meta.read_text(), re.MULTILINE) if meta.exists() else None
    return found[1] if found else None


def _new_cluster() -> str:
    while True:
        name = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not name.startswith("-"):  # the storage tool would take it for an option
            return name
