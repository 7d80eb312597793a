"""Markup to plain text: what a reader sees, in one normal form; pure.

Every field of a feed is hostile text. Unicode normal form NFKC (UAX #15), but for the few signs that Spanish and
English print (1.º, ½, …); invisible and bidirectional control characters (UTR #36) are dropped, since tricks with them
are cheap and no English or Spanish text needs them.
"""

import codecs
import re
import unicodedata

from lxml import etree, html
from lxml.html import HtmlElement

INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\ud800-\udfff\ue000-\uf8ff"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
STACKED = re.compile("([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{2})[\u0300-\u036f]+")
"""More combining marks on one letter than any language here uses."""

FOLDED = re.compile("[^ª²³¹º¼½¾\u00b4\u00a8\u00af\u00b8…™]+")
"""What is folded to its compatibility form: all but signs whose form would read otherwise (5½ as 51/2)."""

UNSEEN = (
    "script", "style", "template", "noscript", "head", "iframe", "object", "embed", "svg", "math", "canvas", "video",
    "audio", "select", "textarea", "button", "xmp", "plaintext", "listing", "noembed", "noframes",
)  # fmt: skip
HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|font-size\s*:\s*0(?!\s*\.\s*[1-9]|[.\d])"
    r"|(?<![\w-])opacity\s*:\s*0(?:\.0*)?\s*(?:;|!|$)|(?:left|top|text-indent)\s*:\s*-\d{3,}",
    re.IGNORECASE,
)
BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "br", "caption", "dd", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main",
    "nav", "ol", "p", "pre", "section", "table", "tr", "td", "th", "ul",
))  # fmt: skip
WINDOWS_1252 = frozenset({"iso8859-1", "ascii", "cp1252"})
DECEPTIVE = frozenset((
    "utf-7", "idna", "punycode", "unicode_escape", "unicode-escape", "raw_unicode_escape", "raw-unicode-escape",
    "undefined",
))  # fmt: skip
"""Codecs of Python's that no page is in, and that read signs which the page does not show."""

META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)


def tidy(text: str) -> str:
    """The text in normal form: folded, nothing invisible, single spaces, paragraphs a newline apart."""
    text = INVISIBLE.sub("", text.replace("\u2028", "\n").replace("\u2029", "\n").replace("\r\n", "\n"))
    text = FOLDED.sub(lambda found: unicodedata.normalize("NFKC", found[0]), unicodedata.normalize("NFC", text))
    text = STACKED.sub(r"\1", text)
    # normal forms can give back what was dropped, once
    text = INVISIBLE.sub("", text)
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def line(markup: str, *, limit: int) -> str:
    """A title, a name: markup as one line of text, at most `limit` characters."""
    return cut(" ".join(paragraphs(markup, limit=20 * limit).split()), limit)


def paragraphs(markup: str, *, limit: int) -> str:
    """Markup as text with a newline between paragraphs and list items, at most `limit` characters."""
    if "<" not in markup and "&" not in markup:
        return cut(tidy(markup), limit)
    tree = parse_html(markup)
    return "" if tree is None else cut(text_of(tree), limit)


def text_of(tree: HtmlElement) -> str:
    """The text that a tree shows, with a newline between blocks."""
    drop_hidden(tree)
    parts: list[str] = []
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        block = element.tag in BLOCKS
        if event == "start":
            parts.append(("\n" if block else "") + (element.text or ""))
        else:
            parts.append(("\n" if block else "") + (element.tail or ""))
    # a source's own line breaks are spaces; only blocks break a line
    marked = "".join(part if part.startswith("\n") else " ".join(part.split("\n")) for part in _unwrapped(parts))
    return tidy(marked)


def drop_hidden(tree: HtmlElement) -> None:
    """Remove from the tree what no reader sees: scripts, hidden elements, comments."""
    for element in list(tree.iter()):
        if not isinstance(element.tag, str) or element.tag in UNSEEN or _hidden(element):
            parent = element.getparent()
            if parent is not None:
                _remove(element)


def parse_html(markup: str) -> HtmlElement | None:
    """A tree of the markup; None when there is none to be had."""
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=False)
    data = markup.replace("\x00", "").encode("utf-8", "replace")
    try:
        return html.document_fromstring(data, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return None


def decode(body: bytes, content_type: str | None) -> str:
    """A page's bytes as text: byte order mark, then the header, then its own meta, then UTF-8, then Windows-1252.

    Encoding sniffing as in the WHATWG Encoding and HTML standards, in short.
    """
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    stated = HEADER_CHARSET.search(content_type or "")
    meta = META_CHARSET.search(body[:4096])
    for label in (stated[1] if stated else None, meta[1].decode("ascii") if meta else None):
        codec = _codec(label)
        if codec is not None:
            return body.decode(codec, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("cp1252", "replace")


def cut(text: str, limit: int) -> str:
    """At most `limit` characters of the text, ending on a whole word where there is one."""
    if len(text) <= limit:
        return text
    short = text[: limit - 3]
    space = max(short.rfind(" "), short.rfind("\n"))
    return (short[:space] if space > limit // 2 else short).rstrip() + "..."


def _unwrapped(parts: list[str]) -> list[str]:
    return [("\n" + part[1:].replace("\n", " ")) if part.startswith("\n") else part for part in parts]


def _hidden(element: HtmlElement) -> bool:
    if element.get("hidden") is not None:
        return True
    style = element.get("style")
    return style is not None and HIDING.search(style) is not None


def _remove(element: HtmlElement) -> None:
    parent, tail = element.getparent(), element.tail
    if tail:
        before = element.getprevious()
        if before is not None:
            before.tail = (before.tail or "") + " " + tail
        else:
            parent.text = (parent.text or "") + " " + tail
    parent.remove(element)


def _codec(label: str | None) -> str | None:
    """The Python codec of a charset label; None for an unknown, a non-text or a deceptive one."""
    try:
        name = codecs.lookup(label or "").name
        b"a".decode(name, "replace")
    except (LookupError, ValueError):
        return None
    if name in WINDOWS_1252:
        return "cp1252"
    return None if name in DECEPTIVE else name
