"""A webhook receiver on 127.0.0.1: takes signed alerts, checks each signature, and remembers when they came."""

import base64
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from deploy.demo.loopback import serve
from schemas.alert import Alert

MAX_BYTES = 1_000_000


@dataclass
class Inbox:
    """What arrived; `received` holds each alert once, by its `webhook-id`, with the moment of its first arrival."""

    secret: str
    url: str = ""
    received: dict[str, tuple[Alert, datetime]] = field(default_factory=dict)
    repeats: int = 0
    refused: int = 0
    on_alert: Callable[[Alert], None] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        """The HTTP status for one request: 204 taken, 401 when the signature is not ours."""
        try:
            Webhook(self.secret).verify(body, headers, json_parse=False)
        except WebhookVerificationError:
            self.refused += 1
            return 401
        alert = Alert.model_validate(json.loads(body)["data"])
        with self.lock:
            if alert.alert_id in self.received:
                self.repeats += 1
                return 204
            self.received[alert.alert_id] = (alert, datetime.now(UTC))
        if self.on_alert is not None:
            self.on_alert(alert)
        return 204


class _Handler(BaseHTTPRequestHandler):
    inbox: Inbox

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        if length > MAX_BYTES:
            self.send_error(413)
            return
        status = self.inbox.take(self.rfile.read(length), dict(self.headers.items()))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the parent's signature
        """Arrivals are kept in `Inbox.received`, not printed."""


@contextmanager
def open_inbox(on_alert: Callable[[Alert], None] | None = None) -> Iterator[Inbox]:
    """A receiver with a secret of its own, on a free port of 127.0.0.1 until the block ends."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    inbox = Inbox(secret, on_alert=on_alert)
    handler = type("Inbox", (_Handler,), {"inbox": inbox})
    with serve(handler) as base:
        inbox.url = f"{base}/alerts"
        yield inbox
