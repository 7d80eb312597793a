"""Alerts -> every kind of channel, through outages, 429, slow answers and kills, to real servers: none is lost."""

import email
import email.policy
import json
import socketserver
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from standardwebhooks import Webhook

from consumers.archive import create
from schemas.alert import Alert, Severity
from schemas.identity import alert_id
from schemas.settings import Settings

SENDER, READER = "vigia@desk.example", "ana@desk.example"
SLOW = -1
CUT = -2
TROUBLES = (503, 429, SLOW, CUT)
"""What each server does first: an outage, a limit, an answer that comes too late, a connection cut after it took it."""

CHATS = ("slack", "teams", "discord", "telegram")


@dataclass
class Desk:
    """One server for all the channels that speak HTTP, and one for mail; each channel has troubles of its own."""

    port: int = 0
    mail_port: int = 0
    troubles: dict[str, list[int]] = field(default_factory=dict)
    took: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def taken(self, channel: str) -> list[str]:
        return [text for name, text, _ in self.took if name == channel]

    def settings(self, base: Settings, *names: str, timeout_s: float = 5) -> Settings:
        url = f"http://127.0.0.1:{self.port}"
        secret = {"secret": "whsec_" + "c2l4dGVlbiBsZXR0ZXJzLg=="}
        kinds: dict[str, dict[str, Any]] = {
            "webhook": {"url": f"{url}/webhook", **secret},
            "slack": {"url": f"{url}/slack"},
            "teams": {"url": f"{url}/teams"},
            "discord": {"url": f"{url}/discord"},
            "telegram": {"url": f"{url}/telegram/", "token": "1:t", "chat": "-1"},
            "email": {
                "host": "127.0.0.1",
                "port": self.mail_port,
                "security": "none",
                "sender": SENDER,
                "to": [READER],
            },
        }
        channels = [{"name": name, "kind": name, "per_minute": 6000} | kinds[name] for name in names]
        notify = base.notify.model_dump(exclude_unset=True) | {"channels": channels, "timeout_s": timeout_s}
        return Settings.model_validate(base.model_dump(exclude_unset=True) | {"notify": notify})

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        trouble = self.troubles.get("email", []).pop(0) if self.troubles.get("email") else 250
        if trouble in (503, 429):
            return "451 later"
        mail = email.message_from_bytes(bytes(envelope.content), policy=email.policy.default)
        self.took.append(("email", str(mail["subject"]), {k.lower(): str(v) for k, v in mail.items()}))
        if trouble in (SLOW, CUT):
            time.sleep(2.6)  # noqa: ASYNC251 - one connection at a time
        return "250 OK"


@pytest.fixture
def desk() -> Iterator[Desk]:
    state = Desk()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            channel = self.path.strip("/").partition("/")[0].partition("?")[0]
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            waiting = state.troubles.get(channel, [])
            trouble = waiting.pop(0) if waiting else 200
            if trouble in (200, SLOW, CUT):
                state.took.append((channel, body, {k.lower(): v for k, v in self.headers.items()}))
            if trouble == CUT:
                self.close_connection = True
                return
            if trouble == SLOW:
                time.sleep(2.6)
            try:
                self.send_response(200 if trouble == SLOW else trouble)
                if trouble == 429:
                    self.send_header("retry-after", "1")
                self.send_header("content-length", "0")
                self.end_headers()
            except OSError:
                return

        def log_message(self, *_: object) -> None: ...

    with ExitStack() as stack:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as free:
            state.mail_port = int(free.server_address[1])
        mail = Controller(state, hostname="127.0.0.1", port=state.mail_port)
        mail.start()
        stack.callback(mail.stop)
        state.port = server.server_port
        yield state


def waiting(house: Any, count: int) -> list[Alert]:
    """Alerts that wait in the outbox, each with a title of its own."""
    made = [
        Alert(
            alert_id=alert_id("rule", f"{house.name} {n}"),
            rule_id="rule",
            rule_name="Rule",
            severity=Severity.HIGH,
            story_id=f"{house.name} {n}",
            article_id="0" * 32,
            title=f"Flight {n:03d} lands",
            url=f"https://news.example/{n}",
            outlet="Example",
            language="en",
            published_at=datetime.now(tz=UTC),
            observed_at_ms=int(time.time() * 1000),
            created_at_ms=int(time.time() * 1000),
            relevance=0.9,
        )
        for n in range(count)
    ]
    create(house.es, made)
    house.produce(house.alerts, made)
    return made


def times(alerts: list[Alert], texts: list[str]) -> list[int]:
    """How often each alert's title is among the texts."""
    return [sum(alert.title in text for text in texts) for alert in alerts]


def test_through_outages_limits_and_lost_answers_every_channel_gets_every_alert(house: Any, desk: Desk) -> None:
    names = ("webhook", *CHATS, "email")
    desk.troubles = {name: list(TROUBLES) for name in names}
    alerts = waiting(house, 4)
    house.work(house.notify_stage(), until=4, within=90, settings=desk.settings(house.settings, *names, timeout_s=2))
    for name in names:
        counts = times(alerts, desk.taken(name))
        assert min(counts) >= 1, (name, counts)
        # only what was taken without an answer comes again: the slow one and the cut one
        assert sum(counts) <= 4 + 2, (name, counts)
    hooks = [headers for name, _, headers in desk.took if name == "webhook"]
    assert {headers["webhook-id"] for headers in hooks} == {alert.alert_id for alert in alerts}
    for name, body, headers in desk.took:
        if name == "webhook":
            Webhook("whsec_c2l4dGVlbiBsZXR0ZXJzLg==").verify(body.encode(), headers)
    mails = Counter(headers["message-id"] for name, _, headers in desk.took if name == "email")
    assert len(mails) == 4
    assert house.read(house.deadletter) == []


@pytest.mark.parametrize("channel", ["slack", "email"])
def test_killed_inside_the_send_window_one_message_is_repeated_and_says_so(
    channel: str, house: Any, desk: Desk
) -> None:
    settings = desk.settings(house.settings, channel)
    alerts = waiting(house, 3)
    house.work_and_die("notify", "before_note", settings=settings)
    assert times(alerts, desk.taken(channel)) == [1, 0, 0]
    house.work(house.notify_stage(), until=3, settings=settings)
    assert times(alerts, desk.taken(channel)) == [2, 1, 1]
    marked = [
        "already" in text or "x-vigia-may-repeat" in headers for name, text, headers in desk.took if name == channel
    ]
    assert marked == [False, True, False, False]


def test_a_channel_that_will_never_take_it_is_told_to_those_who_run_it(house: Any, desk: Desk) -> None:
    desk.troubles = {"slack": [404]}
    (made,) = waiting(house, 1)
    house.work(house.notify_stage(), until=1, settings=desk.settings(house.settings, "slack", "webhook"))
    (letter,) = house.read(house.deadletter)
    assert (letter.stage, letter.error, json.loads(letter.value)["alert_id"]) == (
        "notify",
        "DeliveryRefused",
        made.alert_id,
    )
    assert "answered 404" in letter.reason
    assert len(desk.taken("webhook")) == 1
