"""A source's past, from sitemaps and saved pages, on a real broker."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows import backfill as module
from flows.backfill import read_past
from flows.feeds.past import origin
from flows.uptake import Progress
from schemas.article import Lane
from schemas.errors import ConfigError, FetchFailed

if TYPE_CHECKING:
    from tests.flows.conftest import Desk, Site

SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
TEXT = "The two governments signed the agreement. " * 10


def page(title: str, day: str, *, canonical: str = "") -> bytes:
    link = f'<link rel="canonical" href="{canonical}">' if canonical else ""
    return (
        f"<html><head><title>{title}</title>{link}"
        f'<meta property="article:published_time" content="{day}T08:00:00Z"></head>'
        f"<body><article><h1>{title}</h1><p>{title}. {TEXT}</p></article></body></html>"
    ).encode()


def sitemap(desk: "Desk", days: dict[str, str], path: str = "/sitemap.xml") -> None:
    """Let there be a sitemap of pages, by link, and the day on which each was published."""
    urls = "".join(
        f"<url><loc>{desk.site.url(link)}</loc><lastmod>{day}T09:00:00Z</lastmod></url>" for link, day in days.items()
    )
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    desk.site.answers[path] = (200, {}, f"<urlset {space}>{urls}</urlset>".encode())
    for link, day in days.items():
        desk.site.answers[link] = (200, {"Content-Type": "text/html"}, page(f"Piece {link[1:]}", day))


def past(desk: "Desk", **options: Any) -> Progress:
    return asyncio.run(read_past(desk.settings, "one", since=SINCE, until=UNTIL, stream=desk.stream, **options))


def test_a_range_of_dates_is_read_from_the_sitemap_and_marked_historic(desk: "Desk") -> None:
    desk.source("one")
    sitemap(desk, {"/march": "2026-03-10", "/early": "2026-02-10", "/april": "2026-04-10", "/late": "2026-03-31"})
    progress = past(desk)
    assert (progress.found, progress.published, progress.outside) == (3, 2, 1)
    assert {(a.title, a.lane, a.published_at.month) for a in desk.published()} == {
        ("Piece march", Lane.HISTORIC, 3),
        ("Piece late", Lane.HISTORIC, 3),
    }
    assert desk.site.hits("/early") == 0


def test_the_parts_of_a_sitemap_index_are_all_read_and_a_broken_one_is_passed_over(desk: "Desk") -> None:
    desk.source("one")
    sitemap(desk, {"/a": "2026-03-10"}, "/one.xml")
    sitemap(desk, {"/b": "2026-03-11"}, "/three.xml")
    parts = "".join(f"<sitemap><loc>{desk.site.url(f'/{n}.xml')}</loc></sitemap>" for n in ("one", "two", "three"))
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
    desk.site.answers["/index.xml"] = (200, {}, f"<sitemapindex {space}>{parts}</sitemapindex>".encode())
    assert past(desk, sitemap=desk.site.url("/index.xml")).published == 2
    with pytest.raises(FetchFailed, match="answered 404"):
        past(desk, sitemap=desk.site.url("/none.xml"))


def test_sitemaps_are_found_by_robots_or_at_the_usual_places_and_old_parts_are_left_alone(desk: "Desk") -> None:
    desk.source("one")
    sitemap(desk, {"/a": "2026-03-10"}, "/2026-03.xml")
    sitemap(desk, {"/old": "2020-03-10"}, "/2020.xml")
    parts = "".join(
        f"<sitemap><loc>{desk.site.url(f'/{name}.xml')}</loc><lastmod>{day}</lastmod></sitemap>"
        for name, day in (("2020", "2020-04-01"), ("2026-03", "2026-03-31"))
    )
    desk.site.answers["/wp-sitemap.xml"] = f"<sitemapindex>{parts}</sitemapindex>".encode()
    assert past(desk).published == 1
    assert (desk.site.hits("/2020.xml"), desk.site.hits("/sitemap_index.xml")) == (0, 1)
    (desk.settings.home / "cache.db").unlink()
    sitemap(desk, {"/b": "2026-03-10"}, "/hidden/map.xml")
    desk.site.answers["/robots.txt"] = f"Sitemap: {desk.site.url('/hidden/map.xml')}".encode()
    assert past(desk).published == 1
    assert desk.site.hits("/sitemap.xml") == 1


def test_a_backfill_that_was_stopped_goes_on_where_it_was(desk: "Desk", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    desk.source("one")
    sitemap(desk, {f"/{n}": "2026-03-10" for n in range(6)})

    def stop(progress: Progress) -> None:
        if progress.published == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        past(desk, told=stop)
    progress = past(desk)
    assert (progress.known, progress.published) == (4, 2)
    assert len({a.article_id for a in desk.published()}) == len(desk.published()) == 6


def test_what_the_poller_has_read_is_not_read_again_and_a_failed_page_is(desk: "Desk") -> None:
    desk.source("one")
    sitemap(desk, {"/a": "2026-03-10", "/b": "2026-03-11"})
    desk.items(("/a", "Piece a"))
    desk.poll()
    desk.site.answers["/b"] = (500, {}, b"")
    first = past(desk)
    assert (first.known, first.published, first.left) == (1, 0, 1)
    desk.site.answers["/b"] = (200, {"Content-Type": "text/html"}, page("Piece b", "2026-03-11"))
    assert past(desk).published == 1
    assert len({a.article_id for a in desk.published()}) == 2


def test_saved_pages_keep_their_identity_and_strangers_are_passed_over(desk: "Desk", tmp_path: Path) -> None:
    desk.source("one")
    folder = tmp_path / "saved"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.html").write_bytes(page("Piece a", "2026-03-10", canonical=desk.site.url("/a")))
    (folder / "deep/b.htm").write_bytes(page("Piece b", "2026-03-11", canonical="https://other.example/b"))
    (folder / "c.html").write_bytes(page("Piece c", "2026-03-12"))
    (folder / "notes.txt").write_text("no page")
    sitemap(desk, {"/a": "2026-03-10"})
    assert past(desk, folder=folder).published == 1
    assert past(desk).known == 1
    (found,) = desk.published()
    assert (found.url, found.lane) == (desk.site.url("/a"), Lane.HISTORIC)
    assert {path for path, _ in desk.site.asked} == {"/robots.txt", "/sitemap.xml"}
    with pytest.raises(ConfigError, match="no such folder"):
        past(desk, folder=tmp_path / "none")


@pytest.mark.parametrize(
    ("body", "url"),
    [
        (b"<!-- saved from url=(0031)https://news.example/a?b=1&amp;c=2 -->", "https://news.example/a?b=1&c=2"),
        (b"<LINK href='https://news.example/x' REL=canonical>", "https://news.example/x"),
        (b'<meta property="og:url" content="https://news.example/y">', "https://news.example/y"),
        (b'<link rel="canonical" href="/relative"><link rel="stylesheet" href="https://x.example/">', None),
        (b"<link " * 100_000, None),
    ],
)
def test_a_saved_page_says_where_it_came_from(body: bytes, url: str | None) -> None:
    assert origin(body) == url


def test_a_source_that_is_not_listed_is_named(desk: "Desk") -> None:
    desk.source("two")
    with pytest.raises(ConfigError, match=r"has no feed 'one'. There are two"):
        past(desk)


def archive(desk: "Desk", path: str, *days: str, **links: str) -> None:
    """Let there be an Atom document with a piece of each day, and links of that relation to other documents."""
    entries = "".join(
        f"<entry><id>{path}/{day}</id><title>Piece {day}</title><link href='{desk.site.url(f'/piece/{day}')}'/>"
        f"<published>{day}T08:00:00Z</published><content type='html'>{TEXT * 3}</content></entry>"
        for day in days
    )
    linked = "".join(f"<link rel='{rel.replace('_', '-')}' href='{href}'/>" for rel, href in links.items())
    desk.site.answers[path] = f"<feed xmlns='http://www.w3.org/2005/Atom'>{linked}{entries}</feed>".encode()


def test_the_archives_that_a_feed_links_to_are_read_within_the_range(desk: "Desk") -> None:
    desk.source("one")
    archive(desk, "/feed", "2026-04-02", "2026-03-30", prev_archive="/2026-03", next="/wrong")
    archive(desk, "/2026-03", "2026-03-30", "2026-03-10", prev_archive="/2026-02")
    archive(desk, "/2026-02", "2026-02-20", "2026-02-10", prev_archive="/2026-01")
    progress = past(desk, archives=True)
    assert (progress.found, progress.published, progress.left) == (2, 2, 0)
    assert {(a.title, a.lane, a.text != "") for a in desk.published()} == {
        ("Piece 2026-03-30", Lane.HISTORIC, True),
        ("Piece 2026-03-10", Lane.HISTORIC, True),
    }
    assert (desk.site.hits("/2026-02"), desk.site.hits("/2026-01"), desk.site.hits("/wrong")) == (1, 0, 0)
    assert past(desk, archives=True).known == 2


def test_the_pages_of_a_feed_end_where_they_turn_in_a_circle(desk: "Desk") -> None:
    desk.source("one")
    archive(desk, "/feed", "2026-03-30", next="/feed?p=2")
    archive(desk, "/feed?p=2", "2026-03-29", next="/feed?p=3", previous="/feed")
    archive(desk, "/feed?p=3", "2026-03-29", next="/feed?p=4")
    progress = past(desk, archives=True)
    assert (progress.published, desk.site.hits("/feed?p=4")) == (2, 0)
    assert progress.notes == (f"{desk.site.url('/feed?p=3')}: shows nothing that later documents did not",)
    archive(desk, "/feed?p=3", "2026-03-28", next="/feed")
    assert "in a circle" in past(desk, archives=True).notes[0]
    archive(desk, "/feed?p=3", "2026-03-28", previous="/feed?p=2")
    assert past(desk, archives=True).notes == ()
    archive(desk, "/feed")
    assert "links to no earlier documents" in past(desk, archives=True).notes[0]


def test_the_older_pages_of_a_wordpress_feed_are_read_though_nothing_links_to_them(desk: "Desk") -> None:
    desk.source("one", "/feed/")
    for path, day in {"/feed/": "2026-03-30", "/feed/?paged=2": "2026-03-20", "/feed/?paged=3": "2026-03-10"}.items():
        archive(desk, path, day)
        said = b"<generator>https://wordpress.org/?v=6.8</generator>"
        desk.site.answers[path] = desk.site.answers[path].replace(b"<entry>", said + b"<entry>", 1)
    progress = past(desk, archives=True)
    assert (progress.published, progress.left) == (3, 0)
    assert progress.notes == (f"{desk.site.url('/feed/?paged=4')}: answered 404",)


def test_an_archive_elsewhere_is_not_followed_and_one_that_fails_is_tried_again(desk: "Desk", canary: "Site") -> None:
    desk.source("one")
    archive(desk, "/feed", "2026-03-30", prev_archive=f"http://localhost:{canary.port}/older")
    progress = past(desk, archives=True)
    assert (progress.published, canary.asked) == (1, [])
    assert "is another site's" in progress.notes[0]
    archive(desk, "/feed", "2026-03-30", prev_archive="/older")
    desk.site.answers["/older"] = (503, {}, b"")
    assert past(desk, archives=True).left == 1
    archive(desk, "/older", "2026-03-29")
    progress = past(desk, archives=True)
    assert (progress.known, progress.published, progress.left) == (1, 1, 0)
