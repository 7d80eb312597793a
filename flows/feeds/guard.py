"""Which addresses the HTTP client may connect to: a name is resolved once, checked whole, and connected as checked.

Guards against server-side request forgery (OWASP) and DNS rebinding: httpcore never resolves a name by itself here.
"""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from functools import partial
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


class AddressRefused(Exception):
    """A host's address may not be connected to; the fetch that asked turns it into a FetchRefused."""

    def __init__(self, host: str, address: str, reason: str) -> None:
        self.host, self.address, self.reason = host, address, reason
        super().__init__(f"{host} resolves to {address}: {reason}")


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
        limiter = limiter or anyio.CapacityLimiter(RESOLVING_AT_ONCE)
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await anyio.to_thread.run_sync(look_up, abandon_on_cancel=True, limiter=limiter)
        return list(dict.fromkeys(str(info[4][0]) for info in found))

    return resolve


class GuardedTransport(httpx.AsyncBaseTransport):
    """httpx over a connection pool whose every connection goes through `backend`; no proxy, no environment.

    httpcore's exceptions pass through as they are.
    """

    def __init__(self, backend: httpcore.AsyncNetworkBackend, *, connections: int) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=5.0,
            http1=True,
            http2=True,
            network_backend=backend,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request, one answer; the body is left on the wire."""
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._answer.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._answer.aclose()
