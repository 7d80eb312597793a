"""Sources that are no RSS: sitemaps, listings, JSON Feed; each to entries, within limits."""

import gzip
import io
import time
from datetime import UTC, datetime, timedelta

import pytest

from flows.feeds import sitemap
from flows.feeds.jsonfeed import parse_json
from flows.feeds.listing import parse_listing
from flows.feeds.parse import parse
from flows.feeds.sitemap import parse_sitemap, recent
from schemas.errors import FeedUnreadable
from schemas.feed import Listing

BASE = "https://diario.example/sitemap.xml"
NEWS = """<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"
        xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
  <url><loc> https://diario.example/a </loc>
    <image:image><image:loc>https://diario.example/a.jpg</image:loc><image:title>No title of the piece</image:title>
    </image:image>
    <news:news><news:publication><news:name>Diario</news:name><news:language>es</news:language></news:publication>
      <news:publication_date>2026-11-24T06:00:00-06:00</news:publication_date>
      <news:title>Acuerdo &lt;b&gt;migratorio&lt;/b&gt;</news:title></news:news></url>
  <url><loc>/b</loc><lastmod>2026-11-25</lastmod></url>
  <url><lastmod>2026-11-25</lastmod></url>
</urlset>"""
INDEX = b"""<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<sitemap><loc>https://diario.example/old.xml.gz</loc><lastmod>2020-01-01</lastmod></sitemap>
<sitemap><loc>https://diario.example/new.xml.gz</loc><lastmod>2026-11-24</lastmod></sitemap></sitemapindex>"""


@pytest.mark.parametrize("body", [NEWS.encode(), gzip.compress(NEWS.encode())])
def test_a_news_sitemap_gives_links_titles_and_times_newest_first(body: bytes) -> None:
    parsed = parse_sitemap(body, feed="d", base=BASE)
    b, a = parsed.entries
    assert (a.link, a.title) == ("https://diario.example/a", "Acuerdo migratorio")
    assert a.published == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert (b.link, b.title, b.updated) == ("https://diario.example/b", "", datetime(2026, 11, 25, tzinfo=UTC))
    assert [one.position for one in parsed.broken] == [2]
    kept = recent(parsed, now=datetime(2026, 12, 1, 18, tzinfo=UTC), within=timedelta(days=7), at_most=9)
    assert [entry.link for entry in kept.entries] == ["https://diario.example/b"]


def test_an_index_names_its_parts_newest_first() -> None:
    assert parse_sitemap(INDEX, feed="d", base=BASE).more == (
        "https://diario.example/new.xml.gz",
        "https://diario.example/old.xml.gz",
    )


def test_a_sitemap_that_breaks_off_keeps_what_came_before() -> None:
    parsed = parse_sitemap(NEWS[: NEWS.index("<url><loc>/b")].encode(), feed="d", base=BASE)
    assert [entry.link for entry in parsed.entries] == ["https://diario.example/a"]
    assert "XMLSyntaxError" in parsed.broken[-1].reason


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><body>no</body></html>", b"<rss/>", b"\x1f\x8b broken", b"{}", b"/etc/passwd", b"<urlset"],
)
def test_what_is_no_sitemap_is_named_so(body: bytes) -> None:
    with pytest.raises(FeedUnreadable):
        parse_sitemap(body, feed="d", base=BASE)


def test_an_empty_sitemap_is_one() -> None:
    assert parse_sitemap(b"<urlset></urlset>", feed="d", base=BASE).entries == ()


def test_a_gzip_bomb_of_a_sitemap_is_refused_in_little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemap, "MAX_BYTES", 4_000_000)
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        for _ in range(200):
            file.write(b" " * 1_000_000)
    started = time.monotonic()
    with pytest.raises(FeedUnreadable, match="over 4000000 bytes once expanded"):
        parse_sitemap(packed.getvalue(), feed="d", base=BASE)
    assert time.monotonic() - started < 1


def test_a_sitemaps_own_entities_and_dtd_are_not_read() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    body = f'<!DOCTYPE urlset [<!ENTITY l0 "ha"><!ENTITY x SYSTEM "file:///etc/passwd">{laughs}]>'
    for entity in ("l9", "x"):
        page = f"{body}<urlset><url><loc>https://diario.example/&{entity};</loc></url></urlset>"
        started = time.monotonic()
        try:
            links = [entry.link for entry in parse_sitemap(page.encode(), feed="d", base=BASE).entries]
        except FeedUnreadable:
            links = []
        assert all("root:" not in link and len(link) < 5000 for link in links)
        assert time.monotonic() - started < 2


PAGE = """<html><body><nav><a href="/about">About</a></nav><main>
<article class="card"><h2><a href="/a?utm_source=x">Primera <em>nota</em></a></h2>
  <time datetime="2026-11-24T10:00:00Z">hoy</time></article>
<article class="card"><h2><a href="https://diario.example/b">Segunda</a></h2>
  <span class="d">23 de noviembre de 2026</span></article>
<article class="card"><h2>Sin enlace</h2></article>
<article class="card"><h2><a href="/a?utm_source=x">Primera otra vez</a></h2></article></main></body></html>"""


@pytest.mark.parametrize(
    "listing",
    [
        Listing(item="main article.card", link="h2 a", date="time, span.d"),
        Listing(item="//main/article", link=".//h2/a", date=".//time | .//span[@class='d']"),
    ],
)
def test_a_listing_is_read_by_css_or_xpath(listing: Listing) -> None:
    parsed = parse_listing(PAGE.encode(), "text/html", listing, feed="d", base="https://diario.example/noticias/")
    a, b = parsed.entries
    assert (a.link, a.title) == ("https://diario.example/a?utm_source=x", "Primera nota")
    assert a.published == datetime(2026, 11, 24, 10, tzinfo=UTC)
    assert (b.link, b.title, b.published) == (
        "https://diario.example/b",
        "Segunda",
        datetime(2026, 11, 23, tzinfo=UTC),
    )
    assert [one.reason for one in parsed.broken] == ["an item without a link"]


def test_an_item_that_is_the_link_needs_no_other_selector() -> None:
    parsed = parse_listing(PAGE.encode(), None, Listing(item="nav a"), feed="d", base=BASE)
    assert [(entry.link, entry.title) for entry in parsed.entries] == [("https://diario.example/about", "About")]


@pytest.mark.parametrize(("item", "reason"), [("div.gone", "design may have changed"), ("[[", "selector is wrong")])
def test_a_listing_that_finds_nothing_says_so(item: str, reason: str) -> None:
    with pytest.raises(FeedUnreadable, match=reason):
        parse_listing(PAGE.encode(), None, Listing(item=item), feed="d", base=BASE)


JSON = b"""{"version": "https://jsonfeed.org/version/1.1", "title": "Diario", "language": "es-SV", "items": [
 {"id": "https://diario.example/a", "title": "<b>Una</b> nota", "content_html": "<p>Hola</p><script>x</script>",
  "date_published": "2026-11-24T06:00:00-06:00", "authors": [{"name": "Ana"}, {"name": "Luis"}],
  "tags": ["pa\\u00eds"]},
 {"id": 7, "url": "/b", "content_text": "Texto \\ud800", "image": "javascript:alert(1)"}, "no object", null]}"""


def test_a_json_feed_is_recognised_and_read() -> None:
    parsed = parse(JSON, "application/feed+json", feed="d", base=BASE)
    a, b = parsed.entries
    assert (parsed.title, parsed.language) == ("Diario", "es")
    assert (a.link, a.title, a.content, a.author, a.section) == (
        "https://diario.example/a", "Una nota", "Hola", "Ana, Luis", "país",
    )  # fmt: skip
    assert a.published == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert (b.id, b.link, b.image) == ("7", "https://diario.example/b", None)
    assert [one.position for one in parsed.broken] == [2, 3]
    parsed.model_dump_json().encode()


@pytest.mark.parametrize("body", [b"{", b"{}", b"[" * 100_000, b'{"a":' * 100_000, b'{"version":7,"items":{}}'])
def test_what_is_no_json_feed_is_named_so(body: bytes) -> None:
    with pytest.raises(FeedUnreadable):
        parse_json(body, feed="d", base=BASE)


def dated_listing(*texts: str, day_first: bool = True, said: bool | None = None) -> list[tuple[str, bool]]:
    """The days that a listing with these dates gives, and which of them are guesses."""
    rows = "".join(f"<li><a href='/{number}'>Nota</a> <i>{text}</i></li>" for number, text in enumerate(texts))
    selectors = Listing(item="li", date="i", day_first=said)
    found = parse_listing(f"<ul>{rows}</ul>".encode(), None, selectors, feed="d", base=BASE, day_first=day_first)
    return [(f"{entry.published:%d %b}" if entry.published else "", entry.date_guessed) for entry in found.entries]


def test_a_listings_dates_in_figures_are_read_as_the_place_writes_them_and_flagged_when_unsure() -> None:
    assert dated_listing("12/03/2026", "2026-03-13") == [("12 Mar", True), ("13 Mar", False)]
    assert dated_listing("12/03/2026", day_first=False) == [("03 Dec", True)]
    assert dated_listing("12.03.2026", "24.02.2026", day_first=False) == [("12 Mar", False), ("24 Feb", False)]
    assert dated_listing("12/03/2026", "hoy", said=False) == [("03 Dec", False), ("", False)]
