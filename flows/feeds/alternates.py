"""Which feeds a page names; pure, and run in a process that can be killed."""

from urllib.parse import urljoin

from flows.feeds.plain import decode, parse_html

TYPES = frozenset((
    "application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml", "application/json",
    "application/xml", "text/xml",
))  # fmt: skip
ENDINGS = ("/feed", "/feed/", "/rss", "/rss/", ".rss", "rss.xml", "atom.xml", "feed.xml", "feed.json")
MAX_FOUND = 10


def alternates(body: bytes, content_type: str | None, *, url: str) -> list[str]:
    """The URLs of the feeds: those of `link` elements first, then of links that look like a feed's, not of comments."""
    tree = parse_html(decode(body, content_type))
    if tree is None:
        return []
    base = next((found.get("href") for found in tree.iter("base") if found.get("href")), "")
    linked = [
        found.get("href")
        for found in tree.iter("link")
        if "alternate" in (found.get("rel") or "").lower().split()
        and (found.get("type") or "").lower().partition(";")[0].strip() in TYPES
    ]
    anchors = [href for found in tree.iter("a") if (href := found.get("href") or "").lower().endswith(ENDINGS)]
    urls: list[str] = []
    for href in (*linked, *anchors):
        try:
            absolute = urljoin(urljoin(url, base), (href or "").strip())
        except ValueError:
            continue
        if absolute.startswith(("http://", "https://")) and "comments" not in absolute.lower():
            urls.append(absolute)
    return list(dict.fromkeys(urls))[:MAX_FOUND]
