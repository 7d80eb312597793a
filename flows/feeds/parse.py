"""A feed's bytes to Parsed: the only caller of feedparser; pure, and run in a process that can be killed.

feedparser opens what it is given when that looks like a path or a URL; `io.BytesIO` alone is inert. Its own sanitizer
is off, since every field becomes plain text here.
"""

import calendar
import io
import re
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import feedparser

from flows.feeds import dates
from flows.feeds.entry import Broken, Entry, Parsed
from flows.feeds.hints import hub_among, update_s
from flows.feeds.jsonfeed import is_json, parse_json
from flows.feeds.plain import line, paragraphs
from flows.feeds.thin import thin
from schemas.errors import FeedUnreadable

SURROGATE = re.compile(
    rb"&#(?:[xX]0{0,6}[dD][89a-fA-F][0-9a-fA-F]{2}|0{0,6}5(?:529[6-9]|5[3-9]\d\d|6\d{3}|7(?:[0-2]\d\d|3[0-3]\d|34[0-3])));?"
)
"""A reference to half a character, on which feedparser gives the whole feed up."""

MAX_ENTRIES = 5000
MAX_TITLE = 2000
MAX_SUMMARY = 20_000
MAX_CONTENT = 400_000
OLDER = ("prev-archive", "next", "previous", "prev")
"""What a feed calls the link to its earlier documents (RFC 5005), the surest first; some say `previous` for `next`."""


def parse(body: bytes, content_type: str | None, *, feed: str, base: str, known: Collection[str] = ()) -> Parsed:
    """The feed in `body`, which came from the URL `base` for the feed with that id. Raises FeedUnreadable only.

    An entry that can't be read is kept in `broken` with its reason while the rest go on. One whose mark is `known` may
    be left unread.
    """
    if is_json(body):
        return parse_json(body, feed=feed, base=base)
    body = SURROGATE.sub(b"&#xFFFD;", body) if b"&#" in body else body
    left = thin(body, content_type, base=base, known=known)
    headers = {"content-location": base} | ({"content-type": content_type} if content_type else {})
    try:
        found = feedparser.parse(
            io.BytesIO(left.body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False
        )
    except Exception as error:  # noqa: BLE001, feedparser leaks what its many parsers raise on hostile bytes
        raise FeedUnreadable(feed, base, _named(error), excerpt=body) from None
    if not found.get("version") and not found["entries"]:
        reason = found.get("bozo_exception")
        raise FeedUnreadable(feed, base, _named(reason) if reason else "is not a feed", excerpt=body)
    marks = left.marks if len(left.marks) == len(found["entries"]) else ("",) * len(found["entries"])
    entries: list[Entry] = []
    broken: list[Broken] = []
    for position, (raw, mark) in enumerate(zip(found["entries"][:MAX_ENTRIES], marks, strict=False)):
        try:
            entries.append(_entry(raw, base).model_copy(update={"mark": mark}))
        except Exception as error:  # noqa: BLE001, one entry's failure must not take the others along
            broken.append(Broken(position=position, reason=_named(error)))
    head: Mapping[str, Any] = found["feed"]
    return Parsed(
        title=line(_text(head.get("title")), limit=200),
        language=_language(_text(head.get("language"))),
        ttl_s=_minutes(_text(head.get("ttl"))),
        update_s=update_s(_text(head.get("sy_updateperiod")), _text(head.get("sy_updatefrequency"))),
        hub=hub_among(((_text(link.get("rel")), link.get("href")) for link in _items(head.get("links"))), base=base),
        entries=tuple(entries),
        broken=tuple(broken),
        dropped=max(0, len(found["entries"]) - MAX_ENTRIES),
        same=left.same,
        older=_older(_items(head.get("links")), base) or _next_page(_text(head.get("generator")), base),
    )


def _entry(raw: Mapping[str, Any], base: str) -> Entry:
    # a FeedParserDict answers for a missing key with a neighbour's value: read it as the plain dict it is
    entry = dict(raw.items())
    contents = [_text(part.get("value")) for part in _items(entry.get("content"))]
    return Entry(
        id=_text(entry.get("id"))[:2000],
        link=_link(entry, base),
        title=line(_text(entry.get("title")), limit=MAX_TITLE),
        summary=paragraphs(_text(entry.get("summary")), limit=MAX_SUMMARY),
        content=paragraphs(max(contents, key=len, default=""), limit=MAX_CONTENT),
        author=line(_text(entry.get("author")), limit=500) or None,
        section=next((line(_text(tag.get("term")), limit=200) for tag in _items(entry.get("tags"))), "") or None,
        image=_image(entry, base),
        outlet=_outlet(entry),
        published=_moment(entry, "published") or _moment(entry, "created"),
        updated=_moment(entry, "updated"),
    )


def _link(entry: Mapping[str, Any], base: str) -> str:
    identifier = _text(entry.get("id"))
    link = _text(entry.get("feedburner_origlink")) or _text(entry.get("link"))
    if not link and identifier.startswith(("http://", "https://")):
        link = identifier
    return urljoin(base, link.strip()) if link else ""


def _image(entry: Mapping[str, Any], base: str) -> str | None:
    media = [*_items(entry.get("media_content")), *_items(entry.get("media_thumbnail"))]
    for item in media:
        if "image" in f"{_text(item.get('medium'))} {_text(item.get('type'))}" or "medium" not in item:
            url = urljoin(base, _text(item.get("url")))
            if url.startswith(("http://", "https://")) and len(url) <= 4096:
                return url
    for item in _items(entry.get("links")):
        if _text(item.get("rel")) == "enclosure" and _text(item.get("type")).startswith("image/"):
            url = urljoin(base, _text(item.get("href")))
            return url if url.startswith(("http://", "https://")) and len(url) <= 4096 else None
    return None


def _outlet(entry: Mapping[str, Any]) -> str | None:
    source = entry.get("source")
    return line(_text(source.get("title")), limit=200) or None if isinstance(source, Mapping) else None


def _moment(entry: Mapping[str, Any], name: str) -> datetime | None:
    found = entry.get(f"{name}_parsed")
    if isinstance(found, time.struct_time):
        try:
            return datetime.fromtimestamp(calendar.timegm(found), tz=UTC)
        except (ValueError, OverflowError, OSError):
            return None
    return dates.read(_text(entry.get(name)))


def _language(tag: str) -> str | None:
    code = tag.strip().lower().replace("_", "-").partition("-")[0]
    return code if code.isascii() and code.isalpha() and len(code) in {2, 3} else None


def _minutes(text: str) -> float | None:
    return 60.0 * int(text) if text.strip().isdecimal() and len(text) < 7 else None


def _items(value: Any) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _older(links: Sequence[Mapping[str, Any]], base: str) -> str | None:
    found = {_text(link.get("rel")).lower(): _text(link.get("href")) for link in reversed(links)}
    href = next((found[name] for name in OLDER if found.get(name)), None)
    try:
        url = urljoin(base, href.strip()) if href else ""
    except ValueError:
        return None
    return url if url.startswith(("http://", "https://")) else None


def _next_page(generator: str, base: str) -> str | None:
    """WordPress names no link to them, yet shows a feed's older pages under `?paged=2` and so on."""
    if not re.match(r"https?://wordpress\.(?:org|com)/", generator):
        return None
    parts = urlsplit(base)
    said = dict(parse_qsl(parts.query))
    page = said.get("paged", "1")
    if not page.isdecimal() or len(page) > 6:
        return None
    return urlunsplit(parts._replace(query=urlencode(said | {"paged": int(page) + 1})))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _named(error: object) -> str:
    return f"{type(error).__name__}: {error}"[:300]
