"""A source's past, from sitemaps and saved pages, on a real broker."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows import backfill as module
from flows.backfill import Progress, read_past
from flows.feeds.past import origin
from schemas.article import Lane
from schemas.errors import ConfigError, FetchFailed

if TYPE_CHECKING:
    from tests.flows.conftest import Desk

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
    assert [path for path, _ in desk.site.asked if path != "/sitemap.xml"] == []
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
