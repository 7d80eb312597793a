"""Elasticsearch bodies over the index `alerts`, as pure functions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from schemas.alert import AlertState, Severity
from schemas.clauses import any_of

Body = dict[str, Any]

LIGHT = ["evidence", "reason", "events"]
"""Of many alerts at once, what is left out."""


def alerts_by(
    size: int,
    *,
    since_ms: int | None = None,
    states: Sequence[AlertState] = (),
    rules: Sequence[str] = (),
    severities: Sequence[Severity] = (),
) -> Body:
    """The alerts of which all that is asked for holds, the newest first."""
    filters: list[Body] = []
    if since_ms is not None:
        filters.append({"range": {"created_at_ms": {"gte": since_ms}}})
    for field, values in (("state", states), ("rule_id", rules), ("severity", severities)):
        filters += any_of(field, values)
    return {
        "size": size,
        "query": {"bool": {"filter": filters}},
        "sort": [{"created_at_ms": "desc"}, {"alert_id": "asc"}],
    }


def alerts_named(named: str, size: int) -> Body:
    """The alerts whose id begins so."""
    return {"size": size, "query": {"bool": {"filter": [{"prefix": {"alert_id": named.lower()}}]}}}


def alerts_due(until: datetime, size: int, after: Sequence[Any] | None = None) -> Body:
    """The alerts of which the clock asks something by that moment, the longest waiting first; a page after another."""
    return _paged({"range": {"wake_at": {"lte": until.isoformat()}}}, "wake_at", size, after)


def alerts_held_for(
    targets: Sequence[str], later_than: datetime, size: int, after: Sequence[Any] | None = None
) -> Body:
    """The alerts that wait for any of these (`reader/channel`) and wake later; a page after another."""
    clause = {
        "bool": {
            "filter": [
                {"terms": {"held_for": list(targets)}},
                {"range": {"wake_at": {"gt": later_than.isoformat()}}},
            ]
        }
    }
    return _paged(clause, "created_at_ms", size, after)


def _paged(clause: Body, order: str, size: int, after: Sequence[Any] | None) -> Body:
    body: Body = {
        "size": size,
        "query": {"bool": {"filter": [clause]}},
        "sort": [{order: "asc"}, {"alert_id": "asc"}],
        "_source": {"excludes": LIGHT},
    }
    return body | ({"search_after": list(after)} if after else {})


def alerts_notified(since: datetime, size: int) -> Body:
    """What was told at once since a moment: rule, outlet, deliveries."""
    return {
        "size": size,
        "query": {"bool": {"filter": [{"range": {"notified_at": {"gte": since.isoformat()}}}]}},
        "_source": ["rule_id", "outlet", "deliveries"],
        "sort": [{"notified_at": {"order": "desc", "mode": "max"}}],
    }


def verdicts(since_ms: int | None = None) -> Body:
    """How often each rule's alerts were given each verdict, and how many alerts each has made."""
    filters: list[Body] = [] if since_ms is None else [{"range": {"created_at_ms": {"gte": since_ms}}}]
    return {
        "size": 0,
        "query": {"bool": {"filter": filters}},
        "aggs": {
            "rules": {
                "terms": {"field": "rule_id", "size": 10_000},
                "aggs": {"verdicts": {"terms": {"field": "verdict", "size": 10}}},
            }
        },
    }
