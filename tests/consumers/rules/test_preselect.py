"""Labels rule out only what Elasticsearch would rule out; each rule lies where a piece that meets it looks."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from consumers.rules.preselect import labels_of, select
from schemas.rule import QUERY_WORDS, Match, words_in
from schemas.rule_queries import LEAVES, chunks, leaves
from schemas.taxonomy import Stance, Target, Topic

PIECE: dict[str, Any] = {
    "outlet": "A", "language": "es", "country": "SV", "feed": "a", "relevance": 0.6, "topics": ["asylum_tps"],
    "stance": {"us_aid": "favor"}, "stance_confidence": {"us_aid": 0.7},
    "entities": [{"id": "cecot", "kind": "prison", "name": "CECOT"}],
}  # fmt: skip


def met(**scope: Any) -> bool:
    rule = Match.model_validate({"id": "r", "name": "R"} | scope)
    return [r.id for r in select([rule]).candidates(labels_of(PIECE))] == ["r"]


MEET: list[dict[str, Any]] = [
    {}, {"topics": ["asylum_tps", "human_rights"]}, {"outlets": ["A", "B"]}, {"entities": ["CECOT"]},
    {"entities": ["cecot"]}, {"stances": {"us_aid": ["favor", "neutral"]}}, {"min_relevance": 0.6},
    {"stances": {"us_aid": "favor"}, "min_confidence": 0.7}, {"query": "anything"}, {"voices": ["anyone"]},
    {"voices": ["anyone"], "stances": {"us_aid": "against"}}, {"feeds": ["a"]}, {"countries": ["SV"]},
]  # fmt: skip
CONTRADICT: list[dict[str, Any]] = [
    {"topics": ["human_rights"]}, {"outlets": ["B"]}, {"entities": ["other"]}, {"stances": {"us_aid": "against"}},
    {"stances": {"us_crackdown": "favor"}}, {"min_relevance": 0.7}, {"languages": ["en"]}, {"feeds": ["b"]},
    {"stances": {"us_aid": "favor"}, "min_confidence": 0.8}, {"countries": ["US"]},
]  # fmt: skip


def test_labels_rule_out_what_they_contradict() -> None:
    assert [scope for scope in MEET if not met(**scope)] == []
    assert [scope for scope in CONTRADICT if met(**scope)] == []


SCOPES = st.fixed_dictionaries(
    {},
    optional={
        "topics": st.lists(st.sampled_from(list(Topic)), min_size=1, max_size=3).map(tuple),
        "stances": st.dictionaries(st.sampled_from(list(Target)), st.just((Stance.FAVOR,)), min_size=1, max_size=2),
        "outlets": st.lists(st.sampled_from(["A", "B", "C"]), min_size=1).map(tuple),
        "entities": st.lists(st.sampled_from(["cecot", "x", "CECOT"]), min_size=1).map(tuple),
        "min_relevance": st.floats(0, 1),
    },
)


@given(st.lists(SCOPES, max_size=30))
def test_filing_finds_what_asking_each_rule_finds(scopes: list[dict[str, Any]]) -> None:
    rules = [Match(id=f"r{n}", name="R", **scope) for n, scope in enumerate(scopes)]
    labels = labels_of(PIECE)
    together = sorted(rule.id for rule in select(rules).candidates(labels))
    alone = sorted(rule.id for rule in rules if list(select([rule]).candidates(labels)))
    assert together == alone


@given(st.lists(st.integers(0, QUERY_WORDS), max_size=60))
def test_no_search_has_more_leaves_than_it_may(words: list[int]) -> None:
    rules = [Match(id=f"r{n}", name="R", query=" ".join(["word"] * count)) for n, count in enumerate(words)]
    lots = list(chunks(rules))
    assert [rule.id for lot in lots for rule in lot] == [rule.id for rule in rules]
    assert all(sum(leaves(rule) for rule in lot) <= LEAVES for lot in lots)


def test_words_of_any_script_are_counted() -> None:
    assert words_in('tps | "estatus de protección" -visa') == 5
    assert words_in("移民 TPS") == 3
