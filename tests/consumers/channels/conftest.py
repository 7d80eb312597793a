"""An alert full of other people's words, and servers shaped like the services that it is sent to."""

import socketserver
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from consumers.channels.pace import Pace
from consumers.channels.send import Sent, send
from consumers.channels.smtp import Taken
from schemas.alert import Alert, Evidence, Severity
from schemas.channel import ChannelSettings
from schemas.message import Message
from schemas.reason import Margin, Matched, Reason
from schemas.settings import NotifySettings
from schemas.taxonomy import Stance, Target, Topic

Judge = Callable[[str, bytes], tuple[int, dict[str, str], bytes]]
"""Given path and body of a POST: the status, headers and body to answer."""


@pytest.fixture(scope="session")
def alert() -> Callable[..., Alert]:
    """An alert with two sentences, a reason and a margin."""

    def make(**changes: Any) -> Alert:
        fields: dict[str, Any] = {
            "alert_id": "a" * 32,
            "rule_id": "deal-criticised",
            "rule_name": "The deportation deal is criticised",
            "severity": Severity.HIGH,
            "story_id": "s",
            "article_id": "0" * 32,
            "title": "«No son paquetes»: familias denuncian que el acuerdo desaparece a sus hijos",
            "url": "https://news.example/no-son-paquetes",
            "outlet": "El Farol de Izotal",
            "language": "es",
            "published_at": datetime(2026, 11, 24, 14, 3, tzinfo=UTC),
            "observed_at_ms": 1,
            "created_at_ms": 1_795_000_000_000,
            "relevance": 0.9,
            "topics": (Topic.DEPORTATION_RETURNS,),
            "evidence": (
                Evidence(
                    text="Una abogada calificó el convenio de aberración jurídica.",
                    confidence=0.95,
                    target=Target.DEPORTATION_DEAL,
                    stance=Stance.AGAINST,
                    speaker="Una abogada",
                ),
                Evidence(
                    text="El presidente celebró el éxito.",
                    confidence=0.71,
                    target=Target.BUKELE_GOVERNMENT,
                    stance=Stance.FAVOR,
                ),
            ),
            "reason": Reason(
                matched=(Matched(field="stance", found=("against",)),),
                words=("calificó el ⟦convenio⟧ de",),
                margin=Margin(what="confidence", value=0.95, limit=0.6),
            ),
        }
        return Alert.model_validate(fields | changes)

    return make


@pytest.fixture
def deliver() -> Callable[..., Sent]:
    """Sends a message by a channel, to this machine unless a test says otherwise."""

    def make(
        message: Message,
        channel: ChannelSettings,
        *,
        timeout_s: float = 3,
        allowed: tuple[str, ...] = ("127.0.0.1/32",),
        pace: Pace | None = None,
    ) -> Sent:
        settings = NotifySettings(timeout_s=timeout_s, allow_networks=allowed)
        now = datetime.now(tz=UTC)
        return send(message, channel, settings=settings, now=now, pace=pace or Pace(), taken=Taken())

    return make


@dataclass
class Service:
    """A real HTTP server that looks at what it is sent as the service would, and keeps what it took."""

    judge: Judge
    port: int = 0
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    took: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def service() -> Iterator[Callable[[Judge], Service]]:
    """Makes servers, each with a judge of its own."""
    with ExitStack() as stack:

        def make(judge: Judge) -> Service:
            state = Service(judge)

            class Handler(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    body = self.rfile.read(int(self.headers["content-length"]))
                    state.asked.append((self.path, body))
                    status, headers, said = state.judge(self.path, body)
                    if 200 <= status < 300:
                        state.took.append((self.path, body))
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(said)))
                    self.end_headers()
                    self.wfile.write(said)

                def log_message(self, *_: object) -> None: ...

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            state.port = server.server_port
            return state

        yield make


@dataclass
class Mailbox:
    """A real SMTP server: `answers` to RCPT in turn by address, `data_answers` to the mail's text, then 250."""

    port: int = 0
    answers: dict[str, list[str]] = field(default_factory=dict)
    data_answers: list[str] = field(default_factory=list)
    pause_s: float = 0.0
    got: list[tuple[list[str], bytes]] = field(default_factory=list)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802, ARG002, RUF100
        waiting = self.answers.get(address, [])
        if waiting:
            return waiting.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802, ARG002, RUF100
        if self.data_answers:
            return self.data_answers.pop(0)
        time.sleep(self.pause_s)  # noqa: ASYNC251 - one connection at a time
        self.got.append((list(envelope.rcpt_tos), bytes(envelope.content)))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server on the loopback."""
    state = Mailbox()
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as free:
        port = int(free.server_address[1])
    controller = Controller(state, hostname="127.0.0.1", port=port, enable_SMTPUTF8=False)
    controller.start()
    state.port = port
    yield state
    controller.stop()
