"""A handler: Alert -> those whom it concerns, each once: at once, or held until its time (`consumers.alerts.due`).

What became of each reader and channel is noted in the alert's document, so that a failure of another channel repeats
nothing. A worker killed between a channel's answer and the note repeats that one delivery, with the same id.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from consumers.alerts.notes import LASTING, fields, note_of, noted, standing
from consumers.alerts.routing import Subject, Target, route
from consumers.alerts.telling import tell
from consumers.alerts.throttle import Told, held_until
from consumers.archive import Client, get_many, refresh, search, update, update_many
from consumers.outcome import Done, Outcome, Poison, Retry
from consumers.tracing import trace_id_of
from schemas.alert import Alert, AlertRecord, Delivery, DeliveryStatus, Hold
from schemas.alert_queries import alerts_notified
from schemas.errors import DeliveryRefused, Unavailable
from schemas.settings import NotifySettings, ThrottleSettings
from schemas.team import Teams

log = structlog.get_logger()

GIVE_UP_S = 6 * 3600.0
"""An alert that a channel has failed to take for so long holds up those behind it: it becomes a dead letter."""

RECENT = 10_000
"""Alerts told within the throttle's window that are looked at: the most that Elasticsearch returns."""


def nobody() -> Teams | None:
    """No teams: alerts go to every channel."""
    return None


def notify(
    batch: Sequence[Alert],
    *,
    es: Client,
    settings: NotifySettings,
    now: Callable[[], datetime],
    apart: str | None = None,
    teams: Callable[[], Teams | None] = nobody,
) -> list[Outcome]:
    """Tell each alert to those whom it concerns: `consumers.alerts.routing` says who, by which channel, and when.

    The channel kept `apart` is for ops alerts. Raises Unavailable for Elasticsearch alone.
    """
    index = es.indices.alerts
    known = [*AlertRecord.model_fields.keys() - Alert.model_fields.keys(), "state"]
    documents = get_many(es, [(index, a.alert_id) for a in batch], fields=known)
    records = {a.alert_id: standing(a, documents.get(a.alert_id, {})) for a in batch}
    told = recently_told(es, settings.throttle, now())
    in_force = teams()
    parts: dict[str, Any] = {"es": es, "settings": settings, "now": now, "apart": apart}
    outcomes: list[Outcome] = []
    changed: dict[str, dict[str, Any]] = {}
    for alert in batch:
        with bound_contextvars(trace_id=trace_id_of(alert)):
            after, outcome, pending = _notify(alert, records[alert.alert_id], told, teams=in_force, **parts)
        records[alert.alert_id] = after
        if pending:
            changed[alert.alert_id] = fields(after, in_force, now())
        outcomes.append(outcome)
    update_many(es, index, changed)
    return outcomes


def recently_told(es: Client, limits: ThrottleSettings, now: datetime) -> list[Told]:
    """What was told at once within the throttle's window, by the notes of it. Raises Unavailable."""
    if limits.per_rule is None and limits.per_source is None and limits.overall is None:
        return []
    since = now - timedelta(seconds=limits.window_s)
    refresh(es, es.indices.alerts)
    hits = search(es, alerts_notified(since, RECENT), index=es.indices.alerts)["hits"]["hits"]
    return [
        Told(f"{note.recipient}/{note.channel}", note.at, hit["_source"]["rule_id"], hit["_source"]["outlet"])
        for hit in hits
        for note in map(Delivery.model_validate, hit["_source"].get("deliveries", ()))
        if note.status is DeliveryStatus.DELIVERED and note.hold is None and note.at > since
    ]


def _notify(
    alert: Alert,
    record: AlertRecord,
    told: list[Told],
    *,
    es: Client,
    settings: NotifySettings,
    now: Callable[[], datetime],
    apart: str | None,
    teams: Teams | None,
) -> tuple[AlertRecord, Outcome, bool]:
    """Tell one alert; returns its record as noted, the outcome, and whether notes of what is held are unwritten."""
    failed: list[str] = []
    refused: list[str] = []
    failing_since, pending = now(), False
    record = record.model_copy(update={"edition": alert.edition})
    every = [channel.name for channel in settings.channels]
    for target in route(Subject.of(alert), teams, every, now(), apart=apart):
        before = note_of(record, target)
        if before is not None and before.edition >= alert.edition and before.status in LASTING:
            continue
        waits = _waits(alert, target, before, told, settings.throttle, now())
        if waits is not None:
            if waits != before:
                record, pending = noted(record, waits), True
            continue
        try:
            tell(alert, target, teams=teams, settings=settings, now=now())
        except Unavailable as error:
            failed.append(str(error))
            if before is None or before.status is not DeliveryStatus.FAILED:
                record = _note(record, target, "failed", now(), es=es, teams=teams, reason=error.reason)
            else:
                failing_since = min(failing_since, before.at)
        except DeliveryRefused as error:
            refused.append(str(error))
            record = _note(record, target, "refused", now(), es=es, teams=teams, reason=error.reason)
        else:
            record = _note(record, target, "delivered", now(), es=es, teams=teams)
            told.append(Told(target.name, now(), alert.rule_id, alert.outlet))
    late = (now() - failing_since).total_seconds() > GIVE_UP_S
    if failed and not late:
        return record, Retry("; ".join(failed)), pending
    if failed or refused:
        return record, Poison("DeliveryRefused", "; ".join(refused + failed)), pending
    return record, Done(), pending


def _waits(
    alert: Alert, target: Target, before: Delivery | None, told: Sequence[Told], limits: ThrottleSettings, now: datetime
) -> Delivery | None:
    """The note of a target that is not told now, and why; None for one that is."""
    if before is not None and before.status is DeliveryStatus.HELD:
        return before.model_copy(update={"edition": alert.edition})
    note = Delivery(
        channel=target.channel, recipient=target.recipient, at=now, status=DeliveryStatus.HELD, edition=alert.edition
    )
    if target.dropped:
        return note.model_copy(update={"status": DeliveryStatus.MUTED, "hold": Hold.MUTE, "reason": target.why})
    if target.due is not None:
        return note.model_copy(update={"hold": target.hold, "due": target.due})
    if before is not None and before.status is DeliveryStatus.FAILED:
        return None
    until = held_until(target.name, alert.rule_id, alert.outlet, told, limits, now)
    return None if until is None else note.model_copy(update={"hold": Hold.THROTTLE, "due": until})


def _note(
    record: AlertRecord,
    target: Target,
    status: str,
    at: datetime,
    *,
    es: Client,
    teams: Teams | None,
    reason: str | None = None,
) -> AlertRecord:
    """Note at once what a channel said: what it took must not be sent again."""
    log.info("alert.delivery", alert_id=record.alert_id, to=target.name, status=status, reason=reason)
    note = Delivery(
        channel=target.channel,
        recipient=target.recipient,
        at=at,
        status=DeliveryStatus(status),
        reason=reason,
        edition=record.edition,
    )
    after = noted(record, note)
    if not update(es, es.indices.alerts, record.alert_id, fields(after, teams, at)):
        log.warning("alert.gone", alert_id=record.alert_id, to=target.name)
    return after
