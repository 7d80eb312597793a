"""Subscriptions at a hub that keeps to the W3C's Recommendation, and at those that don't."""

import asyncio
import hashlib
import hmac
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from flows.callback import listening
from flows.feeds.catalogue import load_feeds
from flows.feeds.health import report
from flows.feeds.state import States
from flows.feeds.subscriptions import at_path, pinged, remember, subscriptions
from flows.feeds.websub import asked, begin, form, is_due, verified
from flows.hubs import wanted
from flows.polling import PING_GAP, Poller, due
from schemas.feed import Feed, FeedState
from schemas.settings import Settings
from schemas.watch import Hub

if TYPE_CHECKING:
    from tests.flows.conftest import Desk, Site

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HUB = Hub(url="https://hub.example/", topic="https://news.example/feed")
DAY = timedelta(days=1)


@dataclass
class RealHub:
    """Takes subscriptions, verifies them at their callbacks, and pushes to those verified, signed."""

    url: str = ""
    status: int = 202
    asked: list[dict[str, str]] = field(default_factory=list)
    verified: dict[str, dict[str, str]] = field(default_factory=dict)

    def verify(self, request: dict[str, str]) -> None:
        query = {
            "hub.mode": request["hub.mode"],
            "hub.topic": request["hub.topic"],
            "hub.challenge": "a challenge & more",
            "hub.lease_seconds": "3600",
        }
        status, body = call(request["hub.callback"], query=query)
        if (status, body) == (200, b"a challenge & more"):
            self.verified[request["hub.topic"]] = request

    def push(self, topic: str, body: bytes, *, method: str = "sha256", secret: str | None = None) -> int:
        request = self.verified[topic]
        key = (secret or request["hub.secret"]).encode()
        signature = f"{method}={hmac.new(key, body, method).hexdigest()}"
        return call(request["hub.callback"], body=body, signature=signature)[0]


@pytest.fixture
def hub() -> Iterator[RealHub]:
    made = RealHub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            made.asked.append(request)
            self.send_response(made.status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            if made.status == 202:
                Thread(target=made.verify, args=(request,), daemon=True).start()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}/"
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


def call(
    url: str,
    *,
    query: dict[str, str] | None = None,
    body: bytes | None = None,
    signature: str | None = None,
    host: str | None = None,
    method: str | None = None,
) -> tuple[int, bytes]:
    """A GET, or a POST of the body."""
    parts = urlsplit(url)
    headers = {"Host": host or parts.netloc} | ({"X-Hub-Signature": signature} if signature else {})
    link = HTTPConnection("127.0.0.1", parts.port or 80, timeout=10)
    try:
        target = parts.path + (f"?{urlencode(query)}" if query else "")
        link.request(method or ("GET" if body is None else "POST"), target, body=body, headers=headers)
        answer = link.getresponse()
        return answer.status, answer.read()
    finally:
        link.close()


@pytest.fixture
def callback() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}/websub"


def with_callback(settings: Settings, callback: str) -> Settings:
    update = {"websub_callback": callback, "websub_listen": urlsplit(callback).netloc}
    return settings.model_copy(update={"poll": settings.poll.model_copy(update=update)})


@asynccontextmanager
async def polling(desk: "Desk", settings: Settings) -> AsyncIterator[Poller]:
    poll = settings.poll
    async with Poller(settings, stream=desk.stream, readers=desk.readers) as poller:
        where = poll.websub_callback or ""
        async with listening(
            where, poll.websub_listen, poller.states, now=lambda: datetime.now(UTC), woken=poller.woken
        ):
            yield poller


async def until(met: Callable[[], object]) -> None:
    for _ in range(400):
        if met():
            return
        await asyncio.sleep(0.05)
    raise TimeoutError


def earlier(desk: "Desk") -> None:
    """Let the source have been polled a minute ago."""
    with States(desk.settings.home) as states:
        state = states.load("one")
        assert state.last_polled_at is not None
        states.save(state.model_copy(update={"last_polled_at": state.last_polled_at - 4 * PING_GAP}), now=NOW)


def test_a_hub_that_pushes_makes_the_source_due_at_once_and_its_words_are_not_believed(
    desk: "Desk", hub: RealHub, callback: str
) -> None:
    topic = desk.site.url("/feed")
    desk.source("one", fetch_pages=False)
    link = f'<{hub.url}>; rel="hub", <{topic}>; rel="self"'
    desk.items(("/a", "A"), Link=link)
    settings = with_callback(desk.settings, callback)

    async def story() -> list[int]:
        statuses = []
        async with polling(desk, settings) as poller:
            assert await poller.start() == 1
            await poller.finish()
            await poller.renew()
            await until(lambda: hub.verified)
            await until(lambda: subscriptions(poller.states)["one"].until)
            (health,) = report(settings.home, load_feeds(settings.poll.feeds_file).feeds, now=datetime.now(UTC))
            assert health.push.startswith(f"pushed by {hub.url} until 20")
            # asked once, and not again while the lease lasts
            await poller.renew()
            assert (await poller.start(), len(hub.asked)) == (0, 1)
            desk.items(("/a", "A"), ("/b", "B"), Link=link)
            earlier(desk)
            push = (
                b"<rss><channel><item><title>Forged</title><link>http://127.0.0.1/forged</link></item></channel></rss>"
            )
            for secret in ("a guess", None):
                statuses.append(await asyncio.to_thread(hub.push, topic, push, secret=secret))
                statuses.append(await poller.start())
            await poller.finish()
            assert pinged(poller.states) == {}
            assert await poller.start() == 0
        return statuses

    assert desk.run(story()) == [403, 0, 202, 1]
    assert sorted(article.title for article in desk.published()) == ["A", "B"]
    (request,) = hub.asked
    assert request["hub.callback"].startswith(f"{callback}/")
    assert len(request["hub.secret"]) == 64


def test_a_hub_that_says_no_or_may_not_be_reached_is_named_and_asked_later(
    desk: "Desk", hub: RealHub, canary: "Site", callback: str
) -> None:
    hub.status = 422
    desk.source("one", fetch_pages=False)
    desk.source("two", "/two", fetch_pages=False)
    desk.items(("/a", "A"), Link=f"<{hub.url}>; rel=hub")
    # by another address of this machine, which is not allowed
    inside = f"http://127.0.0.2:{canary.port}/"
    desk.items(("/a", "A"), path="/two", Link=f"<{inside}>; rel=hub")

    async def story() -> dict[str, str]:
        async with polling(desk, with_callback(desk.settings, callback)) as poller:
            await poller.start()
            await poller.finish()
            for _ in range(2):
                await poller.renew()
                await until(lambda: sum(bool(one.trouble) for one in subscriptions(poller.states).values()) == 2)
            return {feed: one.trouble for feed, one in subscriptions(poller.states).items()}

    troubles = desk.run(story())
    assert troubles["one"] == "answered 422"
    assert "127.0.0.2" in troubles["two"]
    assert (len(hub.asked), canary.asked) == (1, [])


@pytest.fixture
def door(tmp_path: Path, callback: str) -> Callable[[Callable[[str, States], Any]], Any]:
    """Lets a function call the server as anybody could, with one subscription that waits for its hub."""

    def run(act: Callable[[str, States], Any]) -> Any:
        async def story() -> Any:
            with States(tmp_path) as states:
                remember(states, asked(begin("one", HUB), now=datetime.now(UTC)))
                woken = asyncio.Event()
                listen = urlsplit(callback).netloc
                async with listening(callback, listen, states, now=lambda: datetime.now(UTC), woken=woken):
                    found = await asyncio.to_thread(act, callback, states)
                    return found, woken.is_set()

        return asyncio.run(story())

    return run


def test_what_was_not_asked_for_is_not_there(door: Callable[..., Any]) -> None:
    def act(callback: str, states: States) -> list[int]:
        known = subscriptions(states)["one"]
        url, good = f"{callback}/{known.path}", {"hub.mode": "subscribe", "hub.topic": HUB.topic, "hub.challenge": "c"}
        answers = [
            call(f"{callback}/{'0' * 32}", query=good),
            call(f"{callback}/deep/{known.path}", query=good),
            call(callback, query=good),
            call(url),
            call(url, query=good | {"hub.topic": "https://news.example/other"}),
            call(url, query=good | {"hub.mode": "unsubscribe"}),
            call(url, query=good | {"hub.challenge": "c" * 3000}),
            call(url, query={str(number): "" for number in range(100)}),
            call(url, query=good, host="evil.example"),
            call(url, query=good, method="PUT"),
            # a push before the subscription stands
            call(url, body=b"x", signature="sha256=" + hmac.new(known.secret.encode(), b"x", "sha256").hexdigest()),
            call(url, query=good),
            # asked once, verified once
            call(url, query=good),
        ]
        return [status for status, _ in answers]

    assert door(act) == ([404, 404, 404, 404, 404, 404, 404, 400, 421, 405, 404, 200, 404], False)


def test_a_push_counts_with_its_signature_alone_and_within_its_bounds(
    door: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.callback.MAX_BODY", 100_000)

    def act(callback: str, states: States) -> list[int]:
        known = subscriptions(states)["one"]
        url = f"{callback}/{known.path}"
        call(url, query={"hub.mode": "subscribe", "hub.topic": HUB.topic, "hub.challenge": "c"})

        def push(body: bytes, method: str = "sha256", key: str = known.secret) -> int:
            signature = f"{method}={hmac.new(key.encode(), body, getattr(hashlib, method)).hexdigest()}"
            return call(url, body=body, signature=signature)[0]

        refused = [
            call(url, body=b"x")[0],
            call(url, body=b"x", signature="sha256=")[0],
            call(url, body=b"x", signature="md5=d41d8cd98f00b204e9800998ecf8427e")[0],
            call(url, body=b"x", signature="sha256=é")[0],
            push(b"x", key="guess"),
            push(b"x" * 100_001),
        ]
        assert pinged(states) == {}
        return [*refused, push(b"x" * 100_000), push(b"", "sha1"), push(b"y", "sha512")]

    assert door(act) == ([403, 403, 403, 403, 403, 413, 202, 202, 202], True)


def test_a_client_that_speaks_no_http_endlessly_or_not_at_all_ends_and_the_next_is_answered(
    door: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.callback.TOTAL_S", 0.5)
    monkeypatch.setattr("flows.callback.CONNECTIONS", 3)

    def act(callback: str, states: States) -> list[bytes]:
        address = ("127.0.0.1", urlsplit(callback).port or 0)
        heads = []
        for sent in (b"\x16\x03\x01 tls?\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000, b"GET /"):
            with socket.create_connection(address, timeout=5) as link:
                try:
                    link.sendall(sent)
                    heads.append(link.recv(12))
                except ConnectionError:
                    heads.append(b"reset")
        idle = [socket.create_connection(address, timeout=5) for _ in range(10)]
        # those over the bound are closed at once, the others when their time is over
        heads += [link.recv(12) for link in idle]
        for link in idle:
            link.close()
        known = subscriptions(states)["one"]
        query = {"hub.mode": "subscribe", "hub.topic": HUB.topic, "hub.challenge": "c"}
        return [*heads[:3], *heads[3:], call(f"{callback}/{known.path}", query=query)[1]]

    heads, _ = door(act)
    assert heads[0] == b"HTTP/1.1 400"
    assert heads[1] in {b"HTTP/1.1 431", b"HTTP/1.1 400", b"reset"}
    assert heads[2:-1] == [b""] * 11
    assert heads[-1] == b"c"


def test_a_lease_is_asked_for_anew_before_its_end_and_a_silent_hub_more_and_more_seldom() -> None:
    fresh = begin("one", HUB)
    assert is_due(fresh, now=NOW)
    sent = asked(fresh, now=NOW)
    assert not is_due(sent, now=NOW + timedelta(minutes=29))
    assert is_due(sent, now=NOW + timedelta(minutes=31))
    for _ in range(12):
        sent = asked(sent, now=NOW)
    assert (is_due(sent, now=NOW + DAY - timedelta(hours=1)), is_due(sent, now=NOW + DAY)) == (False, True)
    query = {"hub.mode": "subscribe", "hub.topic": HUB.topic, "hub.challenge": "c", "hub.lease_seconds": "864000"}
    stands, _ = verified(sent, query, now=NOW) or (sent, "")
    assert (stands.until, stands.tries) == (NOW + 10 * DAY, 0)
    assert (is_due(stands, now=NOW + 7 * DAY), is_due(stands, now=NOW + 8 * DAY)) == (False, True)
    forever = verified(sent, query | {"hub.lease_seconds": "9" * 40}, now=NOW)
    assert forever is not None
    assert forever[0].until == NOW + 30 * DAY
    denied = verified(stands, {"hub.mode": "denied", "hub.topic": HUB.topic, "hub.reason": "no"}, now=NOW)
    assert denied is not None
    assert (denied[0].until, denied[0].trouble) == (None, "denied: no")


def test_what_a_hub_is_asked_and_which_subscriptions_are_dropped() -> None:
    sent = form(begin("one", HUB), "https://vigia.example/websub/")
    assert sent["hub.callback"].startswith("https://vigia.example/websub/")
    assert "//" not in sent["hub.callback"].removeprefix("https://")
    assert (sent["hub.mode"], sent["hub.topic"]) == ("subscribe", HUB.topic)
    feeds = [Feed(id=name, url=f"https://{name}.example/", outlet=name, paused=name == "asleep") for name in FEEDS]
    states = {name: FeedState(feed=name, hub=None if name == "none" else HUB) for name in FEEDS}
    stands = asked(begin("one", HUB), now=NOW)
    held = {name: stands.model_copy(update={"feed": name}) for name in ("one", "asleep", "none", "removed")}
    held["moved"] = stands.model_copy(update={"feed": "moved", "hub": Hub(url="https://old.example/", topic="x")})
    ask, drop = wanted(feeds, states, held, now=NOW)
    assert [(one.feed, one.hub) for one in ask] == [("moved", HUB), ("new", HUB)]
    assert ask[0].path != held["moved"].path
    assert drop == ["asleep", "none", "removed"]


FEEDS = ("one", "asleep", "none", "moved", "new")


def test_pings_are_heeded_once_a_while_and_never_of_what_is_paused_or_gone(tmp_path: Path) -> None:
    feed = Feed(id="f", url="https://f.example/", outlet="F")
    state = FeedState(feed="f", last_polled_at=NOW, next_poll_at=NOW + timedelta(hours=1))
    moments = [NOW + PING_GAP / 2, NOW + PING_GAP]
    assert [due(feed, state, now=moment, pinged_at=NOW) for moment in moments] == [False, True]
    assert not due(feed, state, now=NOW + PING_GAP)
    assert not due(feed.model_copy(update={"paused": True}), state, now=NOW + PING_GAP, pinged_at=NOW)
    assert not due(feed, state.model_copy(update={"gone": True}), now=NOW + PING_GAP, pinged_at=NOW)
    with States(tmp_path) as states:
        remember(states, found := begin("f", HUB))
        assert at_path(states, found.path) == found
        assert at_path(states, "' OR 1=1") is None
