"""The demonstration's site serves feeds that feedparser reads, pages, and live pieces only once published."""

import io
import urllib.error
import urllib.request

import feedparser
import pytest

from deploy.demo.news_site import Site, serve_site


@pytest.fixture
def site() -> object:
    with serve_site() as running:
        yield running


def get(url: str, etag: str = "") -> tuple[int, bytes, str]:
    request = urllib.request.Request(url, headers={"If-None-Match": etag})  # noqa: S310  our own loopback server
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, answer.read(), answer.headers["ETag"]
    except urllib.error.HTTPError as error:
        return error.code, b"", ""


def test_every_feed_is_well_formed_and_lists_what_its_outlet_published(site: Site) -> None:
    listed = 0
    for outlet in site.outlets:
        _, body, _ = get(site.feed_url(outlet))
        feed = feedparser.parse(io.BytesIO(body))
        assert feed.bozo is False
        published = [p for p in site.pieces if p.outlet == outlet and not p.live]
        assert {entry.title for entry in feed.entries} == {p.title for p in published}
        assert all(entry.published_parsed for entry in feed.entries)
        listed += len(feed.entries)
    assert listed == 37


def test_a_live_piece_appears_once_it_is_published(site: Site) -> None:
    piece = next(p for p in site.pieces if p.live)
    feed, page = site.feed_url(piece.outlet), site.url(piece)
    _, before, etag = get(feed)
    assert get(feed, etag)[0] == 304
    assert get(page)[0] == 404
    site.publish(piece)
    status, after, _ = get(feed, etag)
    assert status == 200
    assert len(feedparser.parse(io.BytesIO(after)).entries) == len(feedparser.parse(io.BytesIO(before)).entries) + 1
    assert get(page)[0] == 200


def test_a_page_carries_every_paragraph_of_its_piece(site: Site) -> None:
    piece = next(p for p in site.pieces if p.slug.startswith("01-"))
    _, body, _ = get(site.url(piece))
    page = body.decode()
    for paragraph in piece.paragraphs:
        if not paragraph.startswith(("-", "#")):
            assert paragraph.split(". ")[0].replace("'", "&#x27;").replace('"', "&quot;")[:60] in page
