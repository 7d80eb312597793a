"""Elasticsearch bodies as pure functions; `consumers.archive` and `flows.archive` run them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


DAYS = {"field": "published_at", "calendar_interval": "day", "min_doc_count": 1, "order": {"_key": "desc"}}
"""How days are counted: the newest first, and only those with pieces."""

NEAREST = 100
"""Pieces that a search by nearness finds at most in each month."""

CANDIDATES = 200
"""Of each shard, from which they are chosen: more find more of the true neighbours, and take longer."""

LIKE_FIELDS = ("title", "title.en", "title.es", "text", "text.en", "text.es")

KEPT_OUT = ("signature", "bands", "embedding")
"""Fields of a document that say nothing to a reader."""


@dataclass(frozen=True)
class Liked:
    """The piece that others are to be like: where it is, its story, and its embedding if it has one."""

    index: str
    article_id: str
    story_id: str
    embedding: Sequence[float] = ()


def search(
    words: str | None = None,
    *,
    near: Sequence[float] = (),
    like: Liked | None = None,
    topics: Sequence[Topic] = (),
    stances: Mapping[Target, Stance] | None = None,
    languages: Sequence[str] = (),
    outlets: Sequence[str] = (),
    countries: Sequence[str] = (),
    feeds: Sequence[str] = (),
    entities: Sequence[str] = (),
    speaker: str | None = None,
    speaker_stances: Mapping[Target, Stance] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    min_relevance: float = 0.0,
    min_confidence: float = 0.0,
    sort: Literal["date", "score"] = "date",
    offset: int = 0,
    size: int = 20,
) -> Body:
    """Pieces of which all that is asked for holds, one a story.

    `words` is simple query syntax (words, "phrases", +, -, |). A filter that is left out always holds; of several
    topics, languages, outlets, countries or feeds any will do, of several stances or `entities` (ids) all must hold.
    `speaker`: words of a quoted speaker's name; `speaker_stances`: what that speaker takes which side on.
    `min_confidence` is of each of the stances, or when none is given of any. `near`: an embedding; the `NEAREST` to it
    of all that is left are found. `like`: pieces near that one, or with its words, of other
    stories. `copies_in` counts the pieces of each story; the aggregations here are `stories` (how many there are),
    `days`, `topics`, `entities`, `outlets`, `countries`, `languages`, and one for each target with its stances.
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
    filters += _sides(stances or {}, min_confidence)
    filters += [{"term": {"entities.id": entity}} for entity in entities]
    filters += _said(speaker, speaker_stances or {})
    window = {bound: when.isoformat() for bound, when in (("gte", since), ("lt", until)) if when is not None}
    if window:
        filters.append({"range": {"published_at": window}})
    asked = [words_clause(words)] if words and words.strip() else []
    if near:
        asked.append(nearest(near, [*filters, *asked]))
    query: Body = {"must": asked or [{"match_all": {}}], "filter": filters}
    if like is not None:
        query |= _like(like, [*filters, *asked])
    return {
        "query": {"bool": query},
        "from": offset,
        "size": size,
        "sort": SORTS[sort],
        "track_total_hits": True,
        "_source": {"excludes": list(KEPT_OUT)},
        "collapse": {"field": "story_id"},
        "aggs": {
            "stories": {"cardinality": {"field": "story_id"}},
            "days": {"date_histogram": DAYS},
            "topics": {"terms": {"field": "topics", "size": len(Topic)}},
            "entities": {"terms": {"field": "entities.id", "size": 20}},
            "outlets": {"terms": {"field": "outlet", "size": 20}},
            "countries": {"terms": {"field": "country", "size": 20}},
            "languages": {"terms": {"field": "language", "size": 10}},
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


def nearest(embedding: Sequence[float], filters: Sequence[Body], *, boost: float = 1.0) -> Body:
    """The pieces nearest to an embedding, of those that pass the filters."""
    return {
        "knn": {
            "field": "embedding",
            "query_vector": list(embedding),
            "k": NEAREST,
            "num_candidates": CANDIDATES,
            "filter": list(filters),
            "boost": boost,
        }
    }


def _like(liked: Liked, filters: Sequence[Body]) -> Body:
    same_words = {
        "more_like_this": {
            "fields": list(LIKE_FIELDS),
            "like": [{"_index": liked.index, "_id": liked.article_id}],
            "min_term_freq": 1,
            "min_doc_freq": 2,
            "max_query_terms": 25,
            "minimum_should_match": "40%",
        }
    }
    # scores of words go to about a hundred: what is near and shares words comes first, then what is only near
    same_sense = [nearest(liked.embedding, filters, boost=100.0)] if liked.embedding else []
    return {
        "should": [same_words, *same_sense],
        "minimum_should_match": 1,
        "must_not": [{"term": {"story_id": liked.story_id}}],
    }


def _sides(stances: Mapping[Target, Stance], confidence: float) -> list[Body]:
    if confidence > 0 and not stances:
        return [{"nested": {"path": "stances", "query": {"range": {"stances.confidence": {"gte": confidence}}}}}]
    found: list[Body] = [{"term": {f"stance.{target}": side}} for target, side in stances.items()]
    if confidence > 0:
        found += [{"range": {f"stance_confidence.{target}": {"gte": confidence}}} for target in stances]
    return found


def _said(speaker: str | None, stances: Mapping[Target, Stance]) -> list[Body]:
    named: list[Body] = []
    if speaker and speaker.strip():
        named = [{"match": {"voices.speaker": {"query": speaker, "operator": "and"}}}]
    sides = [
        [*named, {"term": {"voices.target": target}}, {"term": {"voices.stance": side}}]
        for target, side in stances.items()
    ] or ([named] if named else [])
    return [{"nested": {"path": "voices", "query": {"bool": {"filter": conditions}}}} for conditions in sides]


def everything(body: Body, *, size: int) -> Body:
    """The same search as one that is read page by page to its end: every piece, without facets or marks."""
    kept = {key: body[key] for key in ("query", "sort", "_source")}
    return kept | {"size": size, "track_total_hits": False}


def copies_in(body: Body, stories: Sequence[str]) -> Body:
    """How many pieces of each of these stories pass a search's words and filters: buckets of `stories`.

    One search for all, where `inner_hits` would be one for each story and shard.
    """
    asked = body["query"]["bool"]
    words = [clause for clause in asked["must"] if "simple_query_string" in clause]
    query = {"bool": {"filter": [*asked["filter"], *words, {"terms": {"story_id": list(stories)}}]}}
    counted = {"terms": {"field": "story_id", "size": max(len(stories), 1)}}
    return {"size": 0, "track_total_hits": False, "query": query, "aggs": {"stories": counted}}


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
