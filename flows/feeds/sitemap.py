"""Sitemaps and Google News sitemaps: bytes to Parsed; pure, and run in a process that can be killed.

Sitemap protocol 0.9 (sitemaps.org); Google's news extension 0.9. Read element by element with no DTD and no entity of
its own, so that a large file costs little memory.
"""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

from lxml import etree

from flows.feeds import dates
from flows.feeds.entry import Broken, Entry, Parsed
from flows.feeds.limits import Damaged, LimitExceeded, expanded
from flows.feeds.plain import line
from schemas.errors import FeedUnreadable

MAX_BYTES = 64_000_000
"""Expanded; the protocol allows 50 MB."""

MAX_URLS = 60_000
MAX_PARTS = 2000
MAX_TITLE = 2000
OLDEST = datetime.min.replace(tzinfo=UTC)


def parse_sitemap(body: bytes, *, feed: str, base: str) -> Parsed:
    """The pages (newest first) and further sitemaps that it names; gzip files too. Raises FeedUnreadable only."""
    try:
        data = expanded(body, MAX_BYTES)
    except (LimitExceeded, Damaged) as error:
        raise FeedUnreadable(feed, base, str(error), excerpt=body) from None
    entries: list[Entry] = []
    broken: list[Broken] = []
    parts: list[tuple[datetime, str]] = []
    roots: list[str] = []
    seen = dropped = 0
    try:
        for element, root in _elements(data):
            roots.append(root)
            if _name(element) == "sitemap" and len(parts) < MAX_PARTS:
                parts.append((dates.read(_text(element, "lastmod")) or OLDEST, _absolute(base, _text(element, "loc"))))
            elif _name(element) == "url":
                if len(entries) + len(broken) >= MAX_URLS:
                    dropped += 1
                    continue
                try:
                    entries.append(_entry(element, base))
                except ValueError as error:
                    broken.append(Broken(position=seen, reason=str(error)[:300]))
                seen += 1
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        # what was read before the fault is good
        if not entries and not parts:
            raise FeedUnreadable(feed, base, f"is not a sitemap: {error}"[:300], excerpt=body) from None
        broken.append(Broken(position=seen, reason=f"XMLSyntaxError: {error}"[:300]))
    if not roots and not _sitemap(data):
        raise FeedUnreadable(feed, base, "is not a sitemap", excerpt=body)
    entries.sort(key=moment, reverse=True)
    parts.sort(key=lambda part: part[0], reverse=True)
    # of one that is named twice, the later change counts
    more = {url: changed for changed, url in reversed(parts) if url}
    return Parsed(
        entries=tuple(entries),
        broken=tuple(broken),
        dropped=dropped,
        more=tuple(reversed(more)),
        changed=tuple(None if changed == OLDEST else changed for changed in reversed(more.values())),
    )


def recent(parsed: Parsed, *, now: datetime, within: timedelta, at_most: int) -> Parsed:
    """The newest pages only: a site's whole sitemap goes back for years. A page without any date stays."""
    entries = [entry for entry in parsed.entries if moment(entry) == OLDEST or now - moment(entry) <= within]
    return parsed.model_copy(update={"entries": tuple(entries[:at_most])})


def since_then(parsed: Parsed, when: datetime) -> list[str]:
    """Its parts that changed since then, or don't say when: no other holds a page of later date. A day is allowed for
    dates without a time of day.
    """
    changes = parsed.changed or (None,) * len(parsed.more)
    return [
        url
        for url, changed in zip(parsed.more, changes, strict=True)
        if changed is None or changed >= when - timedelta(days=1)
    ]


def moment(entry: Entry) -> datetime:
    """By what pages are sorted: when published, else when changed."""
    return entry.published or entry.updated or OLDEST


def _elements(data: bytes) -> Iterator[tuple[etree._Element, str]]:
    source = etree.iterparse(
        io.BytesIO(data),
        events=("end",),
        tag=("{*}url", "{*}sitemap"),
        load_dtd=False,
        no_network=True,
        resolve_entities=False,
        huge_tree=False,
        recover=False,
    )
    for _, element in source:
        parent = element.getparent()
        if parent is not None and _name(parent) in {"urlset", "sitemapindex"}:
            yield element, _name(parent)


def _entry(element: etree._Element, base: str) -> Entry:
    link = _absolute(base, _text(element, "loc"))
    if not link:
        raise ValueError("a page without a URL")
    published, updated = (dates.read(_text(element, name)) for name in ("publication_date", "lastmod"))
    return Entry(
        id=link[:2000],
        link=link,
        title=line(_text(element, "title"), limit=MAX_TITLE),
        section=line(_text(element, "keywords"), limit=200) or None,
        published=published,
        updated=updated,
        # when a page changed is no more than a hint of when its piece was published
        date_guessed=published is None and updated is not None,
    )


def _text(element: etree._Element, name: str) -> str:
    """The text of the first element of that name which is no part of an image or a video."""
    for found in element.iter(f"{{*}}{name}"):
        parent = found.getparent()
        if parent is element or (parent is not None and _name(parent) == "news"):
            return (found.text or "").strip()[:20_000]
    return ""


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _absolute(base: str, link: str) -> str:
    try:
        return urljoin(base, "".join(link.split())) if link else ""
    except ValueError:
        return ""


def _sitemap(data: bytes) -> bool:
    """Whether it is one all the same, with nothing in it."""
    head = data[:4096]
    return b"<urlset" in head or b"<sitemapindex" in head
