"""One piece's way through the streams: a W3C `traceparent` in the headers of its messages. Pure but for chance.

https://www.w3.org/TR/trace-context/: version, trace id, the id of the step that wrote the header, flags. The trace id
is the same from the poll to the notification, so that one search in the logs shows all of it.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

TRACEPARENT = "traceparent"
"""The header's name."""

_VALUE = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Trace:
    """32 hexadecimal digits for the whole way, 16 for the step that is being made."""

    trace_id: str
    span_id: str

    def header(self) -> tuple[str, bytes]:
        """What a message of this step carries."""
        return TRACEPARENT, f"00-{self.trace_id}-{self.span_id}-01".encode()


def begin() -> Trace:
    """The first step of a new way."""
    return Trace(secrets.token_hex(16), secrets.token_hex(8))


def follow(headers: Iterable[tuple[str, bytes | None]]) -> Trace:
    """The next step after the one that wrote these headers; without a readable `traceparent` a new way begins."""
    for name, value in headers:
        if name == TRACEPARENT and (found := _VALUE.fullmatch(value or b"")):
            return Trace(found[1].decode(), secrets.token_hex(8))
    return begin()
