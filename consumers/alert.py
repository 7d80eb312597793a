"""A handler: what was indexed -> which rules it meets -> new alerts, through an outbox.

An alert is created with `handover: pending`, then everything pending is sent and marked. So a worker that is killed
anywhere in between loses none: the next batch sends what the last one left.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from consumers.archive import Client, Created, create, mark_handed_over, refresh, search
from consumers.outcome import Done, Emit, Outcome
from schemas.alert import Alert, Evidence
from schemas.classification import Indexed
from schemas.identity import alert_id
from schemas.queries import handover_pending
from schemas.rule import Rule
from schemas.rule_queries import rules_over
from schemas.streams import ALERTS, Stream

log = structlog.get_logger()

RULES_A_SEARCH = 200
"""More rules than this are asked in several searches."""

OUTBOX = 10_000
"""Alerts taken from the outbox at once: the most that Elasticsearch returns."""

SENTENCES = 4
"""Sentences of a piece that an alert quotes."""


def alert(
    batch: Sequence[Indexed],
    *,
    es: Client,
    rules: Callable[[], Sequence[Rule]],
    now: Callable[[], datetime],
    alerts: Stream[Alert] = ALERTS,
) -> list[Outcome]:
    """Run the rules over every piece of the batch; one alert a rule and story, ever. Raises Unavailable."""
    refresh(es, es.indices.news)
    fired: dict[str, Alert] = {}
    for hit, rule in _firings({i.article_id for i in batch}, rules(), es=es, now=now()):
        found = alert_of(hit["_source"], rule, now())
        fired.setdefault(found.alert_id, found)
    for made_id, made in create(es, list(fired.values())).items():
        if isinstance(made, Created):
            log.info("alert.created", alert_id=made_id, rule=fired[made_id].rule_id, story_id=fired[made_id].story_id)
    outbox = _outbox(es)
    done: list[Outcome] = [Done() for _ in batch]
    if outbox:
        emits = tuple(Emit(alerts, waiting) for waiting in outbox)
        done[-1] = Done(emit=emits, then=partial(mark_handed_over, es, [a.alert_id for a in outbox]))
    return done


def _firings(
    ids: set[str], rules: Sequence[Rule], *, es: Client, now: datetime
) -> Iterator[tuple[Mapping[str, Any], Rule]]:
    by_id = {rule.id: rule for rule in rules}
    for start in range(0, len(rules), RULES_A_SEARCH):
        body = rules_over(sorted(ids), rules[start : start + RULES_A_SEARCH], now)
        for hit in search(es, body)["hits"]["hits"]:
            for rule_id in hit["matched_queries"]:
                yield hit, by_id[rule_id]


def _outbox(es: Client) -> list[Alert]:
    refresh(es, es.indices.alerts)
    hits = search(es, handover_pending(OUTBOX), index=es.indices.alerts)["hits"]["hits"]
    return [Alert.model_validate({k: v for k, v in hit["_source"].items() if k in Alert.model_fields}) for hit in hits]


def alert_of(piece: Mapping[str, Any], rule: Rule, now: datetime) -> Alert:
    """The alert that a document of `news` gives under a rule."""
    return Alert(
        alert_id=alert_id(rule.id, piece["story_id"]),
        rule_id=rule.id,
        rule_name=rule.name,
        severity=rule.severity,
        channels=rule.channels,
        story_id=piece["story_id"],
        article_id=piece["article_id"],
        title=piece["title"],
        url=piece["url"],
        outlet=piece["outlet"],
        language=piece["language"],
        published_at=piece["published_at"],
        date_guessed=piece["date_guessed"],
        observed_at_ms=round(datetime.fromisoformat(piece["observed_at"]).timestamp() * 1000),
        created_at_ms=round(now.timestamp() * 1000),
        relevance=piece["relevance"],
        topics=tuple(piece["topics"]),
        stances=piece["stance"],
        evidence=tuple(_evidence(piece.get("evidence", ()), rule)),
    )


def _evidence(found: Sequence[Mapping[str, Any]], rule: Rule) -> Iterator[Evidence]:
    """The sentences that speak for what the rule asks: its stances first, then its topics, then the surest."""

    def rank(sentence: Mapping[str, Any]) -> tuple[bool, bool, float]:
        sides = [str(side) for side in rule.stances.get(sentence.get("target", ""), ())]
        return sentence.get("stance") in sides, sentence.get("topic") in rule.topics, sentence["confidence"]

    texts: set[str] = set()
    for sentence in sorted(found, key=rank, reverse=True):
        if len(texts) == SENTENCES:
            return
        if sentence["text"] not in texts:
            texts.add(sentence["text"])
            yield Evidence.model_validate({k: v for k, v in sentence.items() if k in Evidence.model_fields})
