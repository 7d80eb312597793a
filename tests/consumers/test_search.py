"""What the search body finds on a real node."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumers.archive import refresh, search
from consumers.index import index
from schemas import clauses, queries
from schemas.classification import Classification, Entity, EntityKind, Mention, Part
from schemas.taxonomy import Stance, Target, Topic

Make = Callable[..., Classification]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def found(shared_house: Any, classified: Make) -> Callable[..., list[str]]:
    """Runs a search over six pieces; gives the titles found."""
    copy = tuple(range(64))
    pieces = [
        classified("1", title="Deportation flights resume", published_at=NOW, signature=copy),
        classified("2", title="Deportation flights resume, agency says", published_at=NOW, signature=copy),
        classified(
            "3",
            title="Los vuelos de deportación continúan",
            text="Las autoridades informaron.",
            language="es",
            outlet="Diario",
            published_at=NOW - timedelta(days=3),
        ),
        classified("4", title="Praise for the deal", stance=Stance.FAVOR, published_at=NOW - timedelta(days=1)),
        classified("5", title="Across the border", country="US", feed="other", published_at=NOW - timedelta(days=40)),
    ]
    prison = Entity(
        id="cecot", kind=EntityKind.PRISON, name="CECOT", mentions=(Mention(part=Part.TEXT, start=0, end=5),)
    )
    pieces[-1] = pieces[-1].model_copy(update={"entities": (prison,)})
    index(pieces, es=shared_house.es, now=lambda: NOW)
    refresh(shared_house.es, shared_house.indices.news)

    def run(*args: Any, **kwargs: Any) -> list[str]:
        answer = search(shared_house.es, queries.search(*args, **kwargs))
        return [hit["_source"]["title"] for hit in answer["hits"]["hits"]]

    return run


def test_a_story_is_shown_once_and_the_newest_first(found: Callable[..., list[str]]) -> None:
    titles = found()
    assert titles[0].startswith("Deportation flights resume")
    assert titles[1:] == ["Praise for the deal", "Los vuelos de deportación continúan", "Across the border"]


@pytest.mark.parametrize(
    ("words", "asked", "expected"),
    [
        ("vuelo deportacion", {}, {"Los vuelos de deportación continúan"}),
        ("continuan", {}, {"Los vuelos de deportación continúan"}),
        ("bordering", {}, {"Across the border"}),
        ('"for the deal"', {}, {"Praise for the deal"}),
        ("praise | across", {}, {"Praise for the deal", "Across the border"}),
        ("praise", {"speaker": "a lawyer"}, {"Praise for the deal"}),
        ("praise", {"speaker": "a minister"}, set()),
        (None, {"entities": ("cecot",)}, {"Across the border"}),
        (None, {"entities": ("cecot", "other:la-chacra")}, set()),
        ("officials -praise -across -deportation", {}, set()),
        (None, {"languages": ("es",)}, {"Los vuelos de deportación continúan"}),
        (None, {"outlets": ("Diario",)}, {"Los vuelos de deportación continúan"}),
        (None, {"countries": ("US",)}, {"Across the border"}),
        (None, {"feeds": ("other",)}, {"Across the border"}),
        (None, {"stances": {Target.DEPORTATION_DEAL: Stance.FAVOR}}, {"Praise for the deal"}),
        (None, {"topics": (Topic.HUMAN_RIGHTS,)}, set()),
        (None, {"since": NOW - timedelta(days=2), "until": NOW}, {"Praise for the deal"}),
        (None, {"min_relevance": 0.95}, set()),
        (None, {"offset": 3, "size": 5}, {"Across the border"}),
    ],
)
def test_words_and_filters_find_what_they_say(
    found: Callable[..., list[str]], words: str | None, asked: dict[str, Any], expected: set[str]
) -> None:
    assert set(found(words, **asked)) == expected


def test_copies_counts_and_marks_are_told(shared_house: Any, found: Callable[..., list[str]]) -> None:
    answer = search(shared_house.es, queries.search("flights", sort="score"))
    first = next(hit for hit in answer["hits"]["hits"] if "resume" in hit["_source"]["title"])
    counted = search(shared_house.es, queries.copies_in(queries.search("flights"), [first["_source"]["story_id"]]))
    assert counted["aggregations"]["stories"]["buckets"][0]["doc_count"] == 2
    marked = " ".join(first["highlight"]["title.en"])
    assert f"{clauses.MARK_START}flights{clauses.MARK_END}" in marked
    every = search(shared_house.es, queries.search())["aggregations"]
    assert every["stories"]["value"] == 4
    assert every["topics"]["buckets"] == [{"key": "deportation_returns", "doc_count": 5}]
    assert {b["key"]: b["doc_count"] for b in every["deportation_deal"]["buckets"]} == {"against": 4, "favor": 1}
    assert every["us_aid"]["buckets"] == []
    assert every["entities"]["buckets"] == [{"key": "cecot", "doc_count": 1}]


@pytest.mark.parametrize("words", ['"', "((((", "*****", "-", "a" * 1000, "+ | - ~2 ^5", "\\", "field:value", "x AND"])
def test_hostile_words_find_something_or_nothing_and_never_fail(shared_house: Any, words: str) -> None:
    search(shared_house.es, queries.search(words))
