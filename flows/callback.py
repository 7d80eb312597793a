"""The one door that is open to the outside: where WebSub hubs verify subscriptions and say that there is news.

It believes nothing: an unknown path is 404, another host's name 421, a push counts only with its signature, and its
body is hashed as it comes and thrown away. One request a connection, within bounds of time, size and number.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

import h11
import structlog

from flows.feeds.state import States
from flows.feeds.subscriptions import at_path, ping, remember
from flows.feeds.websub import signature, verified
from schemas.errors import ConfigError, Unavailable

log = structlog.get_logger(__name__)

TOTAL_S = 20.0
"""For one request, from the connection to the answer."""

CONNECTIONS = 64
"""At once; more are closed unanswered, and hubs try again."""

MAX_HEAD = 16_384
MAX_BODY = 16_000_000
"""Bytes."""


@dataclass(frozen=True)
class Answer:
    """A status and a few words."""

    status: int
    body: bytes = b""


class Refused(Exception):
    """The request is answered with this, and no more of it is read."""

    def __init__(self, status: int, reason: str) -> None:
        self.answer = Answer(status, reason.encode())
        super().__init__(reason)


@asynccontextmanager
async def listening(
    callback: str, listen: str, states: States, *, now: Callable[[], datetime], woken: asyncio.Event
) -> AsyncIterator[int]:
    """Answer hubs at `listen` (host:port) under the public URL `callback`; the port. A ping sets `woken`.

    Raises ConfigError when it can't listen there.
    """
    door = _Door(callback, states, now=now, woken=woken)
    host, _, port = listen.rpartition(":")
    try:
        server = await asyncio.start_server(door.answer, host.strip("[]"), int(port), limit=MAX_HEAD)
    except (OSError, ValueError) as error:
        raise ConfigError("poll.websub_listen", f"can't listen at {listen}: {error}") from None
    async with server:
        opened: int = server.sockets[0].getsockname()[1]
        log.info("websub.listening", at=listen, port=opened, callback=callback)
        yield opened
        server.close()
        await door.close()


class _Door:
    def __init__(self, callback: str, states: States, *, now: Callable[[], datetime], woken: asyncio.Event) -> None:
        parts = urlsplit(callback)
        self._hosts = {parts.netloc.lower(), f"{parts.hostname}:{443 if parts.scheme == 'https' else 80}"}
        self._base = parts.path.rstrip("/")
        self._states, self._now, self._woken = states, now, woken
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        task = asyncio.current_task()
        if task is None or len(self._tasks) >= CONNECTIONS:
            writer.close()
            return
        self._tasks.add(task)
        try:
            with suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
                async with asyncio.timeout(TOTAL_S):
                    await self._exchange(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = _Wire(reader, writer)
        try:
            answer = await self._decide(wire)
        except Refused as refused:
            answer = refused.answer
        except h11.RemoteProtocolError as error:
            answer = Answer(error.error_status_hint, b"not HTTP")
        except Unavailable as error:
            log.warning("websub.unavailable", reason=error.reason)
            answer = Answer(503, b"try again")
        await wire.send(answer)

    async def _decide(self, wire: "_Wire") -> Answer:
        request = await wire.event()
        if not isinstance(request, h11.Request):
            raise Refused(400, "no request")
        headers = {name: value.decode("latin-1") for name, value in request.headers}
        if headers.get(b"host", "").lower() not in self._hosts:
            raise Refused(421, "this host is not served here")
        target = urlsplit(request.target.decode("latin-1"))
        head, _, path = target.path.rpartition("/")
        found = at_path(self._states, path) if head in {self._base, ""} else None
        if found is None:
            raise Refused(404, "nothing is subscribed here")
        if request.method == b"GET":
            try:
                query = dict(parse_qsl(target.query, max_num_fields=30))
            except ValueError:
                raise Refused(400, "too many fields") from None
            outcome = verified(found, query, now=self._now())
            if outcome is None:
                log.warning("websub.unasked", feed=found.feed, mode=query.get("hub.mode", "")[:40])
                raise Refused(404, "that was not asked for")
            after, said = outcome
            remember(self._states, after)
            log.info("websub.verified", feed=found.feed, mode=query["hub.mode"], until=str(after.until))
            return Answer(200, said.encode("utf-8", "replace"))
        if request.method != b"POST":
            raise Refused(405, "GET or POST")
        if found.until is None:
            raise Refused(404, "nothing is subscribed here")
        signed = signature(found, headers.get(b"x-hub-signature", ""))
        if signed is None:
            raise Refused(403, "no signature")
        mac, claimed = signed
        await wire.hash_body(mac)
        if not hmac.compare_digest(mac.hexdigest(), claimed):
            log.warning("websub.forged", feed=found.feed)
            raise Refused(403, "the signature does not match")
        ping(self._states, found.feed, now=self._now())
        self._woken.set()
        log.info("websub.pinged", feed=found.feed)
        return Answer(202)


class _Wire:
    """One HTTP/1.1 connection, as its server sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)

    async def event(self) -> object:
        """What comes next. Raises h11.RemoteProtocolError."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                await self._write(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self._reader.read(MAX_HEAD))
        return event

    async def hash_body(self, mac: hmac.HMAC) -> None:
        """Read the body into the hash and nowhere else. Raises Refused."""
        size = 0
        while isinstance(event := await self.event(), h11.Data):
            size += len(event.data)
            if size > MAX_BODY:
                raise Refused(413, "too long")
            mac.update(event.data)
        if not isinstance(event, h11.EndOfMessage):
            raise Refused(400, "cut short")

    async def send(self, answer: Answer) -> None:
        """Answer, and say that the connection ends."""
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("X-Content-Type-Options", "nosniff"),
            ("Content-Length", str(len(answer.body))),
            ("Connection", "close"),
        ]
        await self._write(h11.Response(status_code=answer.status, headers=headers))
        await self._write(h11.Data(data=answer.body))
        await self._write(h11.EndOfMessage())

    async def _write(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._writer.write(data)
            await self._writer.drain()
