"""Which entries are read from their page; pure, and quick to import where pages are only fetched."""

import re

from flows.feeds.canonical import canonical, same_site
from flows.feeds.entry import Entry
from schemas.feed import Feed, Terms, Transport

FULL_TEXT_CHARS = 900
"""From this length on a feed's content is taken for the piece itself."""

LIVE_LINK = re.compile(
    r"/(?:live|live-updates?|liveblog|live-blog|live-news|en-vivo|directo|minuto-a-minuto)(?:[/-]|$)|-live-updates",
    re.IGNORECASE,
)
LIVE_TITLE = re.compile(
    r"\b(?:live updates|live blog|minuto a minuto|en directo)\b|^(?:live|en vivo)\s*[:|–-]", re.IGNORECASE
)


def reads_pages(feed: Feed) -> bool:
    """Whether the feed's linked pages are read at all."""
    return feed.fetch_pages and feed.terms is not Terms.HEADLINE


def needs_page(feed: Feed, entry: Entry) -> bool:
    """Whether the linked page must be read: the feed has only a summary, or speaks of another site's piece."""
    return reads_pages(feed) and (len(entry.content) < FULL_TEXT_CHARS or foreign(feed, entry))


def foreign(feed: Feed, entry: Entry) -> bool:
    """Whether the entry's link leads to another site than the feed's outlet's: its words are not that site's words."""
    if feed.transport is Transport.QUERY:
        return True
    return not same_site(canonical(feed.site or feed.url) or "", canonical(entry.link) or "")


def live(link: str, title: str) -> bool:
    """Whether a piece says of itself that it goes on growing."""
    return LIVE_LINK.search(link) is not None or LIVE_TITLE.search(title) is not None
