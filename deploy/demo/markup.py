"""Feeds and pages of the demonstration as text: RSS 2.0, Atom (RFC 4287) and HTML as a newspaper would serve them."""

from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime
from html import escape
from xml.etree import ElementTree as ET

from deploy.demo.piece import Outlet, Piece

ATOM = "http://www.w3.org/2005/Atom"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
for _prefix, _uri in (("content", CONTENT), ("dc", DUBLIN_CORE)):
    ET.register_namespace(_prefix, _uri)

Item = tuple[Piece, str, datetime]
"""A piece, its URL, and when it was published."""


def rss(outlet: Outlet, items: Sequence[Item]) -> bytes:
    """An RSS 2.0 document; the body goes into `content:encoded` when the outlet gives it away."""
    root = ET.Element("rss", version="2.0")
    channel = ET.SubElement(root, "channel")
    _add(channel, title=outlet.name, link=f"/{outlet.slug}/", description=outlet.name, language=outlet.language)
    for piece, url, when in items:
        item = ET.SubElement(channel, "item")
        _add(item, title=piece.title, link=url, description=piece.summary, category=piece.section)
        ET.SubElement(item, "guid", isPermaLink="true").text = url
        _add(item, pubDate=format_datetime(when))
        if piece.byline:
            ET.SubElement(item, f"{{{DUBLIN_CORE}}}creator").text = piece.byline
        if outlet.full_text:
            ET.SubElement(item, f"{{{CONTENT}}}encoded").text = body_html(piece)
    return _document(root)


def atom(outlet: Outlet, items: Sequence[Item], base: str) -> bytes:
    """An Atom document."""
    root = ET.Element("feed", xmlns=ATOM)
    root.set("xml:lang", outlet.language)
    newest = max((when for _, _, when in items), default=datetime.fromisoformat("2026-01-01T00:00:00+00:00"))
    _add(root, title=outlet.name, id=f"{base}/{outlet.slug}/", updated=newest.isoformat())
    for piece, url, when in items:
        entry = ET.SubElement(root, "entry")
        _add(entry, title=piece.title, id=url, published=when.isoformat(), updated=when.isoformat())
        ET.SubElement(entry, "link", rel="alternate", href=url)
        ET.SubElement(entry, "category", term=piece.section)
        ET.SubElement(ET.SubElement(entry, "author"), "name").text = piece.byline or outlet.name
        ET.SubElement(entry, "summary").text = piece.summary
        if outlet.full_text:
            ET.SubElement(entry, "content", type="html").text = body_html(piece)
    return _document(root)


def body_html(piece: Piece) -> str:
    """The body as HTML: paragraphs, subheads and lists."""
    return "\n".join(_block(block) for block in piece.paragraphs)


def page(outlet: Outlet, piece: Piece, url: str, when: datetime, others: Sequence[tuple[str, str]]) -> str:
    """The article's page, with what surrounds an article on a real one: menu, teasers, footer, a script."""
    teasers = "\n".join(f'<li><a href="{escape(u)}">{escape(t)}</a></li>' for t, u in others)
    byline = f'<p class="byline"><span rel="author">{escape(piece.byline)}</span></p>' if piece.byline else ""
    more = "Lea también" if piece.language == "es" else "Read also"
    return f"""<!doctype html>
<html lang="{piece.language}">
<head>
<meta charset="utf-8">
<title>{escape(piece.title)} | {escape(outlet.name)}</title>
<link rel="canonical" href="{escape(url)}">
<meta property="og:type" content="article">
<meta property="og:title" content="{escape(piece.title)}">
<meta property="og:site_name" content="{escape(outlet.name)}">
<meta property="article:published_time" content="{when.isoformat()}">
<meta property="article:section" content="{escape(piece.section)}">
<meta name="description" content="{escape(piece.summary)}">
<script>window.page = {{"kind": "article"}};</script>
</head>
<body>
<header><nav><a href="/{outlet.slug}/">{escape(outlet.name)}</a></nav></header>
<main><article>
<h1>{escape(piece.title)}</h1>
{byline}
<time datetime="{when.isoformat()}">{when:%Y-%m-%d %H:%M}</time>
{body_html(piece)}
</article></main>
<aside><h2>{more}</h2><ul>
{teasers}
</ul></aside>
<footer>{escape(outlet.name)}</footer>
</body>
</html>
"""


def _block(block: str) -> str:
    if block.startswith("## "):
        return f"<h2>{escape(block[3:])}</h2>"
    lines = block.splitlines()
    if all(line.startswith("- ") for line in lines):
        return "<ul>" + "".join(f"<li>{escape(line[2:])}</li>" for line in lines) + "</ul>"
    return f"<p>{escape(' '.join(lines))}</p>"


def _add(parent: ET.Element, **texts: str) -> None:
    for tag, text in texts.items():
        ET.SubElement(parent, tag).text = text


def _document(root: ET.Element) -> bytes:
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document
