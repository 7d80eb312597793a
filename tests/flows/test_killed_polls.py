"""A poller or a backfill killed at any point loses no article and makes no second one."""

import asyncio
import json
import signal
import subprocess
import sys
import uuid
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consumers import archive
from consumers.index import index
from consumers.outcome import Done
from deploy.local.supervise import RunningStack
from flows.backfill import read_past
from schemas.article import Article
from schemas.classification import Classification, ModelRef
from schemas.indices import Indices
from schemas.settings import ElasticsearchSettings

if TYPE_CHECKING:
    from tests.flows.conftest import Desk

SCRIPT = Path(__file__).with_name("killed_polls.py")
POINTS = (
    *("before_ensure:1", "after_ensure:1", "after_open:1", "before_fetch:1"),
    *("before_send:1", "before_send:2", "before_send:3", "after_send:1", "after_send:2", "after_send:3"),
    *("before_message:2", "after_message:1", "after_message:3", "after_message:4", "after_message:5"),
    *("after_remember:1", "after_remember:2", "after_remember:3", "before_save:1", "after_save:1"),
)
PAST_POINTS = ("before_send:1", "after_message:3", "after_send:2", "before_remember:2", "after_remember:1")
"""Where a backfill dies, each time a new one: what it has not done by then, the next one does."""

ENTRIES = 6
"""New ones before each poll, in batches of two."""

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def indexed(stack: RunningStack) -> Indices:
    """Indices of this test's own."""
    made = Indices(prefix=f"t{uuid.uuid4().hex[:10]}-")
    with closing(archive.open_archive(elasticsearch(stack), made)) as client:
        archive.ensure(client)
    return made


def elasticsearch(stack: RunningStack) -> ElasticsearchSettings:
    return ElasticsearchSettings(url=stack.endpoints.elasticsearch or "")


def documents(stack: RunningStack, indices: Indices, articles: list[Article]) -> list[dict[str, object]]:
    """What the index holds once its worker has read these articles, in their order."""
    model = ModelRef(id="m", generation=1, sha256="0" * 64)
    batch = [
        Classification(
            article=article, model=model, relevance=1, relevant=True, classified_at_ms=article.observed_at_ms
        )
        for article in articles
    ]
    with closing(archive.open_archive(elasticsearch(stack), indices)) as client:
        outcomes = index(batch, es=client, now=lambda: NOW)
        assert all(isinstance(outcome, Done) for outcome in outcomes)
        archive.refresh(client, indices.news)
        found = archive.search(client, {"size": 1000, "query": {"match_all": {}}})
    return [{"_index": hit["_index"], **hit["_source"]} for hit in found["hits"]["hits"]]


def test_a_poll_killed_at_any_of_twenty_points_loses_nothing_and_doubles_nothing(
    desk: "Desk", stack: RunningStack, indexed: Indices
) -> None:
    assert len(POINTS) == 20
    desk.source("one", fetch_pages=False)
    titles: list[tuple[str, str]] = []
    command = [sys.executable, str(SCRIPT), desk.settings.model_dump_json(), desk.stream.name, *POINTS]
    statuses: dict[str, int] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        for line in process.stdout:
            said = json.loads(line)
            if "next" in said:
                titles += [(f"/{number}", f"Title {number}") for number in range(len(titles), len(titles) + ENTRIES)]
                desk.items(*titles)
                process.stdin.write("\n")
                process.stdin.flush()
            else:
                statuses[said["point"]] = said["status"]
    assert statuses == dict.fromkeys(POINTS, -signal.SIGKILL)
    desk.poll()
    published = desk.published()
    assert {article.title for article in published} == {title for _, title in titles}
    readings = defaultdict(set)
    for article in published:
        readings[article.article_id].add(article.content_hash)
    assert len(readings) == len(titles) == ENTRIES * len(POINTS)
    assert all(len(hashes) == 1 for hashes in readings.values())
    # what a kill makes us read again is a batch
    assert len(published) - len(titles) <= 2 * len(POINTS)
    found = documents(stack, indexed, published)
    assert len(found) == len(titles)
    assert all(len(document["revisions"]) == 1 for document in found)  # type: ignore[arg-type]


def test_a_backfill_killed_at_any_point_goes_on_and_loses_and_doubles_nothing(
    desk: "Desk", stack: RunningStack, indexed: Indices, tmp_path: Path
) -> None:
    desk.source("one")
    pages = {
        desk.site.url(f"/{number}"): (
            f"<html><title>Title {number}</title><meta property='article:published_time' content='2026-03-10'>"
            f"<article><p>Number {number}. {'The two governments signed the agreement. ' * 8}</p></article></html>"
        ).encode()
        for number in range(2 * len(PAST_POINTS) + 2)
    }
    for url, page in pages.items():
        desk.site.answers[url.removeprefix(desk.site.url(""))] = (200, {"Content-Type": "text/html"}, page)
    links = "".join(f"<url><loc>{url}</loc><lastmod>2026-03-11</lastmod></url>" for url in pages)
    desk.site.answers["/sitemap.xml"] = f"<urlset>{links}</urlset>".encode()
    file = tmp_path / "past.warc"
    with file.open("wb") as written:
        for url, page in reversed(pages.items()):
            block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page
            head = f"WARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2026-05-01T10:00:00Z\r\n"
            start = f"WARC/1.0\r\n{head}Content-Length: {len(block)}\r\n\r\n".encode()
            written.write(start + block + b"\r\n\r\n")
    script = str(SCRIPT.with_name("killed_backfills.py"))
    command = [sys.executable, script, desk.settings.model_dump_json(), desk.stream.name, str(file), *PAST_POINTS]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout.splitlines()
    assert [json.loads(line) for line in said] == [{point: -signal.SIGKILL} for point in PAST_POINTS]
    since, until = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    rest = asyncio.run(read_past(desk.settings, "one", since=since, until=until, stream=desk.stream))
    assert (rest.found, rest.left, rest.skipped) == (len(pages), 0, 0)
    assert 0 < rest.published < len(pages)
    published = desk.published()
    assert {article.url for article in published} == set(pages)
    assert len({(article.article_id, article.content_hash) for article in published}) == len(pages)
    assert len(published) - len(pages) <= 2 * len(PAST_POINTS)
    found = documents(stack, indexed, published)
    assert len(found) == len(pages)
    assert all(len(document["revisions"]) == 1 for document in found)  # type: ignore[arg-type]


def test_one_piece_that_two_feeds_date_on_either_side_of_a_month_is_one_document(
    desk: "Desk", stack: RunningStack, indexed: Indices
) -> None:
    dates = {"/one": "Sat, 31 Oct 2026 23:59:00 GMT", "/two": "Sun, 01 Nov 2026 00:01:00 GMT"}
    for path, date in dates.items():
        desk.source(path[1:], path, fetch_pages=False)
        dated(desk, path, date)
        desk.poll(only=[path[1:]])
    dated(desk, "/one", "Mon, 02 Nov 2026 09:00:00 GMT", title="Title corrected")
    desk.poll(only=["one"])
    published = desk.published()
    assert [(a.published_at.month, a.title) for a in published] == [
        (10, "Title"),
        (11, "Title"),
        (11, "Title corrected"),
    ]
    for order in (published, published[::-1]):
        (document,) = documents(stack, indexed, order)
        assert document["_index"] == f"{indexed.prefix}news-2026.10"
        assert document["title"] == "Title corrected"


def dated(desk: "Desk", path: str, date: str, *, title: str = "Title") -> None:
    """Let the feed at `path` show one piece of that date."""
    item = f"<item><title>{title}</title><link>{desk.site.url('/a')}</link><pubDate>{date}</pubDate></item>"
    desk.site.answers[path] = f"<rss version='2.0'><channel>{item}</channel></rss>".encode()
