"""Replays and retention, on a real broker and a real index."""

import uuid
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consumers import archive
from consumers.documents import Document
from consumers.index import document
from deploy.local.supervise import RunningStack
from flows.deadletters import Kept
from flows.progress import Progresses
from flows.publish import Publisher, ensure, reread, span
from flows.replay import Replayed, replay_dead, replay_index, replay_stream
from flows.retention import drop_old
from schemas.article import Article, Lane
from schemas.classification import Classification, ModelRef
from schemas.deadletter import DeadLetter
from schemas.errors import ConfigError
from schemas.identity import article_id, content_hash
from schemas.indices import Indices
from schemas.settings import ElasticsearchSettings
from schemas.streams import DEADLETTER, DEADMARKS
from schemas.wire import encode

if TYPE_CHECKING:
    from tests.flows.conftest import Desk

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


def piece(number: int, *, published: datetime = NOW) -> Article:
    url = f"https://news.example/{number}"
    return Article(
        article_id=article_id(url),
        url=url,
        link=url,
        feed="one",
        outlet="One",
        title=f"Title {number}",
        text="The two governments signed the agreement.",
        language="en",
        published_at=published,
        observed_at_ms=NOW_MS + number,
        content_hash=content_hash(f"Title {number}", "text"),
    )


@pytest.fixture
def kept(desk: "Desk") -> Kept:
    name = f"test.{uuid.uuid4().hex[:12]}"
    found = Kept(replace(DEADLETTER, name=name), replace(DEADMARKS, name=f"{name}.marks"))
    ensure(desk.settings.kafka, (desk.stream, found.letters, found.marks))
    return found


def put(desk: "Desk", *articles: Article) -> None:
    ensure(desk.settings.kafka, (desk.stream,))
    with Publisher(desk.settings.kafka) as publisher:
        assert not publisher.send(desk.stream, articles).refused


def test_dead_letters_go_back_byte_for_byte_once_and_by_their_error(desk: "Desk", kept: Kept) -> None:
    put(desk, piece(1))
    (lying,) = [one for batch in reread(desk.settings.kafka, desk.stream.name, all_of(desk)) for one in batch]

    def letter(error: str, *, value: bytes | None, days: int = 0) -> DeadLetter:
        return DeadLetter(
            stage="classify",
            stream=desk.stream.name,
            partition=lying.partition,
            offset=lying.offset,
            key=b"\xff odd",
            value=value,
            value_bytes=10,
            error=error,
            reason="why",
            attempts=1,
            at_ms=NOW_MS - days * 86_400_000,
        )

    sent = [encode(piece(2)), encode(piece(3)), encode(piece(4))]
    with Publisher(desk.settings.kafka) as publisher:
        found = [
            letter("WireError", value=sent[0]),
            letter("WireError", value=sent[1], days=9),
            letter("Poison", value=sent[2]),
            letter("TooLarge", value=None),
        ]
        publisher.send(kept.letters, found)
    settings, since = desk.settings, NOW - timedelta(days=2)
    assert replay_dead(settings, error="WireError", since=since, dry_run=True, kept=kept).sent == 1
    assert replay_dead(settings, error="WireError", since=since, kept=kept) == Replayed(read=4, sent=1, passed=3)
    assert replay_dead(settings, kept=kept) == Replayed(read=4, sent=3, passed=1)
    assert replay_dead(settings, kept=kept) == Replayed(read=4, passed=4)
    assert [a.title for a in desk.published()] == ["Title 1", "Title 1", "Title 2", "Title 3", "Title 4"]
    assert replay_dead(settings, kept=kept, again=True).sent == 4


def all_of(desk: "Desk") -> dict[int, tuple[int, int]]:
    return span(desk.settings.kafka, desk.stream)


def test_a_stream_is_replayed_up_to_its_end_and_goes_on_where_it_was_stopped(desk: "Desk") -> None:
    put(desk, *(piece(number) for number in range(40)))

    def stop(progress: Replayed) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay_stream(desk.settings, stream=desk.stream, told=stop)
    first = len(desk.published()) - 40
    second = replay_stream(desk.settings, stream=desk.stream)
    assert (first + second.sent, second.refused) == (40, 0)
    published = desk.published()
    assert len(published) == 80
    assert sum(article.lane is Lane.HISTORIC for article in published) == 40
    assert len({article.article_id for article in published}) == 40
    assert replay_stream(desk.settings, stream=desk.stream, since=datetime.now(UTC) + timedelta(days=1)).read == 0


@pytest.fixture
def indices(stack: RunningStack, desk: "Desk") -> Indices:
    """Indices of this test's own, with a piece of each of five months; `desk` knows where."""
    url = stack.endpoints.elasticsearch or ""
    desk.settings = desk.settings.model_copy(update={"elasticsearch": ElasticsearchSettings(url=url)})
    made = Indices(prefix=f"t{uuid.uuid4().hex[:10]}-")
    with closing(archive.open_archive(desk.settings.elasticsearch, made)) as client:
        archive.ensure(client)
        for number, month in enumerate((7, 8, 9, 10, 11)):
            article = piece(number, published=NOW.replace(month=month))
            model = ModelRef(id="m", generation=3, sha256="0" * 64)
            said = Classification(article=article, model=model, relevance=1, relevant=True, classified_at_ms=NOW_MS)
            index = made.month(article.published_at)
            archive.put(client, [Document(index, article.article_id, said.version, document(said, "s", [], NOW))])
        archive.refresh(client, made.news)
    return made


def test_pieces_come_back_from_the_index_as_they_were_read(desk: "Desk", indices: Indices) -> None:
    since, until = NOW.replace(month=8), NOW.replace(month=11)
    done = replay_index(desk.settings, since=since, until=until, stream=desk.stream, indices=indices)
    assert done == Replayed(read=3, sent=3)
    expected = [piece(n, published=NOW.replace(month=8 + n - 1)) for n in (1, 2, 3)]
    assert desk.published() == [article.model_copy(update={"lane": Lane.HISTORIC}) for article in expected]


def test_months_that_are_too_old_are_dropped_and_no_others(desk: "Desk", indices: Indices) -> None:
    old = {f"{indices.prefix}news-2026.07": 1, f"{indices.prefix}news-2026.08": 1}
    assert drop_old(desk.settings, keep_months=3, now=NOW, dry_run=True, indices=indices) == old
    assert drop_old(desk.settings, keep_months=3, now=NOW, indices=indices) == old
    assert drop_old(desk.settings, keep_months=3, now=NOW, indices=indices) == {}
    left = replay_index(
        desk.settings, since=NOW - timedelta(days=999), until=NOW + timedelta(days=1), dry_run=True, indices=indices
    )
    assert left.read == 3
    with pytest.raises(ConfigError, match="Keep one month at least"):
        drop_old(desk.settings, keep_months=0, now=NOW, indices=indices)


def test_how_far_a_job_is_outlives_its_process(tmp_path: Path) -> None:
    with Progresses(tmp_path) as jobs:
        assert jobs.load("a") is None
        jobs.save("a", {"0": [1, 2]})
    with Progresses(tmp_path) as jobs:
        assert jobs.load("a") == {"0": [1, 2]}
        jobs.end("a")
        assert jobs.load("a") is None
    (tmp_path / "flows.db").write_bytes(b"garbage" * 100)
    with pytest.raises(ConfigError, match="Move it away"):
        Progresses(tmp_path)
