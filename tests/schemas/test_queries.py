"""Query bodies; what they find on a real node is tested with the consumers."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.queries import copies_of, search
from schemas.rule import Match
from schemas.rule_queries import rules_over
from schemas.taxonomy import Stance, Target, Topic

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_each_enabled_rule_is_one_named_clause_over_the_batch() -> None:
    rules = [Match(id="one", name="One"), Match(id="two", name="Two", enabled=False), Match(id="three", name="Three")]
    query = rules_over(["a", "b"], rules, NOW)["query"]["bool"]
    assert [clause["bool"]["_name"] for clause in query["should"]] == ["one", "three"]
    assert query["filter"] == [{"ids": {"values": ["a", "b"]}}]
    assert query["minimum_should_match"] == 1


def test_without_rules_nothing_matches() -> None:
    assert rules_over(["a"], [], NOW)["query"]["bool"]["should"] == [{"match_none": {}}]


def test_a_filter_that_is_left_out_leaves_no_trace() -> None:
    assert search()["query"] == {"bool": {"must": [{"match_all": {}}], "filter": []}}
    assert search("  ")["query"] == search()["query"]


def test_every_filter_given_is_in_the_body() -> None:
    body = search(
        "flights",
        topics=(Topic.ASYLUM_TPS,),
        stances={Target.US_AID: Stance.FAVOR},
        languages=("es",),
        outlets=("Example",),
        countries=("SV",),
        feeds=("example",),
        since=datetime(2026, 11, 1, tzinfo=UTC),
        until=NOW,
        min_relevance=0.4,
        sort="score",
        offset=40,
        size=10,
    )
    assert body["query"]["bool"]["filter"] == [
        {"range": {"relevance": {"gte": 0.4}}},
        {"terms": {"topics": ["asylum_tps"]}},
        {"terms": {"language": ["es"]}},
        {"terms": {"outlet": ["Example"]}},
        {"terms": {"country": ["SV"]}},
        {"terms": {"feed": ["example"]}},
        {"term": {"stance.us_aid": "favor"}},
        {"range": {"published_at": {"gte": "2026-11-01T00:00:00+00:00", "lt": "2026-11-24T12:00:00+00:00"}}},
    ]
    assert (body["from"], body["size"]) == (40, 10)
    assert "_score" in body["sort"][0]


@pytest.mark.parametrize("flag", ["PREFIX", "FUZZY", "SLOP", "NEAR", "PRECEDENCE", "ALL"])
def test_what_costs_the_most_is_not_allowed_in_words(flag: str) -> None:
    asked = search("x*")["query"]["bool"]["must"][0]["simple_query_string"]
    assert flag not in asked["flags"].split("|")
    assert "query_string" not in search("x*")["query"]["bool"]["must"][0]


STANCES = st.dictionaries(st.sampled_from(Target), st.sampled_from(Stance))


@given(st.text(max_size=1000), st.lists(st.sampled_from(list(Topic))), STANCES)
def test_any_body_is_json(words: str, topics: list[Topic], stances: dict[Target, Stance]) -> None:
    sides = {target: (side,) for target, side in stances.items()}
    rule = Match(id="r", name="R", query=words, topics=tuple(topics), stances=sides)
    json.dumps([search(words, topics=topics, stances=stances), rules_over(["a"], [rule], NOW)])


def test_candidates_share_a_band_and_are_of_about_the_same_date() -> None:
    query = copies_of(["x", "y"], NOW, days=2)["query"]["bool"]
    assert query["filter"][0]["range"]["published_at"] == {
        "gte": "2026-11-22T12:00:00+00:00",
        "lte": "2026-11-26T12:00:00+00:00",
    }
    assert [clause["constant_score"]["filter"]["term"]["bands"] for clause in query["should"]] == ["x", "y"]
