"""Corrections: what they say, that they are only ever added, and that training can read them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consumers.archive import put, refresh
from consumers.classifier.model import Model, load
from consumers.classifier.training import corpus
from consumers.compare import Compared, compare, differences, resumed
from consumers.documents import Document
from consumers.feedback import add, article, corrections, judge, passages_of, to_train_on
from consumers.index import document as document_of
from schemas.classification import Classification
from schemas.correction import Correction, Judged, corrected, correction_id
from schemas.settings import ClassifySettings
from schemas.taxonomy import Stance, Target, Topic

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SAID = Judged(relevant=True, topics=(Topic.HUMAN_RIGHTS,), stances={Target.US_AID: Stance.FAVOR})


@pytest.fixture(scope="module")
def model() -> Model:
    return load(ClassifySettings(threads=1))


def correction(minute: int = 0, *, by: str = "desk", text: str = "A passage.", labels: Judged = SAID) -> Correction:
    at = NOW + timedelta(minutes=minute)
    return Correction(
        correction_id=correction_id("a", text, by, at),
        article_id="a",
        url="https://news.example/a",
        passage=2,
        text=text,
        language="en",
        labels=labels,
        said=SAID,
        model="m",
        by=by,
        at=at,
    )


def test_what_the_analyst_leaves_unsaid_stays() -> None:
    against = corrected(SAID, stances={Target.DEPORTATION_DEAL: Stance.AGAINST, Target.US_AID: None})
    assert against == Judged(relevant=True, topics=SAID.topics, stances={Target.DEPORTATION_DEAL: Stance.AGAINST})
    assert corrected(SAID, topics=()).topics == ()
    assert corrected(SAID, topics=()).stances == SAID.stances
    assert corrected(SAID, relevant=False) == Judged(relevant=False)
    assert corrected(Judged(relevant=False), topics=(Topic.ECONOMIC_AID,)).relevant


def test_the_last_correction_of_a_passage_is_trained_on(tmp_path: Path) -> None:
    given = [
        correction(0),
        correction(1, text="Another passage."),
        correction(2, by="night desk", labels=Judged(relevant=False)),
    ]
    rows = to_train_on(given)
    assert [(row["text"], row["relevant"]) for row in rows] == [("Another passage.", True), ("A passage.", False)]
    path = tmp_path / "out.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = corpus.read([path])
    assert [(one.relevant, one.topics, one.style) for one in found] == [
        (True, (Topic.HUMAN_RIGHTS,), "feedback"),
        (False, (), "feedback"),
    ]


def test_corrections_are_kept_in_order_and_never_changed(house: Any) -> None:
    assert list(corrections(house.es)) == []
    first, second = correction(0), correction(1, by="night desk")
    for one in (second, first, first.model_copy(update={"note": "changed"})):
        add(house.es, one)
    assert list(corrections(house.es)) == [first, second]


def stored(house: Any, *said: Classification) -> None:
    docs = [Document(house.indices.month(NOW), c.article_id, c.version, document_of(c, "story", [], NOW)) for c in said]
    put(house.es, docs)
    refresh(house.es, house.indices.news)


def test_a_piece_is_found_by_id_and_address_and_its_passages_are_judged(
    house: Any, classified: Callable[..., Classification], model: Model
) -> None:
    piece = classified("found", published_at=NOW)
    stored(house, piece)
    for name in (piece.article_id, piece.article.url):
        document = article(house.es, name)
        assert document is not None
        assert document["article_id"] == piece.article_id
    assert article(house.es, "nothing") is None
    passages = passages_of(piece.article.title, piece.article.text)
    assert passages == [piece.article.title, piece.article.text]
    assert judge(passages, model)[1].relevant
    assert judge([], model) == []


def test_the_differences_of_a_document_are_told_by_label(classified: Callable[..., Classification]) -> None:
    said = classified("a")
    document = {"relevant": True, "topics": ["asylum_tps"], "stance": {"deportation_deal": "favor", "us_aid": "favor"}}
    assert differences(document, said) == [
        "topic:deportation_returns gained",
        "topic:asylum_tps lost",
        "stance:deportation_deal favor > against",
        "stance:us_aid favor > absent",
    ]
    assert differences(document_of(said, "s", [], NOW), said) == []
    assert differences(document, said.model_copy(update={"relevant": False})) == ["relevance lost"]


def test_a_comparison_that_was_stopped_goes_on_where_it_was(
    house: Any, classified: Callable[..., Classification], model: Model, tmp_path: Path
) -> None:
    pieces = [classified(f"p{n}", published_at=NOW + timedelta(minutes=n)) for n in range(25)]
    stored(house, *pieces)
    begun = Compared(model=model.ref.id, sha256=model.ref.sha256, since=NOW, until=NOW + timedelta(days=1))
    kept, waits = tmp_path / "home/progress.json", list[float]()
    whole = begun.model_copy(deep=True)
    parts: dict[str, Any] = {"now_ms": 1, "kept": kept, "per_minute": 1, "pause": waits.append}
    first = next(compare(house.es, model, begun, **parts))
    assert (first.pieces, first.done) == (20, False)
    again = resumed(kept)
    assert again is not None
    *_, last = compare(house.es, model, again, **parts)
    assert (last.pieces, last.done, last.unreadable, last.same_model) == (25, True, 0, 0)
    assert list(compare(house.es, model, last, **parts)) == []
    assert waits == []
    assert list(compare(house.es, model, whole, **parts))[-1].changes == last.changes
    assert [0 < wait <= 20 * 60 for wait in waits] == [True]
    assert sum(last.changes.values()) >= last.changed > 0
    assert all(1 <= len(named) <= 5 for named in last.examples.values())
    assert resumed(kept) == last
    assert resumed(tmp_path / "none") is None
