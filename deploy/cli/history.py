"""An alert's state and history for a terminal."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from deploy.cli.render import alert_text
from schemas.alert import AlertRecord, AlertState, Delivery, DeliveryStatus
from schemas.inert import plain

STATE_STYLE = {
    AlertState.NEW: "bold",
    AlertState.ACKNOWLEDGED: "yellow",
    AlertState.RESOLVED: "green",
    AlertState.DISMISSED: "dim",
}


def listed(record: AlertRecord) -> RenderableType:
    """One alert of a list, with the id to name it by, and where it stands."""
    return Group(Padding(_where(record), (0, 0, 0, 2)), alert_text(record))


def with_history(record: AlertRecord) -> RenderableType:
    """One alert, whom it was told, and what people did with it, in the order of time."""
    lines = [(d.at, _told(d)) for d in record.deliveries]
    lines += [
        (e.at, f"{plain(e.who)}: {e.action}" + (f" {e.verdict}" if e.verdict else "") + _quoted(e.note))
        for e in record.events
    ]
    thread = [
        Text(f"{plain(j.title)} · {plain(j.outlet)} · {j.kind}", style="dim")
        for j in record.thread
        if len(record.thread) > 1
    ]
    history = [Text(f"{_when(at)}  {said}") for at, said in sorted(lines)]
    return Group(alert_text(record), *(Padding(line, (0, 0, 0, 2)) for line in (_where(record), *thread, *history)))


def _where(record: AlertRecord) -> Text:
    text = Text(f"{record.alert_id[:12]} ", style="cyan")
    text.append(record.state, style=STATE_STYLE[record.state])
    who = record.settled_by or record.acknowledged_by
    if who is not None and record.state is not AlertState.NEW:
        text.append(f" by {plain(who)}", style="default")
    if record.verdict is not None:
        text.append(f", verdict {record.verdict}", style="default")
    if len(record.thread) > 1:
        text.append(f", {len(record.thread)} pieces", style="dim")
    return text


def _told(note: Delivery) -> str:
    whom = f"{note.recipient} by {note.channel}" if note.recipient else note.channel
    step = f" (escalated after {note.step:g} min)" if note.step else ""
    why = f": {plain(note.reason)}" if note.reason else ""
    if note.status is DeliveryStatus.HELD and note.hold is not None and note.due is not None:
        return f"{whom}: held ({note.hold}) until {_when(note.due)}{step}{why}"
    return f"{whom}: {note.status}{step}{why}"


def _quoted(note: str) -> str:
    return f": {plain(note)}" if note else ""


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
