"""One conditional GET within limits, redirects followed by hand: the only HTTP client that goes out for sources.

HTTP semantics: RFC 9110; caching hints: RFC 9111; 410, 429 and 503 as their servers mean them.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpcore
import httpx

from flows.feeds.guard import AddressRefused, GuardedBackend, GuardedTransport, Resolver
from flows.feeds.hints import freshness_s, hub_of
from flows.feeds.interval import Hints
from flows.feeds.limits import ACCEPTED, Damaged, LimitExceeded, Limits, read
from schemas.errors import FetchFailed, FetchRefused
from schemas.feed import Feed, FeedState, Transport
from schemas.settings import PollSettings
from schemas.watch import Hub

FEED_TYPES = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"
PAGE_TYPES = "text/html, application/xhtml+xml;q=0.9"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
FOR_GOOD = frozenset({301, 308})
DAY_S = 86_400.0

Permit = Callable[[str], Awaitable[None]]
"""Asked before each request, redirects included; raises FetchRefused or FetchFailed when the URL may not be read."""


@dataclass(frozen=True)
class Fetched:
    """A new body; `url` is where it was found, after redirects, `moved` where permanent ones alone had led."""

    url: str
    body: bytes
    content_type: str | None
    wire_bytes: int
    body_hash: str
    etag: str | None
    last_modified: str | None
    hints: Hints
    moved: str | None = None
    hub: Hub | None = None


@dataclass(frozen=True)
class Unchanged:
    """Nothing new: a 304, or the same bytes again; the validators to send next time."""

    wire_bytes: int
    etag: str | None
    last_modified: str | None
    hints: Hints
    moved: str | None = None


@dataclass(frozen=True)
class Gone:
    """410: the server asks not to be asked again."""


@dataclass(frozen=True)
class Page:
    """An article's page as it came; `url` is where it was found, after redirects."""

    url: str
    body: bytes
    content_type: str | None
    wire_bytes: int


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `url` is where it was found, after redirects. Only a 200 has its body read."""

    status: int
    url: str
    headers: httpx.Headers
    body: bytes
    wire_bytes: int
    moved: str | None = None


def open_client(poll: PollSettings, *, resolve: Resolver | None = None) -> httpx.AsyncClient:
    """The client that every fetch goes through: guarded, without cookies, proxies or the environment."""
    backend = GuardedBackend(poll.allow_networks, resolve=resolve)
    client = httpx.AsyncClient(
        transport=GuardedTransport(backend),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(poll.total_s, connect=poll.connect_s),
        headers={"User-Agent": user_agent(poll.contact), "Accept-Encoding": ACCEPTED},
    )
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client


def user_agent(contact: str) -> str:
    """Who we say we are: `Vigia/0.1.0 (+https://example.org/contact)`."""
    name = f"Vigia/{version('vigia-news')}"
    said = re.sub(r"[^\x20-\x7e]", "", contact).strip()
    return f"{name} (+{said})" if said else name


async def fetch(
    feed: Feed, state: FeedState, *, client: httpx.AsyncClient, limits: Limits
) -> Fetched | Unchanged | Gone:
    """Ask for the feed, if it changed since `state`.

    Raises FetchRefused when the address guard or a limit says no, FetchFailed when network or server fail.
    """
    wanted = {"Accept": PAGE_TYPES if feed.transport is Transport.LISTING else FEED_TYPES}
    if state.etag:
        wanted["If-None-Match"] = state.etag
    if state.last_modified:
        wanted["If-Modified-Since"] = state.last_modified
    answer = await _get(feed.id, feed.url, wanted, client=client, limits=limits)
    etag, last_modified = _plain(answer.headers.get("etag")), _plain(answer.headers.get("last-modified"))
    hints = Hints(max_age_s=freshness_s(answer.headers))
    match answer.status:
        case 200:
            body_hash = hashlib.sha256(answer.body).hexdigest()
            if body_hash == state.body_hash:
                return Unchanged(answer.wire_bytes, etag, last_modified, hints, answer.moved)
            return Fetched(
                url=answer.url,
                body=answer.body,
                content_type=answer.headers.get("content-type"),
                wire_bytes=answer.wire_bytes,
                body_hash=body_hash,
                etag=etag,
                last_modified=last_modified,
                hints=hints,
                moved=answer.moved,
                hub=hub_of(answer.headers.get_list("link"), base=answer.url),
            )
        case 304 if state.etag or state.last_modified:
            kept = (etag or state.etag, last_modified or state.last_modified)
            return Unchanged(answer.wire_bytes, *kept, hints, answer.moved)
        case 410:
            return Gone()
        case status:
            raise _failed(feed.id, answer.url, status, answer.headers)


async def fetch_page(
    feed: str, url: str, *, client: httpx.AsyncClient, limits: Limits, permit: Permit | None = None
) -> Page:
    """Read an article's page for the feed with that id; only HTML is read. Raises FetchRefused and FetchFailed."""
    wanted = {"Accept": PAGE_TYPES}
    answer = await _get(feed, url, wanted, client=client, limits=limits, only=("html",), permit=permit)
    if answer.status != 200:
        raise _failed(feed, answer.url, answer.status, answer.headers)
    return Page(answer.url, answer.body, answer.headers.get("content-type"), answer.wire_bytes)


async def fetch_small(feed: str, url: str, *, client: httpx.AsyncClient, limits: Limits, accept: str = "*/*") -> Answer:
    """Whatever answers at the URL, of whatever status. Raises FetchRefused and FetchFailed."""
    return await _get(feed, url, {"Accept": accept}, client=client, limits=limits)


async def send_form(feed: str, url: str, form: Mapping[str, str], *, client: httpx.AsyncClient, limits: Limits) -> int:
    """POST a form, of which no redirect is followed; the answer's status. Raises FetchRefused and FetchFailed."""
    async with _in_time(feed, url, limits):
        response = await client.send(_request(feed, url, {}, client, form=form), stream=True)
        await response.aclose()
    return response.status_code


async def lead(feed: str, url: str, *, client: httpx.AsyncClient, limits: Limits) -> str | None:
    """Where the URL redirects to, which is not asked; None when it doesn't. Raises FetchRefused and FetchFailed."""
    async with _in_time(feed, url, limits):
        response = await client.send(_request(feed, url, {"Accept": PAGE_TYPES}, client), stream=True)
        try:
            target = response.headers.get("location")
            if response.status_code in REDIRECTS and target:
                return _joined(feed, url, target)
            if response.status_code == 429 or response.status_code >= 500:
                raise _failed(feed, url, response.status_code, response.headers)
            return None
        finally:
            await response.aclose()
    return None


def shown(url: str) -> str:
    """The URL as it may be logged: without user name and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.split("@")[-1][:200]
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))[:500]


async def _get(
    feed: str,
    url: str,
    headers: Mapping[str, str],
    *,
    client: httpx.AsyncClient,
    limits: Limits,
    only: Sequence[str] = (),
    permit: Permit | None = None,
) -> Answer:
    async with _in_time(feed, url, limits):
        return await _follow(feed, url, headers, client=client, limits=limits, only=only, permit=permit)


@asynccontextmanager
async def _in_time(feed: str, url: str, limits: Limits) -> AsyncIterator[None]:
    """Every failure of a request under its name, its time included."""
    started = time.monotonic()
    try:
        async with asyncio.timeout(limits.total_s):
            yield
    except AddressRefused as error:
        raise FetchRefused(feed, shown(url), str(error)) from None
    except LimitExceeded as error:
        raise FetchRefused(feed, shown(url), str(error)) from None
    except httpx.InvalidURL as error:
        # httpx makes the next request of a redirect even when told not to follow it
        raise FetchRefused(feed, shown(url), f"redirects to what is not a URL: {error}"[:300]) from None
    except Damaged as error:
        raise FetchFailed(feed, shown(url), str(error)) from None
    except (TimeoutError, httpcore.TimeoutException, httpx.TimeoutException):
        took = time.monotonic() - started
        raise FetchFailed(feed, shown(url), f"no whole answer within {took:.1f} s") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpx.TransportError) as error:
        raise FetchFailed(feed, shown(url), f"{type(error).__name__}: {error}"[:300]) from None


async def _follow(
    feed: str,
    url: str,
    headers: Mapping[str, str],
    *,
    client: httpx.AsyncClient,
    limits: Limits,
    only: Sequence[str],
    permit: Permit | None,
) -> Answer:
    moved, for_good = None, True
    for _ in range(limits.hops + 1):
        if permit is not None and url.lower().startswith(("http://", "https://")):
            await permit(url)
        request = _request(feed, url, headers, client)
        response = await client.send(request, stream=True)
        try:
            target = response.headers.get("location")
            if response.status_code in REDIRECTS and target:
                # its body stays unread: it may be a bomb, and says nothing that we need
                url = _joined(feed, url, target)
                for_good = for_good and response.status_code in FOR_GOOD
                moved = url if for_good else moved
                continue
            body, wire_bytes = b"", 0
            if response.status_code == 200:
                _expect(feed, url, response.headers, limits, only)
                encoding = response.headers.get("content-encoding", "")
                body, wire_bytes = await read(response.aiter_raw(), encoding, limits)
            elif response.status_code == 304:
                # it has no body; only an answer read to its end leaves its connection for the next
                await read(response.aiter_raw(), "", limits)
            return Answer(response.status_code, url, response.headers, body, wire_bytes, moved)
        finally:
            await response.aclose()
    raise FetchRefused(feed, shown(url), f"redirected over {limits.hops} times")


def _request(
    feed: str,
    url: str,
    headers: Mapping[str, str],
    client: httpx.AsyncClient,
    form: Mapping[str, str] | None = None,
) -> httpx.Request:
    try:
        scheme = urlsplit(url).scheme.lower()
        if scheme not in {"http", "https"}:
            raise FetchRefused(feed, shown(url), f"the scheme {scheme[:20]!r} is neither http nor https")
        method = "GET" if form is None else "POST"
        request = client.build_request(method, url, headers=dict(headers), data=form)
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchRefused(feed, shown(url), f"is not a URL: {error}"[:300]) from None
    if not request.url.host:
        raise FetchRefused(feed, shown(url), "the URL has no host")
    return request


def _joined(feed: str, url: str, target: str) -> str:
    try:
        return urljoin(url, target)
    except ValueError:
        raise FetchRefused(feed, shown(url), "redirects to what is not a URL") from None


def _expect(feed: str, url: str, headers: httpx.Headers, limits: Limits, only: Sequence[str]) -> None:
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limits.wire_bytes:
        raise LimitExceeded(f"the body is over {limits.wire_bytes} bytes on the wire")
    content_type = headers.get("content-type", "").lower()
    if only and not any(kind in content_type for kind in only):
        raise FetchRefused(feed, shown(url), f"is {content_type[:80] or 'of no stated type'}, not a page")


def _failed(feed: str, url: str, status: int, headers: httpx.Headers) -> FetchFailed:
    return FetchFailed(feed, shown(url), f"answered {status}", after=_retry_after(headers), status=status)


def _plain(value: str | None) -> str | None:
    """A validator that may be sent back: printable, of reasonable length."""
    return value if value and len(value) <= 500 and value.isascii() and value.isprintable() else None


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait, from a count or an HTTP date; a day at most."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isdecimal():
        return min(float(value[:9]), DAY_S)
    try:
        when = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(max((when - datetime.now(UTC)).total_seconds(), 0.0), DAY_S)
