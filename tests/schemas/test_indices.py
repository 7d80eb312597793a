"""The index templates agree with the models and the taxonomy."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from schemas.alert import Alert, Evidence
from schemas.article import Article, Source
from schemas.classification import TargetStance
from schemas.indices import EMBEDDING, INDICES, Indices, template
from schemas.taxonomy import Target, Topic

NAMES = ("news", "alerts", "stories", "feedback")


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = template(name)["template"]["mappings"]["properties"]
    return found


def types(fields: dict[str, Any]) -> Iterator[str]:
    for field in fields.values():
        if "type" in field:
            yield field["type"]
        yield from types(field.get("properties", {}))
        yield from types(field.get("fields", {}))


@pytest.mark.parametrize("name", NAMES)
def test_no_field_is_ever_guessed_and_every_template_has_a_version(name: str) -> None:
    body = template(name)
    mappings = body["template"]["mappings"]
    assert mappings["dynamic"] == "strict"
    assert body["version"] == mappings["_meta"]["version"] >= 1


@pytest.mark.parametrize("name", NAMES)
def test_only_field_types_that_a_bare_node_has_are_used(name: str) -> None:
    assert set(types(properties(name))) <= {
        "keyword",
        "text",
        "date",
        "long",
        "integer",
        "float",
        "boolean",
        "nested",
        "object",
        "dense_vector",
    }


def test_every_field_of_an_article_has_a_place() -> None:
    elsewhere = {"schema_version", "observed_at_ms"}
    assert set(Article.model_fields) - elsewhere <= set(properties("news"))


def test_sources_stances_and_the_embedding_have_their_places() -> None:
    news = properties("news")
    assert set(news["source"]["properties"]) == set(Source.model_fields)
    assert set(news["stances"]["properties"]) == set(TargetStance.model_fields) - {"evidence"}
    assert (news["embedding"]["dims"], news["embedding"]["similarity"]) == (EMBEDDING, "cosine")


def test_every_field_of_an_alert_has_a_place() -> None:
    fields = properties("alerts")
    assert set(Alert.model_fields) <= set(fields)
    assert set(Evidence.model_fields) == set(fields["evidence"]["properties"])


def test_every_topic_and_target_of_the_taxonomy_has_its_fields() -> None:
    news = properties("news")
    assert list(news["topic_score"]["properties"]) == [t.value for t in Topic]
    for field in ("stance", "stance_score", "stance_confidence"):
        assert list(news[field]["properties"]) == [t.value for t in Target]
    assert list(properties("alerts")["stances"]["properties"]) == [t.value for t in Target]


@pytest.mark.parametrize("field", ["title", "summary", "text"])
def test_text_is_read_without_accents_and_by_the_stems_of_both_languages(field: str) -> None:
    news = properties("news")
    assert news[field]["analyzer"] == "folded"
    assert news[field]["fields"]["en"]["analyzer"] == "english"
    assert news[field]["fields"]["es"]["analyzer"] == "spanish"


def test_a_prefix_sets_everything_apart() -> None:
    own = Indices("b-")
    assert own.month(datetime(2026, 11, 1, tzinfo=UTC)) == "b-news-2026.11"
    assert {own.news, own.alerts, own.stories} == {"b-news", "b-alerts", "b-stories"}
    templates = own.templates()
    assert set(templates) == {"b-vigia-news", "b-vigia-alerts", "b-vigia-stories", "b-vigia-feedback"}
    assert templates["b-vigia-news"]["index_patterns"] == ["b-news-*"]
    assert (own.kind("b-news-2026.11"), own.kind("b-stories")) == ("news", "stories")


def test_searches_reach_an_index_only_once_it_is_given_its_alias() -> None:
    """A half-filled index of a migration must not be found beside the one it replaces."""
    assert "aliases" not in template("news")["template"]
    assert INDICES.read_by("news-2026.11") == ("news",)
    assert INDICES.read_by("alerts") == ()


def test_a_month_is_that_of_utc() -> None:
    late = datetime(2026, 10, 31, 20, tzinfo=timezone(timedelta(hours=-6)))
    assert INDICES.month(late) == "news-2026.11"


def test_a_write_goes_by_an_alias_that_no_template_matches() -> None:
    alias = INDICES.write(INDICES.month(datetime(2026, 11, 1, tzinfo=UTC)))
    assert alias == "write-news-2026.11"


def test_a_changed_copy_of_a_template_changes_no_other() -> None:
    template("news")["template"]["mappings"]["properties"].clear()
    assert properties("news")
