"""A page to its text and what it says of itself: the only caller of trafilatura; pure, and run in a process that can
be killed. trafilatura is given a tree, so that it has nothing to fetch.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin

import trafilatura
from lxml.html import HtmlElement

from flows.feeds import dates, walls
from flows.feeds.plain import decode, drop_hidden, line, parse_html, tidy

PUBLISHED = (
    "article:published_time", "og:article:published_time", "datepublished", "parsely-pub-date", "dc.date.issued",
    "dcterms.created", "sailthru.date", "publishdate", "date",
)  # fmt: skip
UPDATED = ("article:modified_time", "og:updated_time", "datemodified", "dcterms.modified", "lastmod")
LD_PUBLISHED = re.compile(r'"datePublished"\s*:\s*("[^"\\]{8,40}")')
LD_UPDATED = re.compile(r'"dateModified"\s*:\s*("[^"\\]{8,40}")')
MAX_TEXT = 400_000
BULLET = re.compile(r"^[-•*·]\s+", re.MULTILINE)


@dataclass(frozen=True)
class Extract:
    """What a page says: its text with a newline between paragraphs and list items, and its own data where it has any.

    `canonical` is the page's word on its URL, not yet believed. `wall` is what a page asks for that shows no piece.
    """

    text: str = ""
    title: str = ""
    byline: str | None = None
    section: str | None = None
    image: str | None = None
    canonical: str | None = None
    language: str | None = None
    published: datetime | None = None
    updated: datetime | None = None
    wall: str | None = None
    paywalled: bool = False
    live: bool = False


def extract(body: bytes, content_type: str | None, *, url: str, link: str | None = None) -> Extract:
    """The piece on the page that came from `url`, where `link` led; empty where the page has nothing to read."""
    tree = parse_html(decode(body, content_type))
    if tree is None:
        return Extract()
    meta = _meta(tree)
    scripts = " ".join(script.text or "" for script in tree.iter("script") if "ld+json" in (script.get("type") or ""))
    data = trafilatura.extract_metadata(tree, url, extensive=False)
    canonical = _canonical(tree) or meta.get("og:url")
    language = (tree.get("lang") or "")[:2].lower()
    signs, named = walls.Signs.of(tree), line(tree.findtext(".//title") or "", limit=300)
    drop_hidden(tree)
    found = trafilatura.bare_extraction(tree, url=url, include_comments=False, with_metadata=False)
    title = line(data.title or meta.get("og:title") or "", limit=2000)
    text = _body(getattr(found, "text", None) or "", title)[:MAX_TEXT]
    asked = walls.wall(signs, title=named, text=text, url=url, link=link or url)
    if asked is not None:
        return Extract(title=named, wall=asked)
    closed = walls.paywalled(meta, scripts, text)
    return Extract(
        text=walls.without_prompts(text) if closed else text,
        title=title,
        byline=line((data.author or "").replace(";", ","), limit=500) or None,
        section=line(meta.get("article:section") or "", limit=200) or None,
        image=_absolute(url, meta.get("og:image") or data.image),
        canonical=canonical,
        language=language if re.fullmatch("[a-z]{2}", language) else None,
        published=_moment(meta, PUBLISHED, LD_PUBLISHED, scripts) or dates.read(data.date),
        updated=_moment(meta, UPDATED, LD_UPDATED, scripts),
        paywalled=closed,
        live="LiveBlogPosting" in scripts,
    )


def _body(text: str, title: str) -> str:
    lines = BULLET.sub("", tidy(text)).split("\n")
    if lines and title and lines[0].casefold() == title.casefold():
        lines = lines[1:]
    return "\n".join(lines)


def _meta(tree: HtmlElement) -> dict[str, str]:
    found: dict[str, str] = {}
    for element in tree.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop")
        content = (element.get("content") or "").strip()
        if name and content:
            found.setdefault(name.strip().lower(), content[:4096])
    return found


def _canonical(tree: HtmlElement) -> str | None:
    for element in tree.iter("link"):
        if "canonical" in (element.get("rel") or "").lower().split():
            href = (element.get("href") or "").strip()
            return href if href and len(href) <= 4096 else None
    return None


def _moment(meta: dict[str, str], names: tuple[str, ...], pattern: re.Pattern[str], scripts: str) -> datetime | None:
    for name in names:
        found = dates.read(meta.get(name))
        if found is not None:
            return found
    stated = pattern.search(scripts)
    return dates.read(json.loads(stated[1])) if stated else None


def _absolute(url: str, found: str | None) -> str | None:
    if not found:
        return None
    try:
        image = urljoin(url, found.strip())
    except ValueError:
        return None
    return image if image.startswith(("http://", "https://")) and len(image) <= 4096 else None
