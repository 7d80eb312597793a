"""What a person's action makes of an alert; pure."""

from typing import Any

from schemas.alert import TRANSITIONS, Action, AlertRecord, AlertState, Event
from schemas.errors import VigiaError

RESULT = {
    Action.ACK: AlertState.ACKNOWLEDGED,
    Action.RESOLVE: AlertState.RESOLVED,
    Action.DISMISS: AlertState.DISMISSED,
    Action.REOPEN: AlertState.ACKNOWLEDGED,
}
"""The state that an action leads to; the others change none."""

SETTLED = frozenset({AlertState.RESOLVED, AlertState.DISMISSED})


class NotPossible(VigiaError):
    """An action that the alert's state doesn't allow: what it was, who made it so, and what to do."""

    def __init__(self, record: AlertRecord, action: Action) -> None:
        self.alert_id, self.state, self.action = record.alert_id, record.state, action
        who, when = record.settled_by or record.acknowledged_by, record.settled_at or record.acknowledged_at
        by = f" by {who} at {when:%Y-%m-%d %H:%M} UTC" if who and when else ""
        remedy = (
            "`vigia alerts reopen` takes it up again" if record.state in SETTLED else "only a settled one is reopened"
        )
        super().__init__(
            f"alert {record.alert_id[:12]} is {record.state}{by}: {action} is not possible; {remedy}, "
            "`vigia alerts note` adds to its history"
        )


def apply(record: AlertRecord, event: Event) -> dict[str, Any]:
    """The fields that the event changes, its own line in the history included. Raises NotPossible.

    Acknowledging what is acknowledged adds to the history alone: the first one stands.
    """
    changes: dict[str, Any] = {"events": [*record.events, event]}
    result = RESULT.get(event.action)
    if event.action is Action.VERDICT:
        return changes | {"verdict": event.verdict, "verdict_by": event.who}
    if result is None or (event.action is Action.ACK and record.state is AlertState.ACKNOWLEDGED):
        return changes
    if result not in TRANSITIONS[record.state] or (event.action is Action.REOPEN) != (record.state in SETTLED):
        raise NotPossible(record, event.action)
    changes |= {"state": result}
    if result in SETTLED:
        changes |= {"settled_at": event.at, "settled_by": event.who}
    elif event.action is Action.REOPEN:
        changes |= {"settled_at": None, "settled_by": None}
    if record.acknowledged_at is None:
        changes |= {
            "acknowledged_at": event.at,
            "acknowledged_by": event.who,
            "acknowledged_after_s": max(0.0, event.at.timestamp() - record.created_at_ms / 1000),
        }
    return changes
