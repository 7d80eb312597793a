"""JSON Feed, versions 1 and 1.1 (jsonfeed.org): bytes to Parsed; pure, and run in a process that can be killed."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from flows.feeds import dates
from flows.feeds.entry import Broken, Entry, Parsed
from flows.feeds.hints import hub_among
from flows.feeds.plain import line, paragraphs
from schemas.errors import FeedUnreadable

MAX_ENTRIES = 5000


def is_json(body: bytes) -> bool:
    """Whether the body begins as a JSON object."""
    return body[:200].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def parse_json(body: bytes, *, feed: str, base: str) -> Parsed:
    """The JSON Feed in `body`. Raises FeedUnreadable only."""
    try:
        found = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError) as error:
        raise FeedUnreadable(feed, base, f"is not JSON: {error}"[:300], excerpt=body) from None
    items = found.get("items") if isinstance(found, dict) else None
    if not isinstance(items, list) or "jsonfeed.org/version/" not in _text(found.get("version")):
        raise FeedUnreadable(feed, base, "is JSON, but no JSON Feed", excerpt=body)
    entries: list[Entry] = []
    broken: list[Broken] = []
    for position, item in enumerate(items[:MAX_ENTRIES]):
        try:
            entries.append(_entry(item, base))
        except (AttributeError, TypeError, ValueError) as error:
            broken.append(Broken(position=position, reason=f"{type(error).__name__}: {error}"[:300]))
    language = _text(found.get("language")).lower().partition("-")[0]
    return Parsed(
        title=line(_text(found.get("title")), limit=200),
        language=language if language.isascii() and language.isalpha() and len(language) in {2, 3} else None,
        hub=hub_among(_hubs(found), base=base),
        entries=tuple(entries),
        broken=tuple(broken),
        dropped=max(0, len(items) - MAX_ENTRIES),
        older=_older(_text(found.get("next_url")), base),
    )


def _older(href: str, base: str) -> str | None:
    try:
        url = urljoin(base, href.strip()) if href else ""
    except ValueError:
        return None
    return url if url.startswith(("http://", "https://")) else None


def _hubs(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for hub in _list(found.get("hubs")):
        if isinstance(hub, Mapping) and _text(hub.get("type")).lower() == "websub":
            yield "hub", hub.get("url")
    yield "self", found.get("feed_url")


def _entry(item: Mapping[str, Any], base: str) -> Entry:
    identifier = _text(str(item.get("id") or ""))[:2000]
    link = _text(item.get("url")) or (identifier if identifier.startswith(("http://", "https://")) else "")
    authors = [*_list(item.get("authors")), item.get("author")]
    names = [line(_text(author.get("name")), limit=200) for author in authors if isinstance(author, Mapping)]
    image = urljoin(base, _text(item.get("image")))
    return Entry(
        id=identifier,
        link=urljoin(base, link.strip()) if link else "",
        title=line(_text(item.get("title")), limit=2000),
        summary=paragraphs(_text(item.get("summary")), limit=20_000),
        content=paragraphs(_text(item.get("content_html")) or _text(item.get("content_text")), limit=400_000),
        author=", ".join(dict.fromkeys(filter(None, names)))[:500] or None,
        section=next((line(_text(tag), limit=200) for tag in _list(item.get("tags"))), "") or None,
        image=image if image.startswith(("http://", "https://")) and image != base and len(image) <= 4096 else None,
        published=dates.read(_text(item.get("date_published"))),
        updated=dates.read(_text(item.get("date_modified"))),
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
