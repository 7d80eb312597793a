"""Which addresses the HTTP client may connect to: a name is resolved once, checked whole, and connected as checked.

Guards against server-side request forgery (OWASP) and DNS rebinding: httpcore never resolves a name by itself here.
"""

import socket
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from time import monotonic

import anyio
import anyio.to_thread
import httpcore
import httpx

from schemas.addresses import refusal

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port -> its IP addresses, in the order to try them; raises OSError when there are none."""

RESOLVING_AT_ONCE = 128
"""The event loop's own resolver threads are few, so that a few slow names would hold up every other one."""

KEPT_S = 5.0
"""How long a connection that nobody uses is kept."""

KEPT_A_HOST = 2
HOSTS_KEPT = 256
"""Connections kept, at one host, and hosts that they are kept at."""


class AddressRefused(Exception):
    """A host's address may not be connected to; the fetch that asked turns it into a FetchRefused."""

    def __init__(self, host: str, address: str, reason: str) -> None:
        self.host, self.address, self.reason = host, address, reason
        super().__init__(f"{host} resolves to {address}: {reason}")


def _is_address(host: str) -> bool:
    """Whether the host is an IP address already, in its one usual form: there is nothing to look up."""
    try:
        return str(ip_address(host)) == host
    except ValueError:
        return False


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only, and to those in `allowed` (networks such as `127.0.0.1/32`).

    A host with one address that is refused is refused whole: a name that answers with both a public and a private
    address is an attack, not a convenience.
    """

    def __init__(self, allowed: Sequence[str] = (), *, resolve: Resolver | None = None) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolve or resolver()
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109, httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check every address, connect to the first that answers. Raises AddressRefused."""
        deadline = monotonic() + (timeout if timeout is not None else 60.0)
        try:
            with anyio.fail_after(deadline - monotonic()):
                addresses = await self._resolve(host, port)
        except TimeoutError:
            raise httpcore.ConnectTimeout(f"{host} did not resolve in time") from None
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} does not resolve: {error}") from None
        for address in addresses:
            reason = refusal(address, self._allowed)
            if reason is not None:
                raise AddressRefused(host, address, reason)
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            try:
                return await self._network.connect_tcp(
                    address,
                    port,
                    timeout=max(0.01, (deadline - monotonic()) / left),
                    local_address=local_address,
                    socket_options=socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109, httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refused: no source lives on a Unix socket."""
        raise AddressRefused(path, path, "is a Unix socket")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await anyio.sleep(seconds)


def resolver() -> Resolver:
    """The system's resolver, in threads of its own that a cancelled fetch leaves behind."""
    limiter: anyio.CapacityLimiter | None = None

    async def resolve(host: str, port: int) -> list[str]:
        nonlocal limiter
        if _is_address(host):
            return [host]
        limiter = limiter or anyio.CapacityLimiter(RESOLVING_AT_ONCE)
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await anyio.to_thread.run_sync(look_up, abandon_on_cancel=True, limiter=limiter)
        return list(dict.fromkeys(str(info[4][0]) for info in found))

    return resolve


@dataclass
class _Host:
    """A host's own pool of connections; `users` are answers whose body is not read to its end yet."""

    pool: httpcore.AsyncConnectionPool
    users: int = 0
    used_at: float = 0.0


class GuardedTransport(httpx.AsyncBaseTransport):
    """httpx over connections that all go through `backend`; no proxy, no environment.

    Every host has a pool of its own, since httpcore's looks at all of its connections for each request: with a hundred
    of them that costs more than the request does. `hosts` is how many keep idle connections, for KEPT_S at the most
    while others are asked. httpcore's exceptions pass through as they are.
    """

    def __init__(self, backend: httpcore.AsyncNetworkBackend, *, hosts: int = HOSTS_KEPT) -> None:
        self._backend, self._most = backend, hosts
        self._ssl = httpx.create_ssl_context(trust_env=False)
        self._hosts: OrderedDict[tuple[bytes, bytes, int | None], _Host] = OrderedDict()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request, one answer; the body is left on the wire."""
        url = request.url
        host = self._host((url.raw_scheme, url.raw_host, url.port))
        host.users += 1
        try:
            await self._let_go()
            answer = await host.pool.handle_async_request(
                httpcore.Request(
                    method=request.method,
                    url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                    headers=request.headers.raw,
                    content=request.stream if request.method == "POST" else None,
                    extensions=request.extensions,
                )
            )
        except BaseException:
            self._left(host)
            raise
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer, partial(self._left, host)),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        hosts = list(self._hosts.values())
        self._hosts.clear()
        for host in hosts:
            await host.pool.aclose()

    def _host(self, key: tuple[bytes, bytes, int | None]) -> _Host:
        found = self._hosts.get(key)
        if found is None:
            pool = httpcore.AsyncConnectionPool(
                ssl_context=self._ssl,
                max_connections=None,
                max_keepalive_connections=KEPT_A_HOST,
                keepalive_expiry=KEPT_S,
                http1=True,
                http2=True,
                network_backend=self._backend,
            )
            found = self._hosts[key] = _Host(pool)
        found.used_at = monotonic()
        self._hosts.move_to_end(key)
        return found

    def _left(self, host: _Host) -> None:
        host.users -= 1
        host.used_at = monotonic()

    async def _let_go(self) -> None:
        """Close the connections of hosts that were not asked for long, and of the most that are too many."""
        before = monotonic() - KEPT_S
        unused: list[tuple[bytes, bytes, int | None]] = []
        for key, host in self._hosts.items():
            if len(self._hosts) - len(unused) <= self._most and host.used_at > before:
                break
            if host.users == 0:
                unused.append(key)
        for pool in [self._hosts.pop(key).pool for key in unused]:
            await pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response, left: Callable[[], None]) -> None:
        self._answer, self._left = answer, left
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._answer.aiter_stream():
            yield part

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            try:
                await self._answer.aclose()
            finally:
                self._left()
