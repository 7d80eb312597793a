"""An Atom feed per rule (RFC 4287), as files that any web server can serve; a message told again is one entry."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock
from lxml import etree

from schemas.channel import AtomChannel
from schemas.errors import ConfigError, Unavailable
from schemas.inert import plain, web_link
from schemas.message import Message
from schemas.rendering.markup import fragment
from schemas.rendering.outline import heading

ATOM = "http://www.w3.org/2005/Atom"
NAMES = {None: ATOM}
ALL = "all"
"""The feed of everything; a rule of this name shares it."""

FEED_BYTES = 20_000_000


def check(channel: AtomChannel) -> None:
    """Raise ConfigError when the folder can't be written to."""
    try:
        channel.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=channel.folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"notify.channels, {channel.name}", f"folder: {error.strerror}", remedy="Name a folder that can be written"
        ) from None


def publish(message: Message, channel: AtomChannel) -> None:
    """Put the message at the top of its rule's feed and of `all.xml`, in place of an entry with the same id.

    Raises Unavailable when a file can't be written; readers see the older one or the newer one, never a half.
    """
    try:
        channel.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(channel.folder / ".lock", timeout=30):
            for name in dict.fromkeys((message.feed, ALL)):
                title = "Vigía" if name == ALL else f"Vigía: {plain(message.feed_name or name)}"
                _put(channel.folder / f"{name}.xml", _entry(message), f"urn:vigia:feed:{name}", title, channel.keep)
    except OSError as error:
        raise Unavailable(f"channel {channel.name}", f"{channel.folder}: {error.strerror or error}") from error


def _put(file: Path, entry: Any, feed_id: str, title: str, keep: int) -> None:
    older = [other for other in _entries(file) if other.findtext(_tag("id")) != entry.findtext(_tag("id"))]
    kept = sorted([entry, *older], key=lambda e: str(e.findtext(_tag("updated"))), reverse=True)[:keep]
    feed = etree.Element(_tag("feed"), nsmap=NAMES)
    _add(feed, "id", feed_id)
    _add(feed, "title", title)
    _add(feed, "updated", str(kept[0].findtext(_tag("updated"))))
    _add(feed, "generator", "Vigía")
    _add(_add(feed, "author"), "name", "Vigía")
    feed.extend(kept)
    _replace(file, etree.tostring(feed, xml_declaration=True, encoding="utf-8"))


def _entry(message: Message) -> Any:
    # updates of one alert are one entry, which a reader's program shows as changed
    entry = etree.Element(_tag("entry"), nsmap=NAMES)
    _add(entry, "id", f"urn:vigia:alert:{message.thread or message.message_id}")
    _add(entry, "title", f"{heading(message)}: {plain(message.title)}")
    _add(entry, "updated", message.at.isoformat(timespec="milliseconds"))
    if message.source:
        _add(_add(entry, "author"), "name", plain(message.source))
    if link := web_link(message.url) if message.url else None:
        _add(entry, "link").attrib.update({"rel": "alternate", "href": link})
    if message.severity is not None:
        _add(entry, "category").attrib["term"] = message.severity.value
    content = _add(entry, "content", fragment(message))
    content.attrib["type"] = "html"
    return entry


def _entries(file: Path) -> list[Any]:
    """The entries that are there; a file that isn't ours any more is begun anew rather than believed."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        if file.stat().st_size > FEED_BYTES:
            return []
        return list(etree.fromstring(file.read_bytes(), parser).iterfind(_tag("entry")))
    except (FileNotFoundError, etree.XMLSyntaxError):
        return []


def _replace(file: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".xml")
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _add(parent: Any, name: str, text: str | None = None) -> Any:
    child = etree.SubElement(parent, _tag(name))
    child.text = text
    return child


def _tag(name: str) -> str:
    return f"{{{ATOM}}}{name}"
