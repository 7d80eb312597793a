"""Indices move into a new mapping while they are read and written, on the real node."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

import pytest

from consumers import archive as consumers_archive
from consumers.archive import Client, open_archive, put
from consumers.documents import Document
from deploy.local.supervise import RunningStack
from flows import archive
from flows.migrate import MigrationRefused, Progress, migrate
from schemas.errors import Unavailable
from schemas.indices import EMBEDDING, Indices, template
from schemas.settings import ElasticsearchSettings, Settings

MONTH = datetime(2026, 10, 1, tzinfo=UTC)
NEAR = [0.25] + [0.0] * (EMBEDDING - 2) + [0.5]


@pytest.fixture
def settings(stack: RunningStack) -> Settings:
    return Settings(elasticsearch=ElasticsearchSettings(url=stack.endpoints.elasticsearch or "", timeout_s=120))


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    """Indices of this test's own; October is one of an older version, with 450 pieces."""
    with closing(open_archive(settings.elasticsearch, Indices(f"t{uuid.uuid4().hex[:10]}-"))) as made:
        old = template("news")["template"]
        old["mappings"]["_meta"]["version"] = 3
        for field in ("stances", "source"):
            del old["mappings"]["properties"][field]
        del old["mappings"]["properties"]["summary"]["fields"]
        name = made.indices.month(MONTH)
        aliases: dict[str, Any] = {made.indices.write(name): {}, made.indices.news: {}}
        consumers_archive.ensure(made)
        made.es.indices.create(index=name, aliases=aliases, **old)
        put(made, [document(name, number) for number in range(450)])
        yield made
        made.es.indices.delete(index=",".join(made.es.indices.get(index=f"{made.indices.prefix}*")))
        for shipped in made.indices.templates():
            made.es.options(ignore_status=404).indices.delete_index_template(name=shipped)


def document(index: str, number: int, version: int = 1) -> Document:
    article_id = f"a{number:04}"
    source = {
        "article_id": article_id,
        "title": f"Flight {number}",
        "summary": "The prisoners were flown home",
        "published_at": MONTH.isoformat(),
        "stance": {"us_aid": "against"},
        "stance_score": {"us_aid": -0.5},
        "stance_confidence": {"us_aid": 0.75},
        "version": version,
        "embedding": NEAR,
    }
    return Document(index, article_id, version, source)


def everything(client: Client) -> dict[str, int]:
    """What a search finds: the version of each piece."""
    client.es.indices.refresh(index=client.indices.news)
    hits = client.es.search(index=client.indices.news, size=5000, source_includes=["version"])["hits"]["hits"]
    assert len({hit["_id"] for hit in hits}) == len(hits)
    return {hit["_id"]: hit["_source"]["version"] for hit in hits}


def count(client: Client, query: dict[str, Any]) -> int:
    return int(client.es.count(index=client.indices.news, query=query)["count"])


def test_a_month_is_migrated_under_way_and_nothing_written_meanwhile_is_lost(
    client: Client, settings: Settings
) -> None:
    name = client.indices.month(MONTH)
    assert count(client, {"match": {"summary.en": "prisoner"}}) == 0
    done, written, seen = Event(), {f"a{n:04}": 1 for n in range(450)}, []

    def write() -> None:
        number = 400
        while not done.is_set():
            number += 1
            # the first fifty are new versions of what is there
            one = document(name, number, version=2)
            while True:
                try:
                    put(client, [one])
                except Unavailable:  # held off, as the worker would be
                    time.sleep(0.05)
                else:
                    break
            written[one.id] = 2

    def told(progress: Progress) -> None:
        seen.append(count(client, {"match_all": {}}))
        assert progress.name == name

    writer = Thread(target=write)
    writer.start()
    try:
        (migrated,) = migrate(settings, indices=client.indices, told=told)
    finally:
        time.sleep(0.3)
        done.set()
        writer.join(timeout=60)
    assert everything(client) == written
    assert migrated.documents >= 450
    assert min(seen) >= 450, "searches see everything all the time"
    assert list(client.es.indices.get_alias(index=name)) == [f"{name}-v{template('news')['version']}"]

    # old pieces are found by what the new mapping adds, their vectors came along, and an old version still loses
    assert count(client, {"match": {"summary.en": "prisoner"}}) == len(written)
    sure = {
        "bool": {"filter": [{"term": {"stances.target": "us_aid"}}, {"range": {"stances.confidence": {"gt": 0.7}}}]}
    }
    assert count(client, {"nested": {"path": "stances", "query": sure}}) >= 450
    near = {"field": "embedding", "query_vector": NEAR, "k": 5, "num_candidates": 10}
    assert len(client.es.search(index=name, knn=near)["hits"]["hits"]) == 5
    put(client, [document(name, 401, version=1)])
    assert everything(client) == written

    # there is nothing more to do, and a month is known and dropped by its name
    assert migrate(settings, indices=client.indices) == []
    assert archive.months(client.es, indices=client.indices) == {name: len(written)}
    archive.drop(client.es, name, indices=client.indices)
    assert archive.months(client.es, indices=client.indices) == {}
    assert not client.es.indices.exists(index=f"{name}*", allow_no_indices=False)


def test_a_migration_that_was_cut_off_goes_on_where_it_was(client: Client, settings: Settings) -> None:
    name = client.indices.month(MONTH)

    def cut_off(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate(settings, indices=client.indices, told=cut_off)
    assert len(everything(client)) == 450
    # killed at the worst moment: writers are held off
    archive.hold(client.es, name)
    with pytest.raises(Unavailable):
        put(client, [document(name, 1, version=2)])
    (standing,) = [s for s in archive.standing(client.es, indices=client.indices) if s.name == name]
    assert (standing.held, standing.next, standing.seq_no) == (True, f"{name}-v4", (archive.COPIED - 1,))
    seen: list[int] = []
    (migrated,) = migrate(settings, indices=client.indices, told=lambda p: seen.append(p.copied))
    assert seen[0] > archive.COPIED, "what was copied is not copied again"
    assert migrated.documents == 450
    put(client, [document(name, 1, version=2)])
    assert everything(client)["a0001"] == 2


def test_what_was_deleted_meanwhile_stays_deleted(client: Client, settings: Settings) -> None:
    name = client.indices.month(MONTH)
    told: list[Progress] = []

    def delete(progress: Progress) -> None:
        if not told:
            client.es.delete(index=name, id="a0003")
        told.append(progress)

    (migrated,) = migrate(settings, indices=client.indices, told=delete)
    assert migrated.documents == 449
    assert "a0003" not in everything(client)


def test_a_document_that_the_new_mapping_refuses_stops_the_migration_and_harms_nothing(
    client: Client, settings: Settings, stranger: Callable[[], None]
) -> None:
    stranger()
    with pytest.raises(MigrationRefused, match="colour"):
        migrate(settings, indices=client.indices)
    assert len(everything(client)) == 451
    put(client, [document(client.indices.month(MONTH), 1, version=2)])


@pytest.fixture
def stranger(client: Client) -> Callable[[], None]:
    """Puts in a document with a field that today's mapping lacks."""

    def put_it() -> None:
        name = client.indices.month(MONTH)
        client.es.indices.put_mapping(index=name, properties={"colour": {"type": "keyword"}})
        put(client, [Document(name, "odd", 1, {"article_id": "odd", "version": 1, "colour": "red"})])

    return put_it
