"""A web site on 127.0.0.1 that a test fills with answers, and what it was asked."""

import asyncio
import gzip
import json
import resource
import sys
import uuid
import zlib
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import pytest
from kafka import KafkaConsumer, TopicPartition

from deploy.local.supervise import RunningStack
from flows.feeds.readers import Readers
from flows.feeds.state import States
from flows.polling import poll_once
from flows.report import Summary
from schemas.article import Article
from schemas.feed import FeedState
from schemas.settings import KafkaSettings, PollSettings, Settings
from schemas.streams import ARTICLES, Stream
from schemas.wire import decode

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


@dataclass
class Site:
    """`answers` by path: a body, a status with headers and a body, or a function that writes to the socket itself."""

    port: int
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def hits(self, path: str) -> int:
        return sum(asked == path for asked, _ in self.asked)

    def headers(self, path: str) -> Mapping[str, str]:
        """Those of the last request for that path."""
        return next(headers for asked, headers in reversed(self.asked) if asked == path)


@contextmanager
def serving() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            made.asked.append((self.path, dict(self.headers.items())))
            answer = made.answers.get(self.path, (404, {}, b""))
            if callable(answer):
                self.close_connection = True
                answer(self)
                return
            status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hangs up is what many of these tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    made = Site(server.server_address[1])
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as found:
        yield found


@pytest.fixture
def canary() -> Iterator[Site]:
    """A second site, which nobody may reach."""
    with serving() as found:
        yield found


@pytest.fixture
def poll_settings() -> PollSettings:
    """Settings under which a site on 127.0.0.1 may be read."""
    return PollSettings(
        allow_networks=("127.0.0.1/32",), total_s=3, connect_s=1, interval_s=60, tick_s=5, min_free_disk=0
    )


@pytest.fixture
def squeeze() -> Callable[[str, bytes], bytes]:
    """Encode a body as a Content-Encoding names it."""

    def encode(encoding: str, body: bytes) -> bytes:
        import brotli

        match encoding:
            case "gzip":
                return gzip.compress(body)
            case "deflate":
                return zlib.compress(body)
            case "bare-deflate":
                return zlib.compress(body)[2:-4]
            case "br":
                return bytes(brotli.compress(body, quality=3))
            case "zstd":
                return zstd.compress(body)
            case "wide-zstd":
                # in parts, since a frame that states its size is given no larger window than that
                options = {int(zstd.CompressionParameter.window_log): 27}
                compressor = zstd.ZstdCompressor(options=options)
                return compressor.compress(body) + compressor.flush()
            case other:
                raise ValueError(other)

    return encode


@dataclass
class Desk:
    """A poller of a test's own: its home, its sources on `site`, and a stream that nobody else writes to."""

    site: Site
    settings: Settings
    stream: Stream[Article]
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    readers: Readers

    def source(self, id_: str, path: str = "/feed", **fields: Any) -> None:
        """Add a source to feeds.toml."""
        row = {"id": id_, "url": self.site.url(path), "outlet": id_.title(), "language": "en"} | fields
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in row.items())
        with self.settings.poll.feeds_file.open("a", encoding="utf-8") as file:
            file.write(f"\n[[feeds]]\n{lines}\n")

    def items(
        self, *entries: tuple[str, str], path: str = "/feed", description: str = "In short.", **headers: str
    ) -> None:
        """Let the feed at `path` show entries of (link, title); their pages are `page`'s to make."""
        shown = "".join(
            f"<item><title>{title}</title><link>{self.site.url(link)}</link><description>{description}</description>"
            "<pubDate>Tue, 24 Nov 2026 00:00:00 GMT</pubDate></item>"
            for link, title in entries
        )
        body = f"<rss version='2.0'><channel><title>t</title>{shown}</channel></rss>".encode()
        self.site.answers[path] = (200, headers, body)

    def page(self, link: str, words: str) -> None:
        """Let there be a page with a text of those words."""
        text = (
            f"<html><body><article><p>{words} {'The two governments signed the agreement. ' * 8}</p></article></body>"
        )
        self.site.answers[link] = (200, {"Content-Type": "text/html"}, text.encode())

    def poll(self, **options: Any) -> Summary:
        """Poll once, as though every source were due."""
        summary: Summary = self.run(self.polling(**options))
        return summary

    async def polling(self, **options: Any) -> Summary:
        settings = options.pop("settings", self.settings)
        return await poll_once(
            settings, force=options.pop("force", True), stream=self.stream, readers=self.readers, **options
        )

    def published(self) -> list[Article]:
        """Everything on the stream, in the order of reading."""
        consumer = KafkaConsumer(
            bootstrap_servers=list(self.settings.kafka.servers),
            enable_auto_commit=False,
            allow_auto_create_topics=False,
        )
        try:
            parts = [TopicPartition(self.stream.name, number) for number in range(self.stream.partitions)]
            consumer.assign(parts)
            consumer.seek_to_beginning(*parts)
            ends = consumer.end_offsets(parts)
            found: list[Article] = []
            while any(consumer.position(part) < ends[part] for part in parts):
                for records in consumer.poll(timeout_ms=1000).values():
                    found += [decode(self.stream, record.value) for record in records]
        finally:
            consumer.close()
        return sorted(found, key=lambda article: article.observed_at_ms)

    def state(self, id_: str) -> FeedState:
        with States(self.settings.home) as states:
            return states.load(id_)


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.Runner]:
    """One event loop for all polls, so that the readers' start is paid for once."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def readers(loop: asyncio.Runner) -> Iterator[Readers]:
    async def open_readers() -> Readers:
        return Readers()

    async def close_readers() -> None:
        await found.__aexit__(None, None, None)

    found = loop.run(open_readers())
    yield found
    loop.run(close_readers())


@pytest.fixture
def reader_cpu_s() -> Callable[[], float]:
    """Seconds of CPU that the readers of this process have used so far, those that have ended among them."""

    def used() -> float:
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        total = ended.ru_utime + ended.ru_stime
        for child in psutil.Process().children():
            if "flows.feeds.reader" in " ".join(child.cmdline()):
                times = child.cpu_times()
                total += times.user + times.system
        return total

    return used


@pytest.fixture
def desk(
    site: Site,
    stack: RunningStack,
    loop: asyncio.Runner,
    readers: Readers,
    tmp_path: Path,
    poll_settings: PollSettings,
) -> Desk:
    assert stack.endpoints.kafka is not None
    feeds_file = tmp_path / "feeds.toml"
    feeds_file.touch()
    settings = Settings(
        home=tmp_path / "home",
        kafka=KafkaSettings(servers=(stack.endpoints.kafka,)),
        poll=poll_settings.model_copy(update={"feeds_file": feeds_file}),
    )
    name = f"test.{uuid.uuid4().hex[:12]}"
    return Desk(site, settings, replace(ARTICLES, name=name, partitions=2), loop.run, readers)
