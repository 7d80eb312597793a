"""Where links led: many that lead to one page, which looks like none of them, were sent to a login or a front page."""

from datetime import datetime
from urllib.parse import unquote, urlsplit

from flows.feeds.cache import Cache
from flows.feeds.canonical import canonical
from schemas.identity import digest

KEEP_S = 30 * 86_400.0
WORD_CHARS = 6
"""A piece of a path that is shorter says too little of which page it is."""


def led_astray(link: str, page_url: str) -> bool:
    """Whether a redirect led to a page that does not look like the link's own: no longer word of the path is left."""
    before, after = urlsplit(canonical(link) or ""), urlsplit(canonical(page_url) or "")
    if (before.path.rstrip("/"), before.query) == (after.path.rstrip("/"), after.query):
        return False
    words = [word for word in unquote(before.path).split("/") if len(word) >= WORD_CHARS]
    return not words or not any(word in unquote(after.path) for word in words[-1:])


def is_front(page_url: str) -> bool:
    """Whether the page is a site's front page, to which many send those who ask for what is gone."""
    return urlsplit(canonical(page_url) or "").path in {"", "/"}


def arrived(feed: str, link: str, page_url: str, cache: Cache, *, now: datetime) -> bool:
    """Remember that the link led there; whether another one has before."""
    key = digest("landing", feed, canonical(page_url) or page_url)
    kept = cache.get("landing", key, now=now)
    if kept is not None:
        return kept[0] != digest("link", link)
    cache.put("landing", key, digest("link", link), seconds=KEEP_S, now=now)
    return False
