"""Elasticsearch bodies as pure functions; `consumers.archive` and `flows.archive` run them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from schemas.rule import Rule
from schemas.taxonomy import Stance, Target, Topic

Body = dict[str, Any]

WORD_FIELDS = ("title^3", "title.en^3", "title.es^3", "summary", "text", "text.en", "text.es")
"""Where words are looked for: folded (no accents), and stemmed as English and as Spanish."""

FLAGS = "AND|OR|NOT|PHRASE|WHITESPACE"
"""What a query may use; prefixes, fuzziness and nesting, which cost the most, are plain characters."""

MARK_START, MARK_END = "\u27e6", "\u27e7"
"""Around each word found, in highlighted text."""

SORTS: dict[str, list[Body]] = {
    "date": [{"published_at": "desc"}, {"article_id": "asc"}],
    "score": [{"_score": "desc"}, {"published_at": "desc"}, {"article_id": "asc"}],
}


def rules_over(ids: Sequence[str], rules: Iterable[Rule], now: datetime) -> Body:
    """Which of the documents `ids` meet which rules: each hit's `matched_queries` are rule ids.

    Historic documents (backfill, replay) never match, nor disabled rules.
    """
    clauses = [_rule(rule, now) for rule in rules if rule.enabled]
    return {
        "size": len(ids),
        "query": {
            "bool": {
                "filter": [{"ids": {"values": list(ids)}}],
                "must_not": [{"term": {"lane": "historic"}}],
                "should": clauses or [{"match_none": {}}],
                "minimum_should_match": 1,
            }
        },
        "sort": [{"published_at": "asc"}, {"article_id": "asc"}],
        "_source": {"excludes": ["text", "signature", "bands"]},
    }


def _rule(rule: Rule, now: datetime) -> Body:
    since = (now - timedelta(hours=rule.max_age_hours)).isoformat()
    conditions: list[Body] = [
        {"range": {"relevance": {"gte": rule.min_relevance}}},
        {
            # a guessed date says nothing about age, when the piece was read does
            "bool": {
                "should": [
                    _all({"term": {"date_guessed": False}}, {"range": {"published_at": {"gte": since}}}),
                    _all({"term": {"date_guessed": True}}, {"range": {"observed_at": {"gte": since}}}),
                ],
                "minimum_should_match": 1,
            }
        },
    ]
    if rule.query and rule.query.strip():
        conditions.append(_words(rule.query))
    for field, values in (
        ("topics", rule.topics),
        ("language", rule.languages),
        ("outlet", rule.outlets),
        ("country", rule.countries),
    ):
        conditions += _any_of(field, values)
    for target, sides in rule.stances.items():
        conditions += _any_of(f"stance.{target}", sides)
        conditions.append({"range": {f"stance_confidence.{target}": {"gte": rule.min_confidence}}})
    return {"bool": {"_name": rule.id, "filter": conditions}}


def search(
    words: str | None = None,
    *,
    topics: Sequence[Topic] = (),
    stances: Mapping[Target, Stance] | None = None,
    languages: Sequence[str] = (),
    outlets: Sequence[str] = (),
    countries: Sequence[str] = (),
    feeds: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    min_relevance: float = 0.0,
    sort: Literal["date", "score"] = "date",
    offset: int = 0,
    size: int = 20,
) -> Body:
    """Pieces of which all that is asked for holds, one a story.

    `words` is simple query syntax (words, "phrases", +, -, |). A filter that is left out always holds; of several
    topics, languages, outlets, countries or feeds any will do, of several stances all must hold. Each hit's
    `inner_hits.copies` counts the pieces of its story; the aggregations are `stories` (how many there are),
    `topics`, and one for each target with its stances.
    """
    filters: list[Body] = [{"range": {"relevance": {"gte": min_relevance}}}] if min_relevance > 0 else []
    for field, values in (
        ("topics", topics),
        ("language", languages),
        ("outlet", outlets),
        ("country", countries),
        ("feed", feeds),
    ):
        filters += _any_of(field, values)
    filters += [{"term": {f"stance.{target}": side}} for target, side in (stances or {}).items()]
    window = {bound: when.isoformat() for bound, when in (("gte", since), ("lt", until)) if when is not None}
    if window:
        filters.append({"range": {"published_at": window}})
    asked = [_words(words)] if words and words.strip() else []
    return {
        "query": {"bool": {"must": asked or [{"match_all": {}}], "filter": filters}},
        "from": offset,
        "size": size,
        "sort": SORTS[sort],
        "track_total_hits": True,
        "_source": {"excludes": ["signature", "bands"]},
        "collapse": {"field": "story_id", "inner_hits": {"name": "copies", "size": 0}},
        "aggs": {
            "stories": {"cardinality": {"field": "story_id"}},
            "topics": {"terms": {"field": "topics", "size": len(Topic)}},
            **{target.value: {"terms": {"field": f"stance.{target}", "size": len(Stance)}} for target in Target},
        },
        "highlight": {
            "pre_tags": [MARK_START],
            "post_tags": [MARK_END],
            "fragment_size": 160,
            "number_of_fragments": 2,
            "fields": {field.partition("^")[0]: {} for field in WORD_FIELDS},
        },
    }


def copies_of(bands: Sequence[str], published_at: datetime, *, days: float, size: int = 20) -> Body:
    """Pieces of about that date that share bands with a signature, most bands first: candidates for one story."""
    window = {
        "gte": (published_at - timedelta(days=days)).isoformat(),
        "lte": (published_at + timedelta(days=days)).isoformat(),
    }
    return {
        "size": size,
        "query": {
            "bool": {
                "filter": [{"range": {"published_at": window}}],
                "should": [{"constant_score": {"filter": {"term": {"bands": band}}}} for band in bands],
                "minimum_should_match": 1,
            }
        },
        "sort": [{"_score": "desc"}, {"published_at": "asc"}, {"article_id": "asc"}],
    }


def handover_pending(size: int) -> Body:
    """Alerts that were made but not yet handed over, the oldest first."""
    return {
        "size": size,
        "query": {"bool": {"filter": [{"term": {"handover": "pending"}}]}},
        "sort": [{"created_at_ms": "asc"}, {"alert_id": "asc"}],
    }


def newest_alerts(size: int, *, since_ms: int = 0) -> Body:
    """The alerts made at or after a moment (ms since the epoch), the newest first."""
    return {
        "size": size,
        "query": {"bool": {"filter": [{"range": {"created_at_ms": {"gte": since_ms}}}]}},
        "sort": [{"created_at_ms": "desc"}, {"alert_id": "asc"}],
    }


def _words(words: str) -> Body:
    return {
        "simple_query_string": {"query": words, "fields": list(WORD_FIELDS), "flags": FLAGS, "default_operator": "and"}
    }


def _any_of(field: str, values: Sequence[str]) -> list[Body]:
    return [{"terms": {field: [str(value) for value in values]}}] if values else []


def _all(*conditions: Body) -> Body:
    return {"bool": {"filter": list(conditions)}}
