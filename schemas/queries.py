"""Elasticsearch bodies as pure functions; `consumers.archive` and `flows.archive` run them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from schemas.clauses import MARK_END, MARK_START, WORD_FIELDS, any_of
from schemas.clauses import words as words_clause
from schemas.taxonomy import Stance, Target, Topic

Body = dict[str, Any]

SORTS: dict[str, list[Body]] = {
    "date": [{"published_at": "desc"}, {"article_id": "asc"}],
    "score": [{"_score": "desc"}, {"published_at": "desc"}, {"article_id": "asc"}],
}


def search(
    words: str | None = None,
    *,
    topics: Sequence[Topic] = (),
    stances: Mapping[Target, Stance] | None = None,
    languages: Sequence[str] = (),
    outlets: Sequence[str] = (),
    countries: Sequence[str] = (),
    feeds: Sequence[str] = (),
    entities: Sequence[str] = (),
    speaker: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    min_relevance: float = 0.0,
    sort: Literal["date", "score"] = "date",
    offset: int = 0,
    size: int = 20,
) -> Body:
    """Pieces of which all that is asked for holds, one a story.

    `words` is simple query syntax (words, "phrases", +, -, |). A filter that is left out always holds; of several
    topics, languages, outlets, countries or feeds any will do, of several stances or `entities` (ids) all must hold.
    `speaker`: words of a quoted speaker's name. Each hit's `inner_hits.copies` counts the pieces of its story; the
    aggregations are `stories` (how many there are), `topics`, `entities`, and one for each target with its stances.
    """
    filters: list[Body] = [{"range": {"relevance": {"gte": min_relevance}}}] if min_relevance > 0 else []
    for field, values in (
        ("topics", topics),
        ("language", languages),
        ("outlet", outlets),
        ("country", countries),
        ("feed", feeds),
    ):
        filters += any_of(field, values)
    filters += [{"term": {f"stance.{target}": side}} for target, side in (stances or {}).items()]
    filters += [{"term": {"entities.id": entity}} for entity in entities]
    if speaker and speaker.strip():
        named = {"match": {"voices.speaker": {"query": speaker, "operator": "and"}}}
        filters.append({"nested": {"path": "voices", "query": named}})
    window = {bound: when.isoformat() for bound, when in (("gte", since), ("lt", until)) if when is not None}
    if window:
        filters.append({"range": {"published_at": window}})
    asked = [words_clause(words)] if words and words.strip() else []
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
            "entities": {"terms": {"field": "entities.id", "size": 20}},
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
