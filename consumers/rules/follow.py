"""Everything that joins one story: copies, revisions, changes of side, and other outlets' own reports."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from consumers.archive import Client, search
from consumers.rules.reading import DETAIL
from consumers.rules.why import words_of
from schemas.reason import JoinedAs
from schemas.rule import Follow

Doc = Mapping[str, Any]

LEAST = 2
"""Names that two reports must share."""

EARLIER = timedelta(days=1)
"""A report may be dated so much before the story's first piece: outlets write at once, and feeds round."""

USUAL_DAYS = 60
"""How common a name is, the pieces of so many days before the story say."""


def seeds(es: Client, rules: Sequence[Follow]) -> dict[str, list[dict[str, Any]]]:
    """By rule id, the pieces of the story that it follows, in order; empty while none is there. Raises Unavailable."""
    asked = sorted({rule.story for rule in rules})
    found = _pieces(es, "article_id", asked) + _pieces(es, "url", asked) + _pieces(es, "link", asked)
    story_of = {piece[key]: piece["story_id"] for piece in found for key in ("article_id", "url", "link")}
    wanted = {rule.id: story_of.get(rule.story, rule.story) for rule in rules}
    members: dict[str, list[dict[str, Any]]] = {}
    for piece in _pieces(es, "story_id", sorted(set(wanted.values()))):
        members.setdefault(piece["story_id"], []).append(piece)
    return {rule_id: members.get(story_id, []) for rule_id, story_id in wanted.items()}


def _pieces(es: Client, field: str, values: Sequence[str]) -> list[dict[str, Any]]:
    if not values:
        return []
    body = {
        "size": 1000,
        "query": {"bool": {"filter": [{"terms": {field: list(values)}}]}},
        "sort": [{"published_at": "asc"}, {"article_id": "asc"}],
        "_source": [*DETAIL, "link"],
    }
    return [hit["_source"] for hit in search(es, body)["hits"]["hits"]]


def weights(es: Client, story: Sequence[Doc]) -> dict[str, float]:
    """How much each name of the story tells: the inverse of how often it was named in the weeks before."""
    names = sorted({entity["id"] for piece in story for entity in piece.get("entities", ())})
    begin = min(datetime.fromisoformat(piece["published_at"]) for piece in story)
    window = {"gte": (begin - timedelta(days=USUAL_DAYS)).isoformat(), "lt": begin.isoformat()}
    body = {
        "size": 0,
        "track_total_hits": True,
        "query": {"bool": {"filter": [{"range": {"published_at": window}}]}},
        "aggs": {"names": {"terms": {"field": "entities.id", "include": names, "size": max(len(names), 1)}}},
    }
    found = search(es, body) if names else {}
    total = found["hits"]["total"]["value"] if names else 0
    buckets = found.get("aggregations", {}).get("names", {}).get("buckets", ())
    often = {bucket["key"]: bucket["doc_count"] for bucket in buckets}
    return {name: weight(often.get(name, 0), total) for name in names}


def weight(often: int, total: int) -> float:
    """Inverse document frequency, smoothed: about 0 for what every piece has."""
    return math.log((total + 2) / (often + 1))


def joins(piece: Doc, story: Sequence[Doc], rule: Follow, weighed: Mapping[str, float]) -> JoinedAs | None:
    """How the piece belongs to the story; None when it doesn't."""
    begin = min(datetime.fromisoformat(member["published_at"]) for member in story)
    at = datetime.fromisoformat(piece["published_at"])
    if not begin - EARLIER <= at <= begin + timedelta(days=rule.days):
        return None
    if piece["story_id"] == story[0]["story_id"]:
        return JoinedAs.FIRST if piece["article_id"] == story[0]["article_id"] else JoinedAs.COPY
    alike = max(likeness(piece, member, weighed) for member in story)
    return JoinedAs.REPORT if alike >= rule.min_likeness else None


def likeness(a: Doc, b: Doc, weighed: Mapping[str, float]) -> float:
    """The cosine, 0 to 1, of what two pieces name, each name by its weight; of one language also of headline words."""
    unseen = max(weighed.values(), default=1.0)

    def of(features: Iterable[str]) -> float:
        return sum(weighed.get(feature, unseen) for feature in features)

    best = 0.0
    ours, theirs = _names(a), _names(b)
    rows = [(ours, theirs, LEAST)]
    if a["language"] == b["language"]:
        rows.append((ours | _words(a), theirs | _words(b), LEAST + 1))
    for one, other, least in rows:
        shared = one & other
        if len(shared) >= least and of(shared) > 0:
            best = max(best, of(shared) / math.sqrt(of(one) * of(other)))
    return best


def _names(piece: Doc) -> set[str]:
    return {entity["id"] for entity in piece.get("entities", ())}


def _words(piece: Doc) -> set[str]:
    return {f"word:{word}" for word in words_of(piece["title"])}
