"""Connections to addresses that were checked, and a POST over them: whatever a channel sends leaves by here.

A name is resolved once, every address that it has is checked, and the connection goes to the very address that was
checked. No redirect is followed, no proxy of the environment is asked, and every wait ends at one deadline.
"""

import json
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import httpcore

from schemas.addresses import refusal
from schemas.errors import DeliveryRefused, Unavailable

AGAIN = frozenset({408, 409, 425, 429})
"""Answers besides 5xx that another try may change."""

ANSWER_BYTES = 4096
"""How much of an answer that is not a success is read."""

LONGEST_WAIT_S = 3600.0
"""A channel that asks for more than this is asked again after it."""

SocketOption: TypeAlias = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


@dataclass(frozen=True)
class Answer:
    """What a receiver said; `after` is how many seconds it asked to wait."""

    status: int
    after: float | None = None
    body: bytes = b""

    @property
    def good(self) -> bool:
        """Whether it took the message."""
        return 200 <= self.status < 300


def post(
    channel: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float,
    allowed: Sequence[str],
    now: datetime,
) -> Answer:
    """POST the body and return the answer, whatever its status.

    Raises Unavailable when there is none within `timeout_s` seconds, DeliveryRefused when the URL can't be used or
    leads to an address that may not be connected to. Neither quotes the URL, which may hold a token.
    """
    backend = _Guarded(channel, allowed, deadline=time.monotonic() + timeout_s)
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)
    sent = {"content-type": "application/json", "user-agent": "Vigia", "content-length": str(len(body)), **headers}
    fields = [(name.encode(), value.encode()) for name, value in sent.items()]
    try:
        with (
            httpcore.ConnectionPool(network_backend=backend, max_connections=1) as pool,
            pool.stream("POST", url, headers=fields, content=body, extensions={"timeout": timeouts}) as response,
        ):
            status = response.status
            answer_headers = {name.decode("latin-1").lower(): v.decode("latin-1") for name, v in response.headers}
            said = b"" if 200 <= status < 400 else _some(response)
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.RemoteProtocolError) as error:
        unsure = not isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout)
        raise Unavailable(f"channel {channel}", type(error).__name__, unsure=unsure) from error
    except (httpcore.UnsupportedProtocol, httpcore.LocalProtocolError, ValueError) as error:
        raise DeliveryRefused(channel, f"its URL can't be used ({type(error).__name__})") from None
    return Answer(status, wait_asked(answer_headers.get("retry-after"), said, now), said)


def judge(channel: str, answer: Answer) -> None:
    """Raise Unavailable for an answer that another try may change, DeliveryRefused for one that it won't."""
    if answer.good:
        return
    if answer.status in AGAIN or answer.status >= 500:
        raise Unavailable(f"channel {channel}", f"answered {answer.status}", after=answer.after)
    raise DeliveryRefused(channel, f"answered {answer.status}")


def wait_asked(header: str | None, body: bytes, now: datetime) -> float | None:
    """Seconds that a receiver asks to wait: Retry-After (RFC 9110), or `retry_after` as Discord and Telegram say it."""
    wait = _seconds(header, now) if header else None
    if wait is None and body:
        try:
            said = json.loads(body)
        except ValueError:
            return None
        if isinstance(said, dict):
            parameters = said.get("parameters")
            found = said.get("retry_after", parameters.get("retry_after") if isinstance(parameters, dict) else None)
            wait = float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None
    return None if wait is None or not wait >= 0 else min(wait, LONGEST_WAIT_S)


def _seconds(header: str, now: datetime) -> float | None:
    try:
        return float(header)
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _some(response: httpcore.Response) -> bytes:
    found = b""
    try:
        for piece in response.iter_stream():
            found += piece
            if len(found) >= ANSWER_BYTES:
                break
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.RemoteProtocolError):
        # the status has been said; its explanation is a courtesy
        return found[:ANSWER_BYTES]
    return found[:ANSWER_BYTES]


def checked(channel: str, host: str, port: int, allowed: Sequence[str]) -> list[str]:
    """The addresses of the host, all of which may be connected to.

    Raises OSError when it has none, DeliveryRefused when a single one of them may not be connected to.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise socket.gaierror(f"no host name: {error}") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        if (reason := refusal(address, allowed)) is not None:
            raise DeliveryRefused(channel, f"its address is {reason}; see notify.allow_networks")
    return addresses


class _Guarded(httpcore.NetworkBackend):
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
            addresses = checked(self._channel, host, port, self._allowed)
        except OSError as error:
            raise httpcore.ConnectError(f"no address: {error}") from error
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
        raise DeliveryRefused(self._channel, "a Unix socket is no address of a channel")

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
