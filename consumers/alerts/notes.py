"""What an alert's document notes of whom it was told, and when the clock next asks something of it; pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic_core import to_jsonable_python

from consumers.alerts.routing import Escalation, Subject, Target, escalated
from schemas.alert import Alert, AlertRecord, AlertState, Delivery, DeliveryStatus
from schemas.team import Teams

LASTING = frozenset({DeliveryStatus.DELIVERED, DeliveryStatus.SETTLED, DeliveryStatus.MUTED})
"""After these nothing more is to be told of the edition."""


def record_of(source: Mapping[str, Any]) -> AlertRecord:
    """The record that a document of the index holds; fields of a later version are left out."""
    return AlertRecord.model_validate({k: v for k, v in source.items() if k in AlertRecord.model_fields})


def standing(alert: Alert, held: Mapping[str, Any]) -> AlertRecord:
    """The record of an alert as its message tells it, with what the document notes of people and deliveries."""
    own = {k: v for k, v in held.items() if k in AlertRecord.model_fields and k not in Alert.model_fields}
    return AlertRecord.model_validate(alert.model_dump() | own | {"state": held.get("state", alert.state)})


def note_of(record: AlertRecord, target: Target, step: float = 0) -> Delivery | None:
    """What is noted of a target."""
    key = (target.recipient, target.channel, step)
    return next((note for note in record.deliveries if note.key == key), None)


def noted(record: AlertRecord, note: Delivery) -> AlertRecord:
    """The record with the note in place of the one before."""
    others = tuple(other for other in record.deliveries if other.key != note.key)
    return record.model_copy(update={"deliveries": (*others, note)})


def first_told(record: AlertRecord) -> datetime | None:
    """When somebody was told of it for the first time."""
    told = (d.at for d in record.deliveries if d.status is DeliveryStatus.DELIVERED and d.step == 0)
    return min(told, default=None)


def open_steps(record: AlertRecord, teams: Teams | None, now: datetime) -> list[tuple[datetime, Escalation]]:
    """The escalations that are still to come, and when each is due; none for an alert that somebody has taken up."""
    told = first_told(record)
    if told is None or record.state is not AlertState.NEW:
        return []
    steps = escalated(Subject.of(record), teams, now)
    return [(told + e.after, e) for e in steps if note_of(record, e.target, e.step) is None]


def fields(record: AlertRecord, teams: Teams | None, now: datetime) -> dict[str, Any]:
    """What of the record is written: the notes, and by what they are found."""
    held = [d for d in record.deliveries if d.status is DeliveryStatus.HELD and d.due is not None]
    moments = [d.due for d in held if d.due is not None] + [due for due, _ in open_steps(record, teams, now)]
    at_once = [d.at for d in record.deliveries if d.status is DeliveryStatus.DELIVERED and d.hold is None]
    written: dict[str, Any] = to_jsonable_python(
        {
            "deliveries": [d.model_dump(mode="json", exclude_defaults=True) for d in record.deliveries],
            "wake_at": min(moments, default=None),
            "notified_at": sorted(at_once),
            "held_for": sorted({f"{d.recipient}/{d.channel}" for d in held}),
        }
    )
    return written
