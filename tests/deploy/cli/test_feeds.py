"""The feeds commands, on a site of 127.0.0.1."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli.main import app
from flows.feeds.catalogue import load_feeds
from flows.feeds.state import States
from schemas.errors import ConfigError, FeedError
from schemas.feed import FeedState, Transport

RUN = CliRunner()
FEEDS = """# what is read

[[feeds]]
id = "one"          # the first
url = "https://one.example/feed"
outlet = "One"

# ─── a section
[[feeds]]
id = "two"
url = "https://two.example/feed"
outlet = "Two"
paused = true       # for now
"""
TEXT = "".join(f"<p>{n}: The two governments signed the migration agreement on Monday morning.</p>" for n in range(12))


class Paper:
    """`answers`: what the site says at a path; `base` is its URL."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[str, str]] = {}
        self.base = ""

    def item(self, path: str) -> str:
        return f"<item><title>Deal at {path}</title><link>{self.base}{path}</link></item>"

    def feed(self, path: str, *links: str) -> None:
        items = "".join(map(self.item, links))
        body = f"<rss version='2.0'><channel><title>The Paper</title><language>en-US</language>{items}</channel></rss>"
        self.answers[path] = ("application/rss+xml", body)

    def page(self, path: str, body: str = TEXT, head: str = "") -> None:
        self.answers[path] = ("text/html", f"<html><head>{head}</head><body><article>{body}</article></body></html>")


@pytest.fixture
def paper() -> Iterator[Paper]:
    made = Paper()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = made.answers.get(self.path, ("text/plain", ""))
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.base = f"http://127.0.0.1:{server.server_address[1]}"
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def feeds_file(tmp_path: Path) -> Path:
    file = tmp_path / "feeds.toml"
    file.write_text(FEEDS)
    return file


@pytest.fixture
def vigia(feeds_file: Path, tmp_path: Path) -> Callable[..., Any]:
    env = {
        "VIGIA_POLL__FEEDS_FILE": str(feeds_file),
        "VIGIA_HOME": str(tmp_path / "home"),
        "VIGIA_POLL__ALLOW_NETWORKS": '["127.0.0.1/32"]',
        "VIGIA_POLL__TOTAL_S": "3",
        "COLUMNS": "200",
    }
    return lambda *args: RUN.invoke(app, ["feeds", *args], env=env)


def test_each_source_is_listed_with_whether_it_is_read(vigia: Callable[..., Any]) -> None:
    assert re.search(r"two +Two .* paused", vigia("list").output)
    assert [feed["id"] for feed in json.loads(vigia("list", "--active", "--json").stdout)] == ["one"]


def test_a_trial_shows_what_would_be_published_and_why_the_rest_would_not(
    vigia: Callable[..., Any], paper: Paper, tmp_path: Path
) -> None:
    paper.feed("/feed", "/a", "/b")
    paper.page("/a")
    paper.page("/b", "<p>Enable JavaScript</p>", "<title>Just a moment...</title>")
    paper.answers["/feed"] = (
        paper.answers["/feed"][0],
        paper.answers["/feed"][1].replace("</channel>", "<item/></channel>"),
    )
    told = vigia("test", f"{paper.base}/feed")
    assert told.exit_code == 0
    assert "The Paper" in told.output
    assert "2 of the newest 3 would be published" in told.output
    assert re.search(r"characters from the page\n +http://127.0.0.1:\d+/a", told.output)
    assert "has no link" in told.output
    found = json.loads(vigia("test", f"{paper.base}/feed", "--json").stdout)
    first, second, third = found["tried"]
    assert first["article"]["text"].startswith("0: The two governments")
    assert (second["article"]["text"], second["article"]["text_source"]) == ("", "title")
    assert second["page"] == "the page asks for a proof that a human reads it"
    assert "from the title (the page asks for a proof" in told.output
    assert (third["article"], third["reason"]) == (None, "has no link")
    assert not (tmp_path / "home/feeds.db").exists()


def test_a_trial_of_what_can_not_be_read_says_why(vigia: Callable[..., Any], paper: Paper) -> None:
    paper.page("/")
    assert isinstance(vigia("test", f"{paper.base}/").exception, FeedError)
    assert "answered 404" in str(vigia("test", f"{paper.base}/nothing").exception)
    assert "has no feed 'three'" in str(vigia("test", "three").exception)
    paper.feed("/empty")
    assert vigia("test", f"{paper.base}/empty").exit_code == 1


def test_a_source_is_added_from_its_page_with_every_comment_kept(
    vigia: Callable[..., Any], paper: Paper, feeds_file: Path
) -> None:
    links = "".join(
        f'<link rel="alternate" type="application/rss+xml" href="{path}">'
        for path in ("javascript:alert(1)", "http://169.254.169.254/feed", "/broken", "/real", "/comments/feed")
    )
    paper.page("/news", head=links)
    paper.page("/broken")
    paper.feed("/real", "/a")
    added = vigia("add", f"{paper.base}/news", "--id", "paper", "--country", "sv")
    assert added.exit_code == 0, added
    assert f"added paper: {paper.base}/real (feed, 1 entries)" in added.output
    assert feeds_file.read_text().startswith(FEEDS)
    feed = load_feeds(feeds_file).feeds[-1]
    assert (feed.id, feed.url, feed.outlet, feed.language, feed.country) == (
        "paper", f"{paper.base}/real", "The Paper", "en", "SV",
    )  # fmt: skip
    assert "is read already, as 'paper'" in str(vigia("add", f"{paper.base}/real").exception)


def test_a_site_without_a_feed_is_added_by_its_news_sitemap(
    vigia: Callable[..., Any], paper: Paper, feeds_file: Path
) -> None:
    paper.page("/")
    paper.answers["/robots.txt"] = ("text/plain", f"User-agent: *\nSitemap: {paper.base}/map-news.xml")
    paper.answers["/map-news.xml"] = (
        "text/xml",
        f"<urlset><url><loc>{paper.base}/a</loc><lastmod>{datetime.now(UTC):%Y-%m-%d}</lastmod></url></urlset>",
    )
    assert vigia("add", f"{paper.base}/").exit_code == 0
    feed = load_feeds(feeds_file).feeds[-1]
    assert (feed.url, feed.transport) == (f"{paper.base}/map-news.xml", Transport.NEWS_SITEMAP)
    del paper.answers["/robots.txt"], paper.answers["/map-news.xml"]
    assert "has no feed and no news sitemap" in str(vigia("add", f"{paper.base}/").exception)


def test_a_source_is_paused_and_resumed_in_its_place(
    vigia: Callable[..., Any], feeds_file: Path, tmp_path: Path
) -> None:
    assert "one is paused" in vigia("pause", "one").output
    assert "one was paused already" in vigia("pause", "one").output
    assert feeds_file.read_text() == FEEDS.replace("# the first\n", "# the first\npaused = true\n")
    home = tmp_path / "home"
    with States(home) as states:
        states.save(FeedState(feed="two", gone=True, error_streak=4), now=datetime.now(UTC))
    assert vigia("resume", "two", "one").exit_code == 0
    assert [feed.paused for feed in load_feeds(feeds_file).feeds] == [False, False]
    assert "paused = false       # for now" in feeds_file.read_text()
    with States(home) as states:
        assert (states.load("two").gone, states.load("two").error_streak) == (False, 0)
    assert isinstance(vigia("pause", "three").exception, ConfigError)


def test_what_is_exported_is_imported_again_once(vigia: Callable[..., Any], feeds_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "feeds.opml"
    assert vigia("export", str(file)).exit_code == 0
    assert b'xmlUrl="https://one.example/feed"' in file.read_bytes()
    assert "0 feeds added, 2 were there" in vigia("import", str(file)).output
    feeds_file.unlink()
    assert "2 feeds added (paused), 0 were there" in vigia("import", str(file)).output
    imported = load_feeds(feeds_file).feeds
    assert [(feed.id, feed.url, feed.outlet, feed.paused) for feed in imported] == [
        ("one", "https://one.example/feed", "One", True),
        ("two", "https://two.example/feed", "Two", True),
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html><body>no</body></html>", None),
        (b"", "is not"),
        (b"<opml/>", "is not OPML"),
        (b"<opml><body>" + b"<outline>" * 100_000, None),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><opml><body>&e;</body></opml>', None),
        (b'<opml><body><outline xmlUrl="file:///etc/passwd"/><outline xmlUrl="javascript:x"/></body></opml>', None),
    ],
)
def test_a_hostile_list_adds_nothing(
    vigia: Callable[..., Any], feeds_file: Path, tmp_path: Path, body: bytes, message: str | None
) -> None:
    file = tmp_path / "feeds.opml"
    file.write_bytes(body)
    result = vigia("import", str(file))
    assert feeds_file.read_text() == FEEDS
    if message is None:
        assert "0 feeds added" in result.output
    else:
        assert message in str(result.exception)


def test_a_hostile_title_becomes_a_plain_line_of_toml(
    vigia: Callable[..., Any], feeds_file: Path, tmp_path: Path
) -> None:
    file = tmp_path / "feeds.opml"
    title = "&quot;\\ \x7f &#10;paused = false&#10;[[feeds]] &lt;b&gt;ñ ‮"
    file.write_text(f'<opml><body><outline text="{title}" xmlUrl="https://three.example/f"/></body></opml>')
    assert "1 feeds added" in vigia("import", str(file)).output
    feeds = load_feeds(feeds_file).feeds
    assert [feed.id for feed in feeds] == ["one", "two", "three"]
    assert (feeds[-1].paused, feeds[-1].outlet) == (True, '"\\ paused = false [[feeds]] ñ')


def test_health_names_what_is_not_well(vigia: Callable[..., Any], tmp_path: Path) -> None:
    assert vigia("health").exit_code == 0
    with States(tmp_path / "home") as states:
        states.save(FeedState(feed="one", error_streak=2, last_error="answered 403"), now=datetime.now(UTC))
    result = vigia("health")
    assert result.exit_code == 1
    assert "answered 403" in result.output
    assert json.loads(vigia("health", "--json").stdout)[0]["condition"] == "failing"
