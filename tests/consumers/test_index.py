"""Classification -> document, on the real broker and node."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumers.index import REVISIONS, document, index, revised
from consumers.outcome import Done, Poison
from schemas.article import Lane, Source
from schemas.classification import Classification, Unclassified
from schemas.indices import EMBEDDING
from schemas.taxonomy import Stance

Make = Callable[..., Classification]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def run(house: Any, batch: list[Classification]) -> list[Any]:
    return index(batch, es=house.es, now=lambda: NOW, indexed=house.indexed)


def test_a_document_says_what_the_classification_says(house: Any, classified: Make) -> None:
    message = classified(byline="An author", lane=Lane.FRESH, observed_at_ms=1_764_000_000_000)
    (outcome,) = run(house, [message])
    assert isinstance(outcome, Done)
    assert outcome.emit[0].message.model_dump() == {
        "schema_version": 1,
        "article_id": message.article_id,
        "version": 1_764_000_000_000_001,
        "beat": "us-sv",
        "story_id": message.article_id,
        "index": house.indices.month(message.article.published_at),
    }
    found = house.piece(message.article_id)["_source"]
    assert found["topics"] == ["deportation_returns"]
    assert found["topic_score"] == {"deportation_returns": 0.8}
    assert found["stance"] == {"deportation_deal": "against"}
    assert found["stance_score"] == {"deportation_deal": -0.8}
    assert found["stances"] == [
        {"target": "deportation_deal", "stance": "against", "score": -0.8, "confidence": 0.9, "contested": False}
    ]
    assert found["evidence"][0] == {
        "part": "title",
        "text": message.article.title,
        "start": 0,
        "end": len(message.article.title),
        "topic": "deportation_returns",
        "confidence": 0.8,
    }
    assert found["evidence"][1]["speaker"] == "A lawyer"
    assert found["observed_at"] == message.article.observed_at.isoformat()
    assert found["model"]["generation"] == 1


def test_every_kind_of_piece_fits_the_template(house: Any, classified: Make) -> None:
    full = classified(
        "full",
        summary="s",
        section="World",
        image="https://news.example/i.png",
        updated_at=NOW,
        signature=tuple(range(2**32 - 64, 2**32)),
        lane=Lane.HISTORIC,
        date_guessed=True,
        country=None,
        byline="b" * 500,
        url="https://news.example/" + "u" * 4000,
        text="palabra " * 45_000,
    )
    empty = classified("empty", text="", title="").model_copy(
        update={"topics": (), "stances": (), "voices": (), "passages": (), "unclassified": Unclassified.EMPTY}
    )
    outcomes = run(house, [full, empty])
    assert [type(o) for o in outcomes] == [Done, Done], outcomes


def test_a_source_and_an_embedding_are_kept_and_one_of_another_width_is_left_out(house: Any, classified: Make) -> None:
    source = Source(kind="government", state_media=True, owner="The state", lean="pro", lean_source="https://a.example")
    near = tuple(0.05 for _ in range(EMBEDDING))
    fits, wide, nought = (classified(path, source=source) for path in ("fits", "wide", "nought"))
    run(
        house,
        [
            fits.model_copy(update={"embedding": near}),
            wide.model_copy(update={"embedding": (*near, 1.0)}),
            nought.model_copy(update={"embedding": (0.0,) * EMBEDDING}),
        ],
    )
    assert house.piece(fits.article_id)["_source"]["source"] == source.model_dump()
    known = house.es.es.search(index=house.indices.news, query={"exists": {"field": "embedding"}})
    assert [hit["_id"] for hit in known["hits"]["hits"]] == [fits.article_id]


def test_one_id_twice_and_in_two_versions_is_one_document_of_the_newest(house: Any, classified: Make) -> None:
    old = classified(observed_at_ms=1_000, title="Old")
    new = classified(observed_at_ms=2_000, title="New")
    outcomes = run(house, [new, old, new])
    assert [type(o) for o in outcomes] == [Done] * 3
    (hit,) = house.pieces()
    assert (hit["_version"], hit["_source"]["title"]) == (2_000_001, "New")
    assert [r["content_hash"] for r in hit["_source"]["revisions"]] == [
        old.article.content_hash,
        new.article.content_hash,
    ]


def test_a_late_older_reading_changes_nothing_and_is_announced_all_the_same(house: Any, classified: Make) -> None:
    new, old = classified(observed_at_ms=2_000, title="New"), classified(observed_at_ms=1_000, title="Old")
    run(house, [new])
    (outcome,) = run(house, [old])
    assert isinstance(outcome, Done)
    assert len(outcome.emit) == 1
    (hit,) = house.pieces()
    assert hit["_source"]["title"] == "New"


def test_a_newer_model_relabels_the_same_reading_and_an_older_one_can_not(house: Any, classified: Make) -> None:
    first = classified(observed_at_ms=1_000, generation=1)
    second = classified(observed_at_ms=1_000, generation=2, stance=Stance.FAVOR)
    run(house, [first])
    run(house, [second])
    run(house, [first])
    (hit,) = house.pieces()
    assert hit["_source"]["stance"] == {"deportation_deal": "favor"}
    assert len(hit["_source"]["revisions"]) == 1


def test_a_piece_stays_in_its_first_month_whatever_its_date_becomes(house: Any, classified: Make) -> None:
    dates = [
        datetime(2026, 10, 31, 23, 59, tzinfo=UTC),
        datetime(2026, 11, 1, 0, 1, tzinfo=UTC),
        datetime(2026, 3, 1, tzinfo=UTC),
    ]
    for n, when in enumerate(dates):
        run(house, [classified(published_at=when, observed_at_ms=1_000 + n)])
        (hit,) = house.pieces()
        assert hit["_index"] == house.indices.month(dates[0])
        assert datetime.fromisoformat(hit["_source"]["published_at"]) == when


def test_a_document_that_elasticsearch_refuses_is_poison_alone(
    house: Any, classified: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(message: Classification, *rest: Any) -> dict[str, Any]:
        extra = {"colour": "red"} if message.article.title == "odd" else {}
        return document(message, *rest) | extra

    monkeypatch.setattr("consumers.index.document", odd)
    outcomes = run(house, [classified("a"), classified("b", title="odd"), classified("c")])
    assert [type(o) for o in outcomes] == [Done, Poison, Done]
    assert outcomes[1].error == "DocumentRefused"
    assert "colour" in outcomes[1].reason


def test_revisions_are_the_readings_whose_content_differs_by_time(classified: Make) -> None:
    history: list[dict[str, Any]] = []
    for ms, title in ((3_000, "C"), (1_000, "A"), (2_000, "A"), (3_000, "C"), (4_000, "A")):
        history = revised(history, classified(observed_at_ms=ms, title=title))
    times = [datetime.fromisoformat(r["observed_at"]).timestamp() for r in history]
    assert times == [1, 3, 4]
    for n in range(2 * REVISIONS):
        history = revised(history, classified(observed_at_ms=10_000 + n, title=str(n)))
    assert len(history) == REVISIONS


def test_killed_between_effect_and_commit_nothing_is_doubled(house: Any, classified: Make) -> None:
    messages = [classified(name, published_at=NOW - timedelta(days=n)) for n, name in enumerate("abc")]
    house.produce(house.classified, messages)
    house.work_and_die("index", "after_effect")
    before = {hit["_id"]: (hit["_version"], hit["_source"]["indexed_at"]) for hit in house.pieces()}
    assert len(before) == 3
    stage = house.index_stage()
    assert house.committed(stage) == 0
    house.work(stage, until=3)
    assert {hit["_id"]: (hit["_version"], hit["_source"]["indexed_at"]) for hit in house.pieces()} == before
    assert [i.article_id for i in house.read(house.indexed)] == [m.article_id for m in messages]


def test_while_elasticsearch_is_away_nothing_is_lost_or_dead(house: Any, classified: Make, proxy: Any) -> None:
    house.produce(house.classified, [classified(str(n)) for n in range(5)])
    settings = house.settings.model_copy(
        update={"elasticsearch": house.settings.elasticsearch.model_copy(update={"url": proxy.url})}
    )
    busy = [429, 503, 429]

    def meddle(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if path.startswith("/_bulk") and busy:
            return busy.pop(), b'{"error": {"type": "made_up", "reason": "by the proxy"}}'
        return status, body

    proxy.meddle = meddle
    house.work(house.index_stage(), until=5, settings=settings)
    assert busy == []
    assert len(house.pieces()) == 5
    assert house.read(house.deadletter) == []
    assert len(house.read(house.indexed)) == 5


def test_a_worker_that_starts_before_elasticsearch_waits_for_it(house: Any, classified: Make, proxy: Any) -> None:
    house.produce(house.classified, [classified()])
    settings = house.settings.model_copy(
        update={"elasticsearch": house.settings.elasticsearch.model_copy(update={"url": proxy.url})}
    )
    proxy.meddle = lambda _, __, status, body: (503, b"{}") if len(proxy.asked) < 3 else (status, body)
    house.work(house.index_stage(), until=1, settings=settings)
    assert len(house.pieces()) == 1
