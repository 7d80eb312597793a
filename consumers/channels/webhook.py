"""A signed POST after Standard Webhooks (https://www.standardwebhooks.com), to addresses that may be connected to."""

import json
import socket
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import httpcore
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from consumers.channels.escape import plain
from schemas.addresses import refusal
from schemas.alert import Alert
from schemas.errors import ConfigError, DeliveryRefused, Unavailable
from schemas.ops import OpsAlert
from schemas.settings import ChannelSettings

AGAIN = frozenset({408, 409, 425, 429})
"""Answers besides 5xx that another try may change."""

SocketOption: TypeAlias = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


def check(channel: ChannelSettings) -> None:
    """Raise ConfigError when the channel's URL leads nowhere or its secret can't sign; neither is quoted."""
    where = f"notify.channels, {channel.name}"
    try:
        url = urlsplit(channel.url.get_secret_value())
        usable = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(where, "url is no http(s) address", remedy="Write it as https://host/path")
    if channel.secret is None:
        return
    try:
        Webhook(channel.secret.get_secret_value())
    except (ValueError, EmptyWebhookSecretError):
        raise ConfigError(where, "secret is not base64", remedy="Write it as whsec_ and base64") from None


def payload(alert: Alert) -> bytes:
    """What a receiver gets, as JSON: `type`, `timestamp` and `data`, whose texts are single inert lines."""
    data = alert.model_dump(mode="json", exclude={"handover", "channels", "schema_version"})
    data["title"] = plain(alert.title)
    data["outlet"] = plain(alert.outlet)
    for sentence in data["evidence"]:
        sentence["text"] = plain(sentence["text"])
        sentence["speaker"] = plain(sentence["speaker"]) if sentence["speaker"] else None
    created = datetime.fromtimestamp(alert.created_at_ms / 1000, tz=UTC)
    return json.dumps(
        {"type": "alert.created", "timestamp": created.isoformat(), "data": data}, ensure_ascii=False
    ).encode()


def ops_payload(alert: OpsAlert) -> bytes:
    """What a receiver gets of an ops alert: `type` is `ops.begun` or `ops.ended`."""
    data = alert.model_dump(mode="json", exclude={"schema_version"})
    data |= {name: plain(data[name]) for name in ("source", "evidence", "remedy")}
    told = alert.ended_at or alert.since
    kind = "ops.begun" if alert.ended_at is None else "ops.ended"
    return json.dumps({"type": kind, "timestamp": told.isoformat(), "data": data}, ensure_ascii=False).encode()


def send(alert: Alert, channel: ChannelSettings, *, timeout_s: float, allowed: Sequence[str], now: datetime) -> None:
    """POST the alert as `post` does, under its own id."""
    post(alert.alert_id, payload(alert), channel, timeout_s=timeout_s, allowed=allowed, now=now)


def post(
    id_: str, body: bytes, channel: ChannelSettings, *, timeout_s: float, allowed: Sequence[str], now: datetime
) -> None:
    """POST the body; `webhook-id` is the id on every try, so that the receiver can drop a repeat.

    Returns on a 2xx. Raises Unavailable when another try may help (no connection, timeout, 429, 5xx) and
    DeliveryRefused when it won't: an address that may not be connected to, a redirect, another 4xx.
    """
    headers: dict[bytes | str, bytes | str] = {
        "content-type": "application/json",
        "user-agent": "Vigia",
        "webhook-id": id_,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    if channel.secret is not None:
        signer = Webhook(channel.secret.get_secret_value())
        headers["webhook-signature"] = signer.sign(id_, now, body.decode())
    backend = _Guarded(channel.name, allowed, deadline=time.monotonic() + timeout_s)
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)
    try:
        with (
            httpcore.ConnectionPool(network_backend=backend, max_connections=1) as pool,
            pool.stream(
                "POST",
                channel.url.get_secret_value(),
                headers=headers | {"content-length": str(len(body))},
                content=body,
                extensions={"timeout": timeouts},
            ) as response,
        ):
            status = response.status
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.RemoteProtocolError) as error:
        raise Unavailable(f"channel {channel.name}", type(error).__name__) from error
    except (httpcore.UnsupportedProtocol, httpcore.LocalProtocolError, ValueError) as error:
        # the error's own text may quote the URL, which may hold a token
        raise DeliveryRefused(channel.name, f"its URL can't be used ({type(error).__name__})") from None
    if 200 <= status < 300:
        return
    if status in AGAIN or status >= 500:
        raise Unavailable(f"channel {channel.name}", f"answered {status}")
    raise DeliveryRefused(channel.name, f"answered {status}")


class _Guarded(httpcore.NetworkBackend):
    """Resolves a name once, has every address checked, and connects to the very address that was checked."""

    def __init__(self, channel: str, allowed: Sequence[str], *, deadline: float) -> None:
        self._channel, self._allowed, self._deadline = channel, allowed, deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise httpcore.ConnectError(f"no address: {error}") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if (reason := refusal(address, self._allowed)) is not None:
                raise DeliveryRefused(self._channel, f"its address is {reason}; see notify.allow_networks")
        for address in addresses[:-1]:
            try:
                return self._connect(address, port, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._connect(addresses[-1], port, local_address, socket_options)

    def _connect(
        self, address: str, port: int, local_address: str | None, options: Iterable[SocketOption] | None
    ) -> httpcore.NetworkStream:
        stream = self._inner.connect_tcp(address, port, _left(self._deadline), local_address, options)
        return _Bounded(stream, self._deadline)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[SocketOption] | None = None
    ) -> httpcore.NetworkStream:
        raise DeliveryRefused(self._channel, "a Unix socket is no address of a webhook")

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


class _Bounded(httpcore.NetworkStream):
    """A stream whose every wait ends at one deadline: a receiver that drips bytes can't hold an alert for ever."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Bounded(self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the whole delivery took too long")
    return left
