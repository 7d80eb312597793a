"""Text and links from outside made inert, whatever shows them; pure."""

import re
import unicodedata
from urllib.parse import quote, urlsplit

HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories that change how other text looks or is read: controls, bidi marks, zero-width, line ends."""

LINK_LIMIT = 2000
"""A longer link than this is no link of a news piece."""

SAFE_IN_LINK = "%/:?#@!$&*+,;=~-._"
"""What stays as it is: neither quotes, brackets, angles nor bars, which end a link in some channel's own marks."""


def plain(text: str, *, limit: int | None = None) -> str:
    """One line without controls, escape sequences, bidi or zero-width characters; cut to `limit` characters.

    Fit for a terminal, a log line, a mail subject, XML, and for a JSON field that somebody shows as it is.
    """
    spaced = "".join(" " if c.isspace() else c for c in text)
    shown = "".join(c for c in spaced if unicodedata.category(c) not in HIDDEN and not _unassignable(c))
    line = " ".join(shown.split())
    return line if limit is None or len(line) <= limit else line[: max(limit - 1, 0)] + "…"


def web_link(url: str) -> str | None:
    """The URL as it may stand in a message: http(s) with a host and no credentials, unsafe characters encoded.

    None for anything else: `javascript:`, `data:`, a user name that poses as a host.
    """
    text = plain(url)
    if len(text) > LINK_LIMIT or not re.match(r"https?://[^/]", text, re.IGNORECASE):
        return None
    try:
        parts = urlsplit(text)
        if not parts.hostname or "@" in parts.netloc or "\\" in parts.netloc or parts.port == 0:
            return None
    except ValueError:
        return None
    # an IPv6 host keeps its brackets, nothing else does
    rest = text[len(parts.scheme) + 3 + len(parts.netloc) :]
    host = quote(parts.netloc, safe=SAFE_IN_LINK + "[]") if parts.netloc.isascii() else _ascii(parts.netloc)
    return None if host is None else f"{parts.scheme.lower()}://{host}{quote(rest, safe=SAFE_IN_LINK)}"


def _ascii(netloc: str) -> str | None:
    host, colon, port = netloc.partition(":")
    try:
        return host.encode("idna").decode() + colon + port
    except UnicodeError:
        return None


def _unassignable(c: str) -> bool:
    """Whether it is one of the 66 noncharacters, which XML and some receivers refuse."""
    return 0xFDD0 <= ord(c) <= 0xFDEF or ord(c) & 0xFFFE == 0xFFFE
