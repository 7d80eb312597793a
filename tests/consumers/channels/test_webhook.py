"""The signed POST, to real servers on the loopback."""

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from consumers.channels.compose import of_alert
from consumers.channels.send import check_channel as check
from consumers.channels.send import send
from consumers.channels.webhook import payload
from schemas.alert import Alert, Evidence, Severity
from schemas.channel import WebhookChannel
from schemas.errors import ConfigError, DeliveryRefused, Unavailable
from schemas.settings import NotifySettings

LOOPBACK = ("127.0.0.1/32",)
ALERT = Alert(
    alert_id="a" * 32,
    rule_id="rule",
    rule_name="Rule",
    severity=Severity.HIGH,
    story_id="s",
    article_id="0" * 32,
    title="A \u202etitle\nin two",
    url="https://news.example/a",
    outlet="Example\x1b[31m",
    language="es",
    published_at=datetime(2026, 11, 24, tzinfo=UTC),
    observed_at_ms=1,
    created_at_ms=1_764_000_000_000,
    relevance=0.9,
    evidence=(Evidence(text="«Sí»,\ndijo.", confidence=0.9, speaker="A\u200b lawyer"),),
)


def channel(url: str, secret: str | None = None) -> WebhookChannel:
    return WebhookChannel(name="desk", url=SecretStr(url), secret=SecretStr(secret) if secret else None)


def deliver(url: str, *, secret: str | None = None, timeout_s: float = 2, allowed: tuple[str, ...] = LOOPBACK) -> None:
    settings = NotifySettings(timeout_s=timeout_s, allow_networks=allowed)
    send(of_alert(ALERT), channel(url, secret), settings=settings, now=datetime.now(tz=UTC))


@contextmanager
def raw_server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that treats its one connection as the test likes."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                behave(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


def test_what_is_sent_is_signed_and_inert(receiver: Callable[..., Any], secret: str) -> None:
    desk = receiver()
    deliver(desk.url, secret=secret)
    ((headers, body),) = desk.received
    said = Webhook(secret).verify(body, headers)
    assert headers["webhook-id"] == ALERT.alert_id
    assert headers["content-type"] == "application/json"
    assert said["timestamp"] == "2025-11-24T16:00:00+00:00"
    assert said["data"]["title"] == "A title in two"
    assert said["data"]["outlet"] == "Example[31m"
    assert said["data"]["evidence"][0]["text"] == "«Sí», dijo."
    assert said["data"]["evidence"][0]["speaker"] == "A lawyer"
    assert json.loads(payload(of_alert(ALERT))) == said


def test_without_a_secret_it_is_sent_unsigned(receiver: Callable[..., Any]) -> None:
    desk = receiver()
    deliver(desk.url)
    assert "webhook-signature" not in desk.received[0][0]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_an_answer_that_may_change_is_tried_again(receiver: Callable[..., Any], status: int) -> None:
    with pytest.raises(Unavailable, match=f"answered {status}"):
        deliver(receiver(status).url)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_an_answer_that_will_not_change_is_final(receiver: Callable[..., Any], status: int) -> None:
    with pytest.raises(DeliveryRefused, match=f"answered {status}"):
        deliver(receiver(status).url)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Callable[..., Any], status: int) -> None:
    canary = receiver()
    with pytest.raises(DeliveryRefused, match=f"answered {status}"):
        deliver(receiver((status, {"Location": canary.url})).url)
    assert canary.received == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "192.168.1.1", "[::ffff:127.0.0.1]"],
)
def test_an_address_inside_is_refused_unless_it_is_allowed(receiver: Callable[..., Any], host: str) -> None:
    canary = receiver()
    with pytest.raises(DeliveryRefused, match="allow_networks"):
        deliver(f"http://{host}:{canary.port}/hook", allowed=())
    assert canary.received == []


def test_of_several_addresses_a_single_one_inside_refuses_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 80)) for a in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(DeliveryRefused, match="private"):
        deliver("http://rebinding.example/")


def test_the_name_is_resolved_once_and_the_checked_address_is_connected_to(
    receiver: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, asked = receiver(), []

    def answer(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    real = socket.getaddrinfo
    monkeypatch.setattr(
        "socket.getaddrinfo",
        lambda host, *rest, **named: (
            real(host, *rest, **named) if host == "127.0.0.1" else answer(host, *rest, **named)
        ),
    )
    deliver(f"http://desk.example:{desk.port}/")
    assert asked == ["desk.example"]
    assert desk.received[0][0]["host"] == f"desk.example:{desk.port}"


def test_a_proxy_in_the_environment_is_not_asked(receiver: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    canary, desk = receiver(), receiver()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, canary.url)
    deliver(desk.url)
    assert (len(canary.received), len(desk.received)) == (0, 1)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "file:///etc/passwd", "not a url", "http://h:99999/"])
def test_a_url_that_is_none_is_final_and_not_quoted(url: str) -> None:
    with pytest.raises(DeliveryRefused) as caught:
        deliver(url)
    assert url not in str(caught.value)


def test_a_receiver_that_drips_its_answer_is_cut_at_the_deadline() -> None:
    def drip(connection: socket.socket) -> None:
        connection.recv(65536)
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000:
            try:
                connection.sendall(bytes([byte]))
            except OSError:
                return
            time.sleep(0.1)

    started = time.monotonic()
    with raw_server(drip) as url, pytest.raises(Unavailable):
        deliver(url, timeout_s=0.7)
    assert time.monotonic() - started < 1.5


def test_a_receiver_that_hangs_up_or_talks_nonsense_is_tried_again() -> None:
    with raw_server(lambda connection: connection.close()) as url, pytest.raises(Unavailable):
        deliver(url)

    def nonsense(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"\x00\x01\x02 nonsense\r\n\r\n")

    with raw_server(nonsense) as url, pytest.raises(Unavailable):
        deliver(url)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unavailable):
        deliver(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("secret", ["whsec_", "whsec_é", "whsec_a"])
def test_a_secret_that_can_not_sign_is_told_and_not_quoted(secret: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(channel("https://desk.example/", secret))
    assert "desk" in str(caught.value)
    assert secret not in str(caught.value).replace("whsec_ and base64", "")


@pytest.mark.parametrize("url", ["ftp://h/", "http:///nowhere", "not a url", "http://h:99999/", "https://[::1/"])
def test_a_url_that_leads_nowhere_is_told_at_the_start_and_not_quoted(url: str) -> None:
    with pytest.raises(ConfigError, match="no http") as caught:
        check(channel(url))
    assert url not in str(caught.value)


def test_a_good_channel_passes(secret: str) -> None:
    check(channel("https://desk.example/hook", secret))
    check(channel("http://10.0.0.1:8080/hook"))


def test_while_secrets_rotate_each_of_them_verifies(receiver: Callable[..., Any], secret: str) -> None:
    desk, new = receiver(), "whsec_" + base64.b64encode(b"twenty-four new letters.").decode()
    rotating = WebhookChannel(
        name="desk", url=SecretStr(desk.url), secret=SecretStr(new), retiring_secrets=(SecretStr(secret),)
    )
    send(of_alert(ALERT), rotating, settings=NotifySettings(allow_networks=LOOPBACK), now=datetime.now(tz=UTC))
    ((headers, body),) = desk.received
    assert len(headers["webhook-signature"].split()) == 2
    for known in (new, secret):
        assert Webhook(known).verify(body, headers)["type"] == "alert.created"
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + base64.b64encode(b"another one altogether..").decode()).verify(body, headers)


def test_an_update_has_an_id_of_its_own() -> None:
    first, update = (of_alert(ALERT.model_copy(update={"edition": n})) for n in (1, 2))
    assert (first.message_id, update.message_id) == (ALERT.alert_id, f"{ALERT.alert_id}.2")
    assert json.loads(payload(update))["type"] == "alert.updated"
