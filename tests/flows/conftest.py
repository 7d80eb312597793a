"""A web site on 127.0.0.1 that a test fills with answers, and what it was asked."""

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from schemas.settings import PollSettings

Speak = Callable[[BaseHTTPRequestHandler], None]


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
    return PollSettings(allow_networks=("127.0.0.1/32",), total_s=3, connect_s=1, interval_s=60, tick_s=5)


@pytest.fixture
def squeeze() -> Callable[[str, bytes], bytes]:
    """Encode a body as a Content-Encoding names it."""

    def encode(encoding: str, body: bytes) -> bytes:
        import brotli  # type: ignore[import-untyped]

        match encoding:
            case "gzip":
                return gzip.compress(body)
            case "deflate":
                return zlib.compress(body)
            case "bare-deflate":
                return zlib.compress(body)[2:-4]
            case "br":
                return bytes(brotli.compress(body, quality=3))
            case other:
                raise ValueError(other)

    return encode
