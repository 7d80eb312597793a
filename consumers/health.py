"""What /healthz, /readyz and /metrics answer; on 127.0.0.1 unless told otherwise, to callers who know its name."""

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client import CONTENT_TYPE_LATEST

from consumers import metrics
from schemas.errors import Unavailable
from schemas.redact import Redactor

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")

STUCK_S = 600.0
"""A loop that has not turned for so long is not alive: the broker takes its partitions away at that time."""


@dataclass
class Health:
    """What the loop says of itself; written by the loop's thread, read by the server's."""

    probe: Callable[[], None] = lambda: None
    redactor: Redactor = field(default_factory=Redactor)
    joined: bool = False
    trouble: str | None = None
    turned_at: float = field(default_factory=time.monotonic)

    def turn(self, *, joined: bool) -> None:
        """The loop went round once more; `joined`: it belongs to its consumer group, as a worker or a spare."""
        self.joined = joined
        self.turned_at = time.monotonic()

    def alive(self, now: float) -> str | None:
        """Why the process should be restarted; None when it needn't."""
        stuck = now - self.turned_at
        return f"the loop has not turned for {stuck:.0f} s" if stuck > STUCK_S else None

    def ready(self, now: float) -> str | None:
        """Why nothing can be processed now, told without a secret; None when it can. Asks the sink."""
        if (reason := self.alive(now)) is not None:
            return reason
        if not self.joined:
            return "not a member of the consumer group"
        if self.trouble is not None:
            return self.redactor.clean(self.trouble)
        try:
            self.probe()
        except Unavailable as error:
            return self.redactor.clean(str(error))
        return None


@contextmanager
def serve(
    health: Health, port: int | None, *, host: str = "127.0.0.1", names: Sequence[str] = ()
) -> Iterator[int | None]:
    """Answer /healthz and /readyz while the block runs: 200, or 503 with the reason; and /metrics. Yields the port.

    Whoever calls this machine by a name that is not its own, `host` or one of `names` gets a 421: a web page might, by
    a name of its own that leads here (DNS rebinding).
    """
    if port is None:
        yield None
        return

    known = frozenset(name.lower() for name in (*LOCAL_NAMES, host, *names))

    class Answer(BaseHTTPRequestHandler):
        server_version, sys_version = "Vigia", ""
        timeout = 5

        def do_GET(self) -> None:
            if re.sub(r":\d*$", "", self.headers.get("host", "").strip().lower()) not in known:
                self._answer(421, "text/plain", b"This worker is not known by that name.\n")
                return
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, metrics.page())
                return
            checks = {"/healthz": health.alive, "/readyz": health.ready}
            check = checks.get(self.path)
            if check is None:
                self.send_error(404)
                return
            reason = check(time.monotonic())
            body = json.dumps({"ok": reason is None, "reason": reason}).encode()
            self._answer(200 if reason is None else 503, "application/json", body)

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing: probes come every few seconds."""

    server = ThreadingHTTPServer((host, port), Answer)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
