"""Bytes that are not what they say they are, the whole way from a feed to the index: what is found is what was read."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from flows.feeds.assemble import assemble
from flows.feeds.parse import parse
from schemas.article import Article
from schemas.feed import Feed

if TYPE_CHECKING:
    from tests.e2e.conftest import Newsroom

BASE = "https://spoilt.example/feed"
FEED = Feed(id="spoilt", url=BASE, outlet="Spoilt", language="en", fetch_pages=False)
BEAT = (
    "A plane with 120 migrants deported from Texas landed in San Salvador on Tuesday under the agreement between the "
    "United States and El Salvador. Lawyers for the families said that the deportations violate due process. "
)
UTF8 = "text/xml; charset=utf-8"
SPOILT: dict[str, tuple[bytes, bytes, str | None]] = {
    "nul": (b"", b"a\x00b", None),
    "controls": (b"", bytes(range(1, 32)) + b"\x7f", None),
    "surrogates": (b"", b"\xed\xa0\x80 \xed\xb0\x80 &#xD800; &#xDFFF;", UTF8),
    "noncharacters": (b"", "\ufffe \uffff \U0010ffff \U0001fffe".encode(), None),
    "utf7": (b"", b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "text/xml; charset=utf-7"),
    "bom": (b"\xff\xfe", "é".encode(), UTF8),
    "latin": (b"", b"\xe9\x93\xf1", "text/xml; charset=us-ascii"),
    "lying": (b"<?xml version='1.0' encoding='windows-1252'?>", "niño “x”".encode(), None),
    "all": (b"", bytes(byte for byte in range(256) if byte not in b"<&"), None),
}
"""By name: what stands before the feed, what stands in its title and text, and what its server says that it is."""


def title(name: str) -> str:
    return f"US deportation flight lands in El Salvador, {name}:"


def read(name: str) -> Article:
    """The one article of that feed, as the poller makes it."""
    before, spoilt, content_type = SPOILT[name]
    link, text = f"https://spoilt.example/{name}".encode(), BEAT.encode() + spoilt
    item = b"<title>%s %s</title><link>%s</link><description>%s</description>" % (
        title(name).encode(), spoilt, link, text,
    )  # fmt: skip
    body = b"%s<rss version='2.0'><channel><item>%s</item></channel></rss>" % (before, item)
    (entry,) = parse(body, content_type, feed=FEED.id, base=BASE).entries
    at_ms = int(datetime.now(UTC).timestamp() * 1000)
    made = assemble(FEED, entry, None, page_url=None, feed_language=None, observed_at_ms=at_ms)
    assert isinstance(made, Article)
    return made


@pytest.mark.timeout(600)
def test_spoilt_text_is_in_the_index_as_it_was_read(newsroom: "Newsroom") -> None:
    articles = {name: read(name) for name in SPOILT}
    newsroom.publish(list(articles.values()))
    for name, article in articles.items():
        document = newsroom.wait_for(article.article_id, seconds=90)
        assert (document["title"], document["text"]) == (article.title, article.text), name
        assert document["title"].startswith(title(name))
        shown = json.dumps(document, ensure_ascii=False)
        assert "\x00" not in shown
        assert not any(0xD800 <= ord(char) <= 0xDFFF for char in shown)
        assert "<script" not in shown
