"""How much one fetch may cost, and the readers that hold a body to it: bytes on the wire, expanded bytes, time, hops.

httpx's own decoders have no output limit, so bodies are decoded here, from the raw bytes, within a bound.
"""

import sys
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import brotli

from schemas.settings import PollSettings

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ACCEPTED = "gzip, deflate, br, zstd"
"""The encodings that `expand` undoes, as Accept-Encoding says it."""

STEP = 65536
"""Bytes decoded at a time."""

MEMBERS = 16
"""Members of one gzip or zstd body that are followed; thousands of tiny ones would only cost time."""

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZSTD_WINDOW_LOG = 23
"""8 MB, which is what RFC 9659 lets a server ask of us to remember; a frame that wants more does not decompress."""


class LimitExceeded(Exception):
    """A body is larger, or encoded otherwise, than a source may send."""


class Damaged(Exception):
    """A compressed body that does not decompress: cut short or spoilt on its way."""


@dataclass(frozen=True)
class Limits:
    """Of one fetch: seconds to connect and in all (redirects included), bytes on the wire and expanded, redirects."""

    connect_s: float = 10.0
    total_s: float = 30.0
    wire_bytes: int = 8_000_000
    body_bytes: int = 32_000_000
    hops: int = 5

    @classmethod
    def of(cls, poll: PollSettings) -> "Limits":
        """The limits that the settings state."""
        return cls(
            connect_s=poll.connect_s,
            total_s=poll.total_s,
            wire_bytes=poll.max_wire_bytes,
            body_bytes=poll.max_body_bytes,
        )


class _Decoder(Protocol):
    def step(self, data: bytes, room: int) -> bytes:
        """Decode up to `room` bytes; called with b"" for what is still pending."""

    def done(self) -> bool:
        """Whether the stream came to its end."""


class _Plain:
    def step(self, data: bytes, room: int) -> bytes:
        return data

    def done(self) -> bool:
        return True


class _Zlib:
    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._inner = zlib.decompressobj(31 if gzip else 15)
        self._started = False
        self._members = 1

    def step(self, data: bytes, room: int) -> bytes:
        data = self._inner.unconsumed_tail + data
        if self._inner.eof:
            # gzip may go on with another member; anything else after the end is padding
            data = self._inner.unused_data + data
            if not self._gzip or not data.startswith(b"\x1f\x8b"):
                return b""
            self._members += 1
            if self._members > MEMBERS:
                raise LimitExceeded(f"the gzip body has over {MEMBERS} members")
            self._inner = zlib.decompressobj(31)
        try:
            out = self._inner.decompress(data, room)
        except zlib.error:
            if self._gzip or self._started:
                raise
            # "deflate" means zlib by RFC 9110, yet some servers send it bare
            self._inner = zlib.decompressobj(-15)
            out = self._inner.decompress(data, room)
        self._started = True
        return out

    def done(self) -> bool:
        return self._inner.eof


class _Brotli:
    def __init__(self) -> None:
        self._inner = brotli.Decompressor()
        self._held = b""

    def step(self, data: bytes, room: int) -> bytes:
        self._held += data
        if self._inner.is_finished():
            return b""
        given = self._held if self._inner.can_accept_more_data() else b""
        if given:
            self._held = b""
        return bytes(self._inner.process(given, output_buffer_limit=room))

    def done(self) -> bool:
        return bool(self._inner.is_finished())


class _Zstd:
    def __init__(self) -> None:
        self._inner = self._new()
        self._members = 1

    def step(self, data: bytes, room: int) -> bytes:
        if self._inner.eof:
            # another frame may follow; anything else after the end is padding
            data = self._inner.unused_data + data
            if not data.startswith(ZSTD_MAGIC):
                return b""
            self._members += 1
            if self._members > MEMBERS:
                raise LimitExceeded(f"the zstd body has over {MEMBERS} members")
            self._inner = self._new()
        return self._inner.decompress(data, room)

    def done(self) -> bool:
        return self._inner.eof

    @staticmethod
    def _new() -> zstd.ZstdDecompressor:
        return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})


def decoder(encoding: str) -> _Decoder:
    """What undoes a Content-Encoding. Raises LimitExceeded for stacked and unknown ones."""
    names = [name for name in (part.strip().lower() for part in encoding.split(",")) if name not in {"", "identity"}]
    if len(names) > 1:
        raise LimitExceeded(f"encodings are stacked ({', '.join(names)[:100]})")
    match names[0] if names else "":
        case "":
            return _Plain()
        case "gzip" | "x-gzip":
            return _Zlib(gzip=True)
        case "deflate":
            return _Zlib(gzip=False)
        case "br":
            return _Brotli()
        case "zstd":
            return _Zstd()
        case other:
            raise LimitExceeded(f"encoding {other[:50]!r} was not asked for")


async def read(raw: AsyncIterator[bytes], encoding: str, limits: Limits) -> tuple[bytes, int]:
    """The body that `raw` carries, decoded, and its bytes on the wire. Raises LimitExceeded and Damaged."""
    unpack = decoder(encoding)
    body, wire = bytearray(), 0
    try:
        async for part in raw:
            wire += len(part)
            if wire > limits.wire_bytes:
                raise LimitExceeded(f"the body is over {limits.wire_bytes} bytes on the wire")
            data = part
            while True:
                out = unpack.step(data, STEP)
                data = b""
                body += out
                if len(body) > limits.body_bytes:
                    raise LimitExceeded(f"the body is over {limits.body_bytes} bytes once expanded")
                if not out or isinstance(unpack, _Plain):
                    break
    except (zlib.error, brotli.error, zstd.ZstdError) as error:
        raise Damaged(f"the {encoding} body does not decompress: {error}") from None
    if wire and not unpack.done():
        raise Damaged(f"the {encoding} body ends too early")
    return bytes(body), wire


def expanded(body: bytes, limit: int) -> bytes:
    """A body that may be a gzip file (`sitemap.xml.gz`), undone up to `limit` bytes. Raises LimitExceeded, Damaged."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    unpack, found, data = decoder("gzip"), bytearray(), body
    try:
        while out := unpack.step(data, STEP):
            data = b""
            found += out
            if len(found) > limit:
                raise LimitExceeded(f"the file is over {limit} bytes once expanded")
    except zlib.error as error:
        raise Damaged(f"the gzip file does not decompress: {error}") from None
    if not unpack.done():
        raise Damaged("the gzip file ends too early")
    return bytes(found)
