"""Whole polls of sources that are no plain feed, or whose pages are no pieces; on a real broker."""

import gzip
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import pytest

from flows.feeds import reach
from flows.feeds.redirectors import Redirectors
from flows.report import Result
from schemas.article import Flag, TextSource

if TYPE_CHECKING:
    from tests.flows.conftest import Desk, Site

NOW = datetime.now(UTC)


def only(desk: "Desk", **options: Any) -> Any:
    (polled,) = desk.poll(**options).polled
    return polled


def sitemap(desk: "Desk", path: str, *links: str, packed: bool = False) -> None:
    when = f"{NOW - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    urls = "".join(
        f"<url><loc>{desk.site.url(link)}</loc><n:news><n:publication_date>{when}</n:publication_date>"
        f"<n:title>Title of {link}</n:title></n:news></url>"
        for link in links
    )
    body = (
        "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9' "
        f"xmlns:n='http://www.google.com/schemas/sitemap-news/0.9'>{urls}</urlset>"
    ).encode()
    desk.site.answers[path] = (200, {"Content-Type": "application/xml"}, gzip.compress(body) if packed else body)


def html(body: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "text/html"} | headers, f"<html><body>{body}</body></html>".encode()


def test_an_outlet_with_nothing_but_a_packed_sitemap_of_several_parts_is_read(desk: "Desk") -> None:
    desk.source("map", "/index.xml", transport="news_sitemap")
    parts = "".join(
        f"<sitemap><loc>{desk.site.url(path)}</loc><lastmod>{day}</lastmod></sitemap>"
        for path, day in (("/old.xml.gz", "2019-01-01"), ("/1.xml.gz", "2026-11-20"), ("/2.xml.gz", "2026-11-24"))
    )
    desk.site.answers["/index.xml"] = f"<sitemapindex>{parts}</sitemapindex>".encode()
    sitemap(desk, "/old.xml.gz", packed=True)
    sitemap(desk, "/1.xml.gz", "/a", packed=True)
    sitemap(desk, "/2.xml.gz", "/b", packed=True)
    desk.page("/a", "Alpha.")
    desk.page("/b", "Beta.")
    assert only(desk).new == 2
    assert {(a.title, a.text.split()[0], a.date_guessed) for a in desk.published()} == {
        ("Title of /a", "Alpha.", False),
        ("Title of /b", "Beta.", False),
    }
    sitemap(desk, "/2.xml.gz", "/c", "/b", packed=True)
    desk.page("/c", "Gamma.")
    assert only(desk).new == 1, "the index is the same, its part is not"


def test_a_page_of_links_is_read_and_a_changed_design_is_named(desk: "Desk") -> None:
    desk.source("list", "/news", transport="listing")
    with desk.settings.poll.feeds_file.open("a") as file:
        file.write('listing = { item = "div.n", link = "h2 a", date = "time" }\n')
    desk.site.answers["/news"] = html('<div class="n"><h2><a href="/a">First</a></h2><time>2026-11-24</time></div>')
    desk.page("/a", "Alpha.")
    assert only(desk).new == 1
    (article,) = desk.published()
    assert (article.title, article.published_at) == ("First", datetime(2026, 11, 24, tzinfo=UTC))
    desk.site.answers["/news"] = html('<div class="card"><h2><a href="/b">Second</a></h2></div>')
    polled = only(desk)
    assert (polled.result, "design may have changed" in polled.reason) == (Result.FAILED, True)


def test_a_listings_dates_in_figures_are_meant_as_its_country_writes_them(desk: "Desk") -> None:
    for name, country in (("sv", "SV"), ("us", "US")):
        desk.site.answers[f"/{name}/news"] = html(f"<li><a href='/{name}/a'>Deal</a><time>03/05/2026</time></li>")
        desk.source(name, f"/{name}/news", transport="listing", country=country, fetch_pages=False)
        with desk.settings.poll.feeds_file.open("a") as file:
            file.write('listing = { item = "li", date = "time" }\n')
    desk.poll()
    months = {(article.feed, article.published_at.month, article.date_guessed) for article in desk.published()}
    assert months == {("sv", 5, True), ("us", 3, True)}


def test_a_feed_that_dies_gives_way_to_its_sitemap_without_a_double_and_comes_back(desk: "Desk") -> None:
    desk.source("both")
    with desk.settings.poll.feeds_file.open("a") as file:
        file.write(f'fallbacks = [{{ url = "{desk.site.url("/map.xml")}", transport = "news_sitemap" }}]\n')
    desk.items(("/a", "Title of /a"), ("/b", "Title of /b"))
    desk.page("/a", "Alpha.")
    desk.page("/b", "Beta.")
    assert only(desk).new == 2
    desk.site.answers["/feed"] = (404, {}, b"")
    sitemap(desk, "/map.xml", "/c", "/b", "/a")
    desk.page("/c", "Gamma.")
    polled = only(desk)
    assert (polled.new, polled.notes[0]) == (1, f"now read at {desk.site.url('/map.xml')}")
    assert desk.state("both").url == desk.site.url("/map.xml")
    assert (desk.site.hits("/a"), desk.site.hits("/b")) == (1, 1), "what is known is not read again"
    asked = desk.site.hits("/feed")
    polled = only(desk)
    assert (polled.new, polled.notes, desk.site.hits("/feed")) == (0, (), asked)
    desk.items(("/c", "Title of /c"), ("/b", "Title of /b"))
    polled = only(desk, now=lambda: datetime.now(UTC) + timedelta(days=2))
    assert (polled.new, polled.notes[0]) == (0, f"now read at {desk.site.url('/feed')}")
    assert desk.state("both").url is None
    assert len(desk.published()) == 3


def test_a_server_in_trouble_is_asked_twice_before_another_place_is(desk: "Desk") -> None:
    desk.source("both", "/feed", fallbacks=[])
    text = desk.settings.poll.feeds_file.read_text()
    other = f'fallbacks = [{{ url = "{desk.site.url("/other")}" }}]'
    desk.settings.poll.feeds_file.write_text(text.replace("fallbacks = []", other))
    desk.site.answers["/feed"] = (503, {}, b"")
    desk.items(("/a", "First"), path="/other")
    desk.page("/a", "Alpha.")
    assert only(desk).result is Result.FAILED
    assert desk.site.hits("/other") == 0
    assert only(desk).new == 1
    desk.site.answers["/other"] = (404, {}, b"")
    polled = only(desk)
    assert (polled.result, polled.reason) == (Result.FAILED, "answered 404")


def test_a_search_gives_other_outlets_pieces_under_their_own_links(
    desk: "Desk", canary: "Site", monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = {f"127.0.0.1:{desk.site.port}"}
    monkeypatch.setattr(reach, "Redirectors", lambda *args, **kwargs: Redirectors(*args, **kwargs, hosts=hosts))
    desk.site.answers["/rss/articles/1"] = (302, {"Location": canary.url("/piece?utm_source=g")}, b"")
    desk.site.answers["/rss/articles/2"] = html("<script>location = decoded(key)</script>")
    text = "<article><h1>The deal is signed</h1><p>Alpha. " + "Both governments signed it. " * 9 + "</p></article>"
    canary.answers["/piece"] = html(text)
    desk.source("search", transport="query")
    shown = "".join(
        f"<item><title>{title} - The Paper</title><link>{link}</link><source url='https://paper.example'>The Paper"
        f"</source><description>{title} and other headlines</description></item>"
        for title, link in (
            ("Deal signed", desk.site.url("/rss/articles/1")),
            ("Deal lost", desk.site.url("/rss/articles/2")),
        )
    )
    desk.site.answers["/feed"] = f"<rss version='2.0'><channel>{shown}</channel></rss>".encode()
    assert only(desk).new == 2
    lost, signed = sorted(desk.published(), key=lambda article: article.title)
    assert (signed.url, signed.link, signed.outlet, signed.flags) == (
        canary.url("/piece"), desk.site.url("/rss/articles/1"), "The Paper", (),
    )  # fmt: skip
    assert (signed.title, signed.text.split()[0]) == ("The deal is signed", "Alpha.")
    assert (lost.title, lost.url, lost.text) == ("Deal lost", desk.site.url("/rss/articles/2"), "")
    assert (lost.outlet, lost.summary, lost.flags) == ("The Paper", "", (Flag.LINK_UNRESOLVED,))
    only(desk)
    assert desk.site.hits("/rss/articles/2") == 1, "what can't be resolved is known for a while"


def test_links_to_a_host_of_the_outlets_own_inside_are_put_right(desk: "Desk") -> None:
    desk.source("one", links_at=desk.site.url(""))
    item = "<item><title>First</title><link>http://cms.internal:8080/a?id=1</link></item>"
    desk.site.answers["/feed"] = f"<rss version='2.0'><channel>{item}</channel></rss>".encode()
    desk.page("/a?id=1", "Alpha.")
    assert only(desk).new == 1
    (article,) = desk.published()
    assert (article.url, article.text.split()[0]) == (desk.site.url("/a?id=1"), "Alpha.")


def test_a_page_that_robots_txt_forbids_is_not_read_and_the_feed_speaks(desk: "Desk") -> None:
    desk.source("one")
    desk.site.answers["/robots.txt"] = b"User-agent: vigia\nDisallow: /closed\nCrawl-delay: 0.2\n"
    desk.items(("/closed/a", "First"), ("/open/b", "Second"), ("/open/c", "Third"))
    for path in ("/closed/a", "/open/b", "/open/c"):
        desk.page(path, "Alpha.")
    assert only(desk).new == 3
    assert {a.title: a.text_source for a in desk.published()} == {
        "First": TextSource.FEED,
        "Second": TextSource.PAGE,
        "Third": TextSource.PAGE,
    }
    assert (desk.site.hits("/closed/a"), desk.site.hits("/robots.txt")) == (0, 1)


def test_pages_that_all_lead_to_one_page_are_not_taken_for_pieces(desk: "Desk") -> None:
    desk.source("one")
    desk.items(("/news/first-piece", "First"), ("/news/second-piece", "Second"), ("/news/moved-piece", "Third"))
    for path in ("/news/first-piece", "/news/second-piece"):
        desk.site.answers[path] = (302, {"Location": "/members"}, b"")
    desk.site.answers["/news/moved-piece"] = (302, {"Location": "/2026/elsewhere"}, b"")
    desk.page("/members", "Members.")
    desk.page("/2026/elsewhere", "Moved.")
    assert only(desk).new == 3
    found = {article.title: article for article in desk.published()}
    assert {title: a.text.split()[0] for title, a in found.items()} == {
        "First": "In",
        "Second": "In",
        "Third": "Moved.",
    }
    assert len({a.article_id for a in found.values()}) == 3
    desk.items(("/news/later-piece", "Fourth"), ETag='"2"')
    desk.site.answers["/news/later-piece"] = (302, {"Location": "/members"}, b"")
    only(desk)
    assert next(a for a in desk.published() if a.title == "Fourth").text == "In short."


def test_a_wall_is_tried_again_and_the_piece_comes_when_it_is_gone(desk: "Desk") -> None:
    desk.source("one")
    desk.items(("/a", "First"))
    desk.site.answers["/a"] = html("<title>Just a moment...</title><p>Enable JavaScript and cookies to continue</p>")
    assert only(desk).new == 1
    desk.page("/a", "Alpha.")
    assert only(desk).new == 1
    before, after = desk.published()
    assert before.article_id == after.article_id
    assert (before.text, after.text.split()[0]) == ("In short.", "Alpha.")
    assert only(desk).new == 0


def test_a_live_page_is_read_at_every_poll_and_each_change_is_a_revision(desk: "Desk") -> None:
    desk.source("one")
    when = f"{NOW - timedelta(hours=1):%a, %d %b %Y %H:%M:%S GMT}"
    body = (
        f"<rss version='2.0'><channel><item><title>Live updates: the talks</title><link>{desk.site.url('/live/talks')}"
        f"</link><pubDate>{when}</pubDate></item></channel></rss>"
    )
    desk.site.answers["/feed"] = (200, {"ETag": '"same"'}, body.encode())
    for words in ("Morning.", "Noon.", "Noon.", "Evening."):
        desk.page("/live/talks", words)
        desk.poll()
    found = desk.published()
    assert [article.text.split()[0] for article in found] == ["Morning.", "Noon.", "Evening."]
    assert len({article.article_id for article in found}) == 1
    assert all(article.flags == (Flag.LIVE,) for article in found)
    desk.poll(now=lambda: datetime.now(UTC) + timedelta(days=2))
    hits = desk.site.hits("/live/talks")
    desk.poll(now=lambda: datetime.now(UTC) + timedelta(days=2))
    assert desk.site.hits("/live/talks") == hits, "an old one is left in peace"


def test_a_page_answers_slowly_only_to_its_own_source(desk: "Desk") -> None:
    def stall(handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(1)

    desk.source("slow", "/slow")
    desk.source("quick", "/quick")
    desk.items(("/stalls", "Slow"), path="/slow")
    desk.items(("/a", "Quick"), path="/quick")
    desk.site.answers["/stalls"] = stall
    desk.page("/a", "Alpha.")
    polled = {one.feed: one for one in desk.poll().polled}
    assert (polled["slow"].new, polled["quick"].new) == (1, 1)
    assert polled["quick"].seconds < polled["slow"].seconds
