"""What rules ask of Elasticsearch, as bodies; pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from schemas.clauses import MARK_END, MARK_START, WORD_FIELDS, any_of, words
from schemas.rule import Rule, Scope, words_in
from schemas.taxonomy import Target

Body = dict[str, Any]

LEAVES = 900
"""Conditions that one search may hold: Elasticsearch allows at least 1,024, counting each word in each field."""

WORD_LEAVES = 7
"""Fields that each word of a query is looked for in."""

LABELS = (
    "article_id", "story_id", "published_at", "date_guessed", "revisions", "lane", "relevance", "topics", "stance",
    "stance_confidence", "language", "outlet", "country", "feed", "entities", "voices", "content_hash",
)  # fmt: skip
"""The fields that tell which rules may be met."""


def rules_over(ids: Sequence[str], rules: Iterable[Rule], now: datetime) -> Body:
    """Which of the documents `ids` are in the scope of which rules: each hit's `matched_queries` are rule ids.

    Historic documents (backfill, replay) never are, nor any of rules that sleep.
    """
    clauses = [
        {"bool": {"_name": rule.id, "filter": [*in_scope(rule), fresh(rule, now)]}} for rule in rules if rule.awake(now)
    ]
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
        "_source": {"excludes": ["text"]},
    }


def leaves(rule: Scope) -> int:
    """How many of a search's conditions the rule takes."""
    return (
        6  # relevance, and what `fresh` asks
        + WORD_LEAVES * words_in(rule.query or "")
        + sum(bool(given) for given in (rule.topics, rule.outlets, rule.countries, rule.languages, rule.feeds))
        + 2 * bool(rule.entities)
        + len(rule.voices) * 2
        + len(rule.stances) * (2 + 2 * len(rule.voices))
    )


def chunks(rules: Iterable[Rule], most: int = LEAVES) -> Iterator[list[Rule]]:
    """The rules in lots that a search can hold; one that is larger by itself has a lot of its own."""
    lot: list[Rule] = []
    size = 0
    for rule in rules:
        if lot and size + leaves(rule) > most:
            yield lot
            lot, size = [], 0
        lot.append(rule)
        size += leaves(rule)
    if lot:
        yield lot


def fresh(rule: Scope, now: datetime) -> Body:
    """Young enough to alert: by its date unless that was guessed, and by when it was first read."""
    since = (now - timedelta(hours=rule.max_age_hours)).isoformat()
    return {
        "bool": {
            "should": [{"term": {"date_guessed": True}}, {"range": {"published_at": {"gte": since}}}],
            "minimum_should_match": 1,
            "must_not": [{"range": {"revisions.observed_at": {"lt": since}}}],
        }
    }


def in_scope(rule: Scope, *, among: bool = True) -> list[Body]:
    """The rule's conditions; without those on outlets and feeds when they aren't `among` them."""
    conditions: list[Body] = [{"range": {"relevance": {"gte": rule.min_relevance}}}]
    if rule.query and rule.query.strip():
        conditions.append(words(rule.query))
    for field, values in (
        ("topics", rule.topics),
        ("language", rule.languages),
        ("country", rule.countries),
        *((("outlet", rule.outlets), ("feed", rule.feeds)) if among else ()),
    ):
        conditions += any_of(field, values)
    if rule.entities:
        conditions.append(_either(*any_of("entities.id", rule.entities), *any_of("entities.name", rule.entities)))
    for target in rule.stances:
        conditions += _stance(rule, target)
    if rule.voices and not rule.stances:
        conditions.append(_voice(rule))
    return conditions


def _stance(rule: Scope, target: Target) -> list[Body]:
    if rule.voices:
        taken = [{"term": {"voices.target": str(target)}}, *any_of("voices.stance", rule.stances[target])]
        return [_voice(rule, *taken)]
    sure = {"range": {f"stance_confidence.{target}": {"gte": rule.min_confidence}}}
    return [*any_of(f"stance.{target}", rule.stances[target]), sure]


def _voice(rule: Scope, *also: Body) -> Body:
    named = [
        condition
        for voice in rule.voices
        for condition in ({"term": {"voices.entity": voice}}, {"match_phrase": {"voices.speaker": voice}})
    ]
    return {"nested": {"path": "voices", "query": {"bool": {"filter": [_either(*named), *also]}}}}


def _either(*conditions: Body) -> Body:
    return {"bool": {"should": list(conditions), "minimum_should_match": 1}}


def between(since: datetime, until: datetime) -> Body:
    """Pieces after `since`, up to and at `until`."""
    return {"range": {"published_at": {"gt": since.isoformat(), "lte": until.isoformat()}}}


def pieces(conditions: Sequence[Body], *, size: int, fields: Sequence[str], after: Sequence[Any] = ()) -> Body:
    """Pieces that meet the conditions, in order of their dates, from the one whose sort values are `after` on."""
    return {
        "size": size,
        "query": {"bool": {"filter": list(conditions)}},
        "sort": [{"published_at": "asc"}, {"article_id": "asc"}],
        "_source": list(fields),
        **({"search_after": list(after)} if after else {}),
    }


def days_covered(since: datetime, until: datetime) -> Body:
    """On which days (UTC) of that time the beat has pieces at all."""
    days = {"date_histogram": {"field": "published_at", "calendar_interval": "day", "min_doc_count": 1}}
    return {"size": 0, "query": {"bool": {"filter": [between(since, until)]}}, "aggs": {"days": days}}


def highlighted(article_id: str, query: str) -> Body:
    """The piece, with what the query found in it."""
    return {
        "size": 1,
        "query": {"bool": {"filter": [{"ids": {"values": [article_id]}}], "must": [words(query)]}},
        "_source": False,
        "highlight": {
            "pre_tags": [MARK_START],
            "post_tags": [MARK_END],
            "fragment_size": 160,
            "number_of_fragments": 2,
            "fields": {field.partition("^")[0]: {} for field in WORD_FIELDS},
        },
    }


def window_alerts(rule_ids: Sequence[str], since: datetime) -> Body:
    """The alerts on windows that ended after `since`, of these rules."""
    return {
        "size": 10_000,
        "query": {
            "bool": {
                "filter": [
                    {"terms": {"rule_id": list(rule_ids)}},
                    {"range": {"window.end": {"gt": since.isoformat()}}},
                ]
            }
        },
        "_source": ["rule_id", "window"],
    }


def same_text(bands: Sequence[str], before: datetime) -> Body:
    """Older pieces that share bands with a signature: candidates for an old text that came back."""
    return {
        "size": 10,
        "query": {
            "bool": {
                "filter": [{"range": {"published_at": {"lt": before.isoformat()}}}],
                "should": [{"constant_score": {"filter": {"term": {"bands": band}}}} for band in bands],
                "minimum_should_match": 1,
            }
        },
        "_source": ["article_id", "published_at", "signature"],
    }


def named_before(conditions: Sequence[Body]) -> Body:
    """Whether any piece meets the conditions."""
    return {"size": 1, "query": {"bool": {"filter": list(conditions)}}, "_source": False, "track_total_hits": False}


def alerts_of(rule_id: str, since: datetime, *, size: int) -> Body:
    """The rule's alerts since a moment, the newest first, and how many each day (UTC) has."""
    days = {"date_histogram": {"field": "created_at_ms", "calendar_interval": "day", "min_doc_count": 1}}
    made = {"range": {"created_at_ms": {"gte": int(since.timestamp() * 1000)}}}
    return {
        "size": size,
        "query": {"bool": {"filter": [{"term": {"rule_id": rule_id}}, made]}},
        "sort": [{"created_at_ms": "desc"}, {"alert_id": "asc"}],
        "track_total_hits": True,
        "aggs": {"days": days},
    }
