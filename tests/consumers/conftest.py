"""Each test has streams, consumer groups and indices of its own, on the one real broker and node."""

import base64
import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, MemberToRemove, NewTopic
from pydantic import BaseModel, SecretStr

from consumers import stages
from consumers.archive import Client, ensure, open_archive
from consumers.health import Health
from consumers.stages import Stage
from consumers.worker import run
from schemas.article import Article
from schemas.classification import Classification, ModelRef, Part, Passage, TargetStance, TopicScore, Voice
from schemas.identity import article_id, content_hash
from schemas.indices import Indices
from schemas.settings import Settings
from schemas.streams import ALERTS, ARTICLES, CLASSIFIED, DEADLETTER, INDEXED, Stream
from schemas.taxonomy import Stance, Target, Topic
from schemas.wire import decode, encode

SECRET = "whsec_" + base64.b64encode(b"sixteen letters.").decode()
MODEL = ModelRef(id="test", generation=1, sha256="0" * 64)


@dataclass(frozen=True)
class House:
    """What one test works with. Its streams are made when they are first used: many tests need none."""

    settings: Settings
    indices: Indices
    es: Client
    articles: Stream[Any]
    classified: Stream[Any]
    indexed: Stream[Any]
    alerts: Stream[Any]
    deadletter: Stream[Any]
    name: str
    closing: ExitStack

    @cached_property
    def producer(self) -> KafkaProducer:
        """A producer, once the streams are there."""
        options = self.settings.kafka.client_options()
        admin = self.closing.enter_context(closing(KafkaAdminClient(**options)))
        streams = (self.articles, self.classified, self.indexed, self.alerts, self.deadletter)
        admin.create_topics(
            [
                NewTopic(s.name, 1, 1, topic_configs={"max.message.bytes": str(max(s.max_bytes, 6_000_000))})
                for s in streams
            ]
        )
        self.closing.callback(admin.delete_topics, [s.name for s in streams])
        return self.closing.enter_context(closing(KafkaProducer(**options, max_request_size=12_000_000)))

    def stage(self, name: str, stream: Stream[Any], open_: Callable[..., Any]) -> Stage[Any]:
        return Stage(name, stream, open_, f"{self.name}-{name}", self.deadletter)

    def index_stage(self) -> Stage[Any]:
        return self.stage(
            "index", self.classified, partial(stages.open_index, indices=self.indices, indexed=self.indexed)
        )

    def alert_stage(self) -> Stage[Any]:
        return self.stage("alert", self.indexed, partial(stages.open_alert, indices=self.indices, alerts=self.alerts))

    def notify_stage(self) -> Stage[Any]:
        return self.stage("notify", self.alerts, partial(stages.open_notify, indices=self.indices))

    def produce(self, stream: Stream[Any], messages: Sequence[BaseModel | bytes], key: bytes | None = None) -> None:
        sent = []
        for message in messages:
            own = b"k" if isinstance(message, bytes) else stream.key(message).encode()
            value = message if isinstance(message, bytes) else encode(message)
            sent.append(self.producer.send(stream.name, key=key or own, value=value))
        for future in sent:
            future.get(timeout=20)

    def _reader(self, group: str | None = None) -> KafkaConsumer:
        return KafkaConsumer(
            **self.settings.kafka.client_options(),
            group_id=group,
            enable_auto_commit=False,
            max_partition_fetch_bytes=10_000_000,
        )

    def read(self, stream: Stream[Any]) -> list[Any]:
        with closing(self._reader()) as consumer:
            parts = [TopicPartition(stream.name, p) for p in consumer.partitions_for_topic(stream.name)]
            consumer.assign(parts)
            consumer.seek_to_beginning()
            ends = consumer.end_offsets(parts)
            found: list[Any] = []
            deadline = time.monotonic() + 20
            while any(consumer.position(p) < ends[p] for p in parts) and time.monotonic() < deadline:
                for records in consumer.poll(timeout_ms=200).values():
                    found += [decode(stream, r.value) for r in records]
            assert all(consumer.position(p) >= ends[p] for p in parts)
            return found

    def committed(self, stage: Stage[Any]) -> int:
        with closing(self._reader(stage.group)) as consumer:
            parts = consumer.partitions_for_topic(stage.stream.name)
            return sum(consumer.committed(TopicPartition(stage.stream.name, p)) or 0 for p in parts)

    def work(self, stage: Stage[Any], *, until: int, within: float = 30, settings: Settings | None = None) -> None:
        """Run the worker until that many messages of its stream are committed, then stop it."""
        assert self.producer is not None
        with self.working(stage, settings=settings) as worker:
            deadline = time.monotonic() + within
            while self.committed(stage) < until:
                worker.check()
                assert time.monotonic() < deadline, f"{self.committed(stage)} of {until} committed"
                time.sleep(0.1)

    def work_and_die(self, name: str, fault: str, *, settings: Settings | None = None) -> None:
        """Run a worker as a process that kills itself at `fault`."""
        plain = (settings or self.settings).model_dump(mode="json", exclude={"notify"})
        notify = (settings or self.settings).notify
        plain["notify"] = notify.model_dump(mode="json", exclude_unset=True) | {
            "channels": [_revealed(c) for c in notify.channels]
        }
        parameters = {"name": name, "settings": plain, "run_name": self.name, "fault": fault}
        script = Path(__file__).with_name("killed.py")
        ended = subprocess.run([sys.executable, str(script), json.dumps(parameters)], timeout=60, check=False)
        assert ended.returncode == -signal.SIGKILL
        self._bury(f"{self.name}-{name}")

    def _bury(self, group: str) -> None:
        """Take a killed worker out of its group at once, rather than wait until it is missed."""
        with closing(KafkaAdminClient(**self.settings.kafka.client_options())) as admin:
            dead = [MemberToRemove(m["member_id"]) for m in admin.describe_groups([group])[group]["members"]]
            assert dead
            admin.remove_group_members(group, dead)

    def with_channels(self, *receivers: "Receiver", **changes: Any) -> Settings:
        """The settings with a channel to each receiver: `desk0`, `desk1` and so on."""
        channels = [{"name": f"desk{i}", "url": receiver.url, "secret": SECRET} for i, receiver in enumerate(receivers)]
        notify = self.settings.notify.model_dump(exclude_unset=True) | {"channels": channels} | changes
        return Settings.model_validate(self.settings.model_dump(exclude_unset=True) | {"notify": notify})

    def working(self, stage: Stage[Any], *, settings: Settings | None = None) -> "Working":
        return Working(stage, settings or self.settings)

    def piece(self, doc_id: str) -> dict[str, Any] | None:
        """The document as a search finds it, whichever month it is in."""
        self.es.es.indices.refresh(index=self.indices.news, ignore_unavailable=True)
        hits = self.es.es.search(index=self.indices.news, query={"ids": {"values": [doc_id]}}, ignore_unavailable=True)
        found = hits["hits"]["hits"]
        assert len(found) <= 1, "one document in one index"
        return dict(found[0]) if found else None

    def pieces(self) -> list[dict[str, Any]]:
        self.es.es.indices.refresh(index=self.indices.news, ignore_unavailable=True)
        hits = self.es.es.search(index=self.indices.news, size=1000, version=True, ignore_unavailable=True)
        return [dict(hit) for hit in hits["hits"]["hits"]]

    def outbox(self) -> list[dict[str, Any]]:
        self.es.es.indices.refresh(index=self.indices.alerts)
        return [dict(h["_source"]) for h in self.es.es.search(index=self.indices.alerts, size=1000)["hits"]["hits"]]


def _revealed(channel: Any) -> dict[str, Any]:
    """The channel's settings with its secrets, for a process of the test's own."""
    fields: dict[str, Any] = channel.model_dump()
    return {k: v.get_secret_value() if isinstance(v, SecretStr) else v for k, v in fields.items()}


@dataclass
class Receiver:
    """A real HTTP server that keeps what it is sent and answers as told: `answers` in turn, then 204."""

    answers: list[int | tuple[int, dict[str, str]]] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    pause_s: float = 0.0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.received]


class Working:
    """A worker running in a thread for as long as the block lasts."""

    def __init__(self, stage: Stage[Any], settings: Settings) -> None:
        self.health = Health()
        self.error: BaseException | None = None
        self.stop = Event()
        self.thread = Thread(target=self._run, args=(stage, settings), name=stage.name)

    def _run(self, stage: Stage[Any], settings: Settings) -> None:
        try:
            run(stage, settings, stop=self.stop, health=self.health)
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread
            self.error = error

    def check(self) -> None:
        if self.error is not None:
            raise self.error

    def __enter__(self) -> "Working":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(timeout=30)
        assert not self.thread.is_alive(), "the worker did not stop"
        self.check()


@pytest.fixture(scope="session")
def settings(stack: Any, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings.model_validate(
        {
            "home": tmp_path_factory.mktemp("home"),
            "kafka": {"servers": [stack.endpoints.kafka]},
            "elasticsearch": {"url": stack.endpoints.elasticsearch},
            "alert": {"rules_file": "rules.toml"},
            "notify": {"timeout_s": 2, "allow_networks": ["127.0.0.1/32"]},
            "worker": {"retry_s": 0.2, "retry_max_s": 1.0, "linger_s": 0.1},
        }
    )


@contextmanager
def open_house(settings: Settings) -> Iterator[House]:
    """A house with names of its own, taken down at the end."""
    name = f"t{uuid.uuid4().hex[:10]}"
    articles, classified, indexed, alerts, deadletter = (
        replace(stream, name=f"{name}.{stream.name}", partitions=1)
        for stream in (ARTICLES, CLASSIFIED, INDEXED, ALERTS, DEADLETTER)
    )
    with (
        closing(open_archive(settings.elasticsearch, Indices(f"{name}-"))) as es,
        ExitStack() as stack,
    ):
        ensure(es)
        yield House(settings, es.indices, es, articles, classified, indexed, alerts, deadletter, name, stack)
        es.es.indices.delete(index=",".join(es.es.indices.get(index=f"{name}-*")))
        for template in es.indices.templates():
            es.es.options(ignore_status=404).indices.delete_index_template(name=template)


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    """A house for one test."""
    with open_house(settings) as own:
        yield own


@pytest.fixture(scope="module")
def shared_house(settings: Settings) -> Iterator[House]:
    """A house for the tests of one file that only read what was put there first."""
    with open_house(settings) as own:
        yield own


@pytest.fixture(scope="session")
def article() -> Callable[..., Article]:
    """An article by its path, with what a test wants changed."""

    def make(path: str = "a", **changes: Any) -> Article:
        url = f"https://news.example/{path}"
        fields: dict[str, Any] = {
            "article_id": article_id(url),
            "url": url,
            "link": url,
            "feed": "example",
            "outlet": "Example",
            "country": "SV",
            "title": f"Flight {path} lands in San Salvador",
            "text": "Officials said the flight carried people deported from the United States.",
            "language": "en",
            "published_at": datetime.now(tz=UTC),
            "observed_at_ms": int(time.time() * 1000),
        }
        fields |= changes
        fields.setdefault("content_hash", content_hash(fields["title"], fields["text"]))
        return Article.model_validate(fields)

    return make


@pytest.fixture(scope="session")
def classified(article: Callable[..., Article]) -> Callable[..., Classification]:
    """A classification of such an article: critical of the deportation deal, unless a test says otherwise."""

    def make(
        path: str = "a", *, generation: int = 1, stance: Stance = Stance.AGAINST, **changes: Any
    ) -> Classification:
        piece = article(path, **changes)
        quote = piece.text or piece.title
        return Classification(
            article=piece,
            model=MODEL.model_copy(update={"generation": generation}),
            relevance=0.9,
            relevant=True,
            topics=(TopicScore(topic=Topic.DEPORTATION_RETURNS, score=0.8, evidence=(0,)),),
            stances=(
                TargetStance(
                    target=Target.DEPORTATION_DEAL,
                    stance=stance,
                    score=-0.8 if stance is Stance.AGAINST else 0.8,
                    confidence=0.9,
                    evidence=(1,),
                ),
            ),
            voices=(Voice(speaker="A lawyer", quote=quote, passage=1, target=Target.DEPORTATION_DEAL, stance=stance),),
            passages=(
                Passage(part=Part.TITLE, start=0, end=len(piece.title), text=piece.title, relevance=0.9),
                Passage(part=Part.TEXT, start=0, end=len(quote), text=quote, relevance=0.9),
            ),
            classified_at_ms=int(time.time() * 1000),
        )

    return make


@pytest.fixture
def receiver() -> Iterator[Callable[..., Receiver]]:
    """Makes receivers of alerts, each on a port of its own."""
    with ExitStack() as stack:

        def make(*answers: int | tuple[int, dict[str, str]], pause_s: float = 0.0) -> Receiver:
            state = Receiver(list(answers), pause_s=pause_s)

            class Handler(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    body = self.rfile.read(int(self.headers["content-length"]))
                    state.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
                    answer = state.answers.pop(0) if state.answers else 204
                    status, headers = answer if isinstance(answer, tuple) else (answer, {})
                    time.sleep(state.pause_s)
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("content-length", "0")
                    self.end_headers()

                def log_message(self, *_: object) -> None: ...

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            thread = Thread(target=server.serve_forever, daemon=True)
            thread.start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            state.port = server.server_port
            return state

        yield make


Meddle = Callable[[str, str, int, bytes], tuple[int, bytes] | None]
"""Given method, path, status and body of a real answer: what the client gets instead; None cuts the connection."""


@dataclass
class Proxy:
    """Stands before the real Elasticsearch and may change or lose its answers, after it has done what it was told."""

    port: int = 0
    meddle: Meddle | None = None
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def proxy(settings: Settings) -> Iterator[Proxy]:
    """A real HTTP server between a test and Elasticsearch."""
    state = Proxy()
    real = urlsplit(settings.elasticsearch.url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            state.asked.append(f"{self.command} {self.path}")
            with closing(HTTPConnection(real.hostname or "", real.port, timeout=30)) as upstream:
                headers = {k: v for k, v in self.headers.items() if k.lower() not in {"host", "accept-encoding"}}
                upstream.request(self.command, self.path, body, headers)
                answer = upstream.getresponse()
                status, content = answer.status, answer.read()
            if state.meddle is not None:
                changed = state.meddle(self.command, self.path, status, content)
                if changed is None:
                    self.close_connection = True
                    self.connection.shutdown(SHUT_RDWR)
                    return
                status, content = changed
            self.send_response(status)
            for name in ("content-type", "x-elastic-product"):
                if (value := answer.getheader(name)) is not None:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = pass_on  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.port = server.server_port
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def secret() -> str:
    """What the channels of `with_channels` sign with."""
    return SECRET
