"""Lists of feeds as other readers write and read them: OPML 2.0 (opml.org)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from lxml import etree

from flows.feeds.plain import line
from schemas.errors import ConfigError
from schemas.feed import Feed, Transport

MAX_BYTES = 8_000_000
MAX_OUTLINES = 5000
MAX_DEPTH = 20


@dataclass(frozen=True)
class Outline:
    """A feed that the list names; `group` is the folder that it lies in."""

    title: str
    url: str
    site: str | None = None
    language: str | None = None
    group: str | None = None


def read_opml(body: bytes, *, name: str) -> list[Outline]:
    """The feeds that the list `name` holds, each URL once. Raises ConfigError."""
    if len(body) > MAX_BYTES:
        raise ConfigError(name, f"is over {MAX_BYTES} bytes")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise ConfigError(name, f"is not XML: {error}") from None
    top = root.find("body") if root is not None else None
    if top is None:
        raise ConfigError(name, "is not OPML: it has no body")
    found: dict[str, Outline] = {}
    for outline in _outlines(top, None, 0):
        found.setdefault(outline.url, outline)
        if len(found) > MAX_OUTLINES:
            raise ConfigError(name, f"names over {MAX_OUTLINES} feeds")
    return list(found.values())


def write_opml(feeds: Iterable[Feed], *, now: datetime) -> bytes:
    """The sources that are feeds, in a folder for each group; other transports mean nothing to other readers."""
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = "Vigía"
    etree.SubElement(head, "dateCreated").text = format_datetime(now)
    body = etree.SubElement(root, "body")
    folders: dict[str, etree._Element] = {}
    for feed in feeds:
        if feed.transport not in {Transport.FEED, Transport.QUERY}:
            continue
        folder = folders.get(feed.group)
        if folder is None:
            folder = folders[feed.group] = etree.SubElement(body, "outline", text=feed.group, title=feed.group)
        said = {"type": "rss", "text": feed.outlet, "title": feed.outlet, "xmlUrl": feed.url}
        said |= {"language": feed.language} if feed.language else {}
        said |= {"htmlUrl": feed.site} if feed.site else {}
        etree.SubElement(folder, "outline", said)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)
    return written


def _outlines(element: etree._Element, group: str | None, depth: int) -> Iterator[Outline]:
    if depth > MAX_DEPTH:
        return
    for outline in element.iterchildren("outline"):
        said = {name.lower(): value for name, value in outline.attrib.items()}
        url = said.get("xmlurl", "").strip()
        title = line(said.get("title") or said.get("text") or "", limit=200)
        if url.startswith(("http://", "https://")) and len(url) <= 2048:
            site = said.get("htmlurl", "").strip()
            yield Outline(
                title=title,
                url=url,
                site=site if site.startswith(("http://", "https://")) and len(site) <= 2048 else None,
                language=said.get("language", "").lower().partition("-")[0] or None,
                group=group,
            )
        yield from _outlines(outline, title if not url else group, depth + 1)
