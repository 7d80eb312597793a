"""The facts that rules over windows go by, read from the archive. Everything here may raise Unavailable."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import structlog

from consumers.archive import Client, search
from schemas.reason import Window
from schemas.rule import Scope
from schemas.rule_queries import Body, between, days_covered, in_scope, pieces, window_alerts

log = structlog.get_logger()

PAGE = 5000
"""Pieces read at once."""

MOST = 50_000
"""Pieces that one rule may read; more are told in the log and left out, the newest."""

FACTS = ("article_id", "story_id", "published_at", "revisions.observed_at", "lane", "outlet", "feed")
"""What counting needs of a piece."""

DETAIL = (
    *FACTS, "title", "url", "language", "date_guessed", "observed_at", "relevance", "topics", "stance", "stance_score",
    "entities", "voices", "content_hash",
)  # fmt: skip
"""What explaining needs."""

Doc = dict[str, Any]


@dataclass(frozen=True)
class Fact:
    """A piece in a rule's scope, and when it counts: by its date."""

    at: datetime
    story_id: str
    outlet: str
    counts: bool
    """False for what feeds baselines only: a historic piece, or one with a date far after it was first read."""
    doc: Mapping[str, Any]


def facts(
    es: Client,
    rule: Scope,
    since: datetime,
    until: datetime,
    *,
    also: Sequence[Body] = (),
    among: bool = True,
    fields: Sequence[str] = FACTS,
    most: int = MOST,
) -> list[Fact]:
    """The pieces in the rule's scope of that time, in order of their dates; `most` of them."""
    conditions = [*in_scope(rule, among=among), between(since, until), *also]
    found: list[Fact] = []
    after: Sequence[Any] = ()
    while True:
        hits = search(es, pieces(conditions, size=min(PAGE, most), fields=fields, after=after))["hits"]["hits"]
        found += [fact_of(hit["_source"], rule) for hit in hits]
        if len(hits) < min(PAGE, most):
            return found
        if len(found) >= most:
            if most == MOST:
                log.warning("rule.too_wide", rule=rule.id, pieces=len(found), until=found[-1].at.isoformat())
            return found[:most]
        after = hits[-1]["sort"]


def fact_of(doc: Mapping[str, Any], rule: Scope) -> Fact:
    """A document as a fact."""
    at = datetime.fromisoformat(doc["published_at"])
    first = first_seen(doc)
    redated = first is not None and first < at - timedelta(hours=rule.max_age_hours)
    return Fact(at, doc["story_id"], doc["outlet"], doc.get("lane") != "historic" and not redated, doc)


def first_seen(doc: Mapping[str, Any]) -> datetime | None:
    """When the piece was first read; None when its document doesn't say."""
    seen = [datetime.fromisoformat(revision["observed_at"]) for revision in doc.get("revisions", ())]
    return min(seen, default=None)


def story_times(found: Iterable[Fact], *, only_counting: bool) -> list[float]:
    """When each story began (seconds since the epoch), in order."""
    first: dict[str, float] = {}
    for fact in found:
        if fact.counts or not only_counting:
            first[fact.story_id] = min(first.get(fact.story_id, fact.at.timestamp()), fact.at.timestamp())
    return sorted(first.values())


def covered(es: Client, since: datetime, until: datetime) -> frozenset[date]:
    """The days (UTC) of that time on which the beat has pieces at all."""
    buckets = search(es, days_covered(since, until)).get("aggregations", {}).get("days", {}).get("buckets", ())
    return frozenset(datetime.fromisoformat(bucket["key_as_string"]).date() for bucket in buckets)


def whole(es: Client, article_id: str) -> Doc | None:
    """The piece with everything but its text."""
    body = {
        "size": 1,
        "query": {"ids": {"values": [article_id]}},
        "_source": {"excludes": ["text", "signature", "bands"]},
    }
    return next((hit["_source"] for hit in search(es, body)["hits"]["hits"]), None)


def told(es: Client, rule_ids: Sequence[str], since: datetime) -> dict[str, list[Window]]:
    """The windows that each rule has alerted on, of those that ended after `since`."""
    hits = search(es, window_alerts(rule_ids, since), index=es.indices.alerts)["hits"]["hits"]
    windows: dict[str, list[Window]] = {rule_id: [] for rule_id in rule_ids}
    for hit in hits:
        windows[hit["_source"]["rule_id"]].append(Window.model_validate(hit["_source"]["window"]))
    return windows
