"""What /healthz and /readyz answer, on 127.0.0.1 alone."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from schemas.errors import Unavailable

STUCK_S = 600.0
"""A loop that has not turned for so long is not alive: the broker takes its partitions away at that time."""


@dataclass
class Health:
    """What the loop says of itself; written by the loop's thread, read by the server's."""

    probe: Callable[[], None] = lambda: None
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
        """Why nothing can be processed now; None when it can. Asks the sink."""
        if (reason := self.alive(now)) is not None:
            return reason
        if not self.joined:
            return "not a member of the consumer group"
        if self.trouble is not None:
            return self.trouble
        try:
            self.probe()
        except Unavailable as error:
            return str(error)
        return None


@contextmanager
def serve(health: Health, port: int | None) -> Iterator[int | None]:
    """Answer /healthz and /readyz while the block runs: 200, or 503 with the reason. Yields the port in use."""
    if port is None:
        yield None
        return

    class Answer(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            checks = {"/healthz": health.alive, "/readyz": health.ready}
            check = checks.get(self.path)
            if check is None:
                self.send_error(404)
                return
            reason = check(time.monotonic())
            body = json.dumps({"ok": reason is None, "reason": reason}).encode()
            self.send_response(200 if reason is None else 503)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Say nothing: probes come every few seconds."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Answer)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
