"""A feed without the entries that were read before: most of a feed that has news is old, and reading costs; pure.

An entry is known by its very bytes. It is left out only of a document that is plain in every respect (UTF-8,
well-formed, no DTD, entries where RSS, RDF and Atom have them); any other is read whole.
"""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass

from lxml import etree

MARK_BYTES = 10
MOST_ENTRIES = 5000
MOST_BYTES = 4_000_000
ROOTS = frozenset({"rss", "RDF", "feed"})
UTF8 = re.compile(r"utf-?8", re.IGNORECASE)
CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
DECLARED = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([\w.:-]+)")


@dataclass(frozen=True)
class Thin:
    """What is left to read: `marks` of the entries in `body`, in their order, none when they can't be told apart.

    `same` are the marks of those left out.
    """

    body: bytes
    marks: tuple[str, ...] = ()
    same: tuple[str, ...] = ()


def thin(body: bytes, content_type: str | None, *, base: str, known: Collection[str] = ()) -> Thin:
    """The feed without entries whose mark is `known`; `base` is where it came from, by which links are understood."""
    root = _root(body, content_type)
    items = None if root is None else _items(root)
    if root is None or items is None:
        return Thin(body)
    marks, same = [], []
    context = _context(root, base)
    for item in items:
        mark = _mark(context, item)
        parent = item.getparent()
        if mark in known and parent is not None:
            same.append(mark)
            parent.remove(item)
        else:
            marks.append(mark)
    left = etree.tostring(root, encoding="utf-8", xml_declaration=True) if same else body
    return Thin(left, tuple(marks), tuple(same))


def _root(body: bytes, content_type: str | None) -> etree._Element | None:
    stated = CHARSET.search(content_type or "")
    declared = DECLARED.match(body[:200])
    for label in (stated[1] if stated else None, declared[1].decode("ascii", "replace") if declared else None):
        if label is not None and not UTF8.fullmatch(label):
            return None
    if len(body) > MOST_BYTES or b"<!DOCTYPE" in body:
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, encoding="utf-8")
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    return root if etree.QName(root).localname in ROOTS else None


def _items(root: etree._Element) -> list[etree._Element] | None:
    """The feed's entries; None when there is one where none belongs, or too many."""
    items = list(root.iter("{*}item", "{*}entry"))
    places = {root, *root.iterchildren("{*}channel")}
    if len(items) > MOST_ENTRIES or any(item.getparent() not in places for item in items):
        return None
    return items


def _context(root: etree._Element, base: str) -> bytes:
    """What an entry means by what is around it."""
    around = [dict(root.attrib), *(dict(channel.attrib) for channel in root.iterchildren("{*}channel"))]
    return repr((base, around)).encode("utf-8", "replace")


def _mark(context: bytes, item: etree._Element) -> str:
    found = hashlib.blake2b(context, digest_size=MARK_BYTES)
    found.update(etree.tostring(item, encoding="utf-8", with_tail=False))
    return found.hexdigest()
