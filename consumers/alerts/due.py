"""What the clock brings about: what was held is told together, and what nobody has taken up is escalated.

All of it follows from what the alerts' documents note, so that a restart neither repeats nor forgets it. A message of
many is written into their notes before it is sent: whoever sends it again sends the same alerts under the same id.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from consumers.alerts.notes import fields, noted, open_steps, record_of
from consumers.alerts.routing import Target
from consumers.alerts.states import SETTLED
from consumers.alerts.telling import ESCALATED, GIVE_UP, RETRY, alert_message, channel_of, reader_of, tell
from consumers.alerts.together import of_many
from consumers.archive import Client, get_many, refresh, search, update_many
from consumers.channels.send import send
from consumers.outcome import Done, Emit
from schemas.alert import Alert, AlertRecord, AlertState, Delivery, DeliveryStatus, Hold
from schemas.alert_queries import alerts_due, alerts_held_for
from schemas.channel import ChannelSettings
from schemas.errors import DeliveryRefused, Unavailable
from schemas.identity import digest
from schemas.message import Message
from schemas.ops import OpsAlert, Trouble, settle
from schemas.settings import NotifySettings
from schemas.streams import OPS, Stream
from schemas.team import Teams

log = structlog.get_logger()

PAGE = 2000
"""Alerts read at once."""

ALONE = 3
"""Escalations of one step and reader that are told one by one; more come in one message."""

MOST = 100_000
"""Alerts of one tick; those beyond are of the next one."""

Waiting = tuple[AlertRecord, Delivery]
"""An alert, and the note of a target that waits for it."""


@dataclass
class _Desk:
    """What one tick works with; `records` as they are noted by now."""

    es: Client
    settings: NotifySettings
    teams: Teams | None
    now: Callable[[], datetime]
    records: dict[str, AlertRecord]
    written: set[str] = field(default_factory=set)
    troubles: list[Trouble] = field(default_factory=list)

    def write(self, records: Sequence[AlertRecord]) -> None:
        """Note what has changed of these."""
        self.records |= {record.alert_id: record for record in records}
        self.written |= {record.alert_id for record in records}
        moment = self.now()
        changes = {record.alert_id: fields(record, self.teams, moment) for record in records}
        update_many(self.es, self.es.indices.alerts, changes)


def tick(
    *,
    es: Client,
    settings: NotifySettings,
    now: Callable[[], datetime],
    teams: Callable[[], Teams | None],
    ops: Stream[OpsAlert] = OPS,
) -> Done:
    """Tell what is due. A channel that fails is asked again later, and holds up no other. Raises Unavailable.

    Those who run Vigía are told (`ops`) when a channel will never take what was held.
    """
    moment = now()
    refresh(es, es.indices.alerts)
    due = list(_read(es, lambda after: alerts_due(moment, PAGE, after)))
    if not due:
        return Done()
    desk = _Desk(es, settings, teams(), now, {record.alert_id: record for record in due})
    for record in due:
        _escalate(desk, record, moment)
    for target, waiting in _groups(desk, moment).items():
        for message_id, lot in _lots(desk, target, waiting, moment):
            _tell(desk, target, message_id, lot)
    # whatever else woke these alerts is over: they sleep until what comes next
    desk.write([desk.records[record.alert_id] for record in due if record.alert_id not in desk.written])
    _, alerts = settle({}, desk.troubles, looked_at=(), now=moment)
    return Done(emit=tuple(Emit(ops, alert) for alert in alerts))


def _read(es: Client, body: Callable[[Sequence[Any] | None], Mapping[str, Any]]) -> Iterator[AlertRecord]:
    after: Sequence[Any] | None = None
    for _ in range(MOST // PAGE):
        hits = search(es, body(after), index=es.indices.alerts)["hits"]["hits"]
        yield from (record_of(hit["_source"]) for hit in hits)
        if len(hits) < PAGE:
            return
        after = hits[-1]["sort"]


def _escalate(desk: _Desk, record: AlertRecord, moment: datetime) -> None:
    """Note each step that is due as held until its reader's hours; those who are on duty are told in this tick."""
    for due, escalation in open_steps(record, desk.teams, moment):
        if due > moment:
            continue
        target = escalation.target
        note = Delivery(
            channel=target.channel,
            recipient=target.recipient,
            step=escalation.step,
            at=moment,
            status=DeliveryStatus.HELD,
            hold=target.hold,
            due=target.due or moment,
            edition=record.edition,
        )
        record = noted(record, note)
    desk.records[record.alert_id] = record


def _groups(desk: _Desk, moment: datetime) -> dict[tuple[str, str, float], list[Waiting]]:
    """What is due of each target. Of one that was told too much, all that waits for that reason is told together."""
    groups: dict[tuple[str, str, float], list[Waiting]] = {}
    for record in desk.records.values():
        for note in record.deliveries:
            if note.status is DeliveryStatus.HELD and note.due is not None and note.due <= moment:
                groups.setdefault(note.key, []).append((record, note))
    flooded = {key for key, lot in groups.items() if any(note.hold is Hold.THROTTLE for _, note in lot)}
    names = [f"{recipient}/{channel}" for recipient, channel, _ in flooded]
    if names:
        for record in _read(desk.es, lambda after: alerts_held_for(names, moment, PAGE, after)):
            for note in record.deliveries:
                if note.key in flooded and note.status is DeliveryStatus.HELD and note.hold is Hold.THROTTLE:
                    groups[note.key].append((record, note))
                    desk.records[record.alert_id] = record
    return groups


def _lots(
    desk: _Desk, key: tuple[str, str, float], waiting: Sequence[Waiting], moment: datetime
) -> list[tuple[str, list[Waiting]]]:
    """What goes into one message each: what was written into the notes before, and one for the rest.

    What was settled meanwhile, or taken up before it was escalated, is told nobody any more.
    """
    left: list[Waiting] = []
    settled: list[AlertRecord] = []
    for record, note in waiting:
        if record.state in SETTLED or (note.step and record.state is not AlertState.NEW):
            over = {"status": DeliveryStatus.SETTLED, "at": moment, "reason": f"was {record.state}", "due": None}
            settled.append(_set(desk, record, note, **over))
        else:
            left.append((record, note))
    if settled:
        desk.write(settled)
    lots: dict[str, list[Waiting]] = {}
    for record, note in left:
        lots.setdefault(note.message_id, []).append((record, note))
    fresh = lots.pop("", [])
    if len(fresh) > (ALONE if key[2] else 1):
        message_id = digest("together", *map(str, key), *sorted(f"{r.alert_id}.{n.edition}" for r, n in fresh))
        desk.write([_set(desk, r, n, message_id=message_id) for r, n in fresh])
        lots[message_id] = [(r, n.model_copy(update={"message_id": message_id})) for r, n in fresh]
        fresh = []
    return [*lots.items(), *(("", [one]) for one in fresh)]


def _tell(desk: _Desk, key: tuple[str, str, float], message_id: str, lot: Sequence[Waiting]) -> None:
    recipient, name, step = key
    moment = desk.now()
    changes: dict[str, Any] = {"status": DeliveryStatus.DELIVERED, "at": moment, "reason": None, "due": None}
    try:
        channel = channel_of(desk.settings, name)
        if message_id:
            send(_message(desk, key, message_id, lot, channel), channel, settings=desk.settings, now=moment)
        else:
            alert = _whole(desk, lot[0][0])
            tell(alert, Target(recipient, name, ""), teams=desk.teams, settings=desk.settings, now=moment, step=step)
    except Unavailable as error:
        since = min((note.failed_at for _, note in lot if note.failed_at), default=moment)
        if moment - since > GIVE_UP:
            changes |= {"status": DeliveryStatus.REFUSED, "reason": f"failed for hours: {error.reason}"}
        else:
            changes = {"due": moment + RETRY, "failed_at": since, "reason": error.reason}
    except DeliveryRefused as error:
        changes |= {"status": DeliveryStatus.REFUSED, "reason": error.reason}
    if changes.get("status") is DeliveryStatus.REFUSED:
        evidence = f"{len(lot)} alerts for {recipient or 'its readers'} were not told: {changes['reason']}"
        remedy = f"Correct the channel, see `vigia channels test {name}`; `vigia alerts list` shows the alerts"
        trouble = Trouble(what="channel.refused", source=name, evidence=evidence[:2000], remedy=remedy)
        desk.troubles.append(trouble)
    log.info(
        "alerts.together",
        to=f"{recipient}/{name}",
        alerts=len(lot),
        step=step,
        status=changes.get("status", DeliveryStatus.HELD),
        reason=changes["reason"],
    )
    _after_effect()
    desk.write([_set(desk, record, note, **changes) for record, note in lot])


def _after_effect() -> None:
    """Where a test ends this process: the channel has answered, and nothing is noted yet."""


def _message(
    desk: _Desk, key: tuple[str, str, float], message_id: str, lot: Sequence[Waiting], channel: ChannelSettings
) -> Message:
    recipient, _, step = key
    language, zone = reader_of(desk.teams, recipient, channel)
    if len(lot) == 1:
        message = alert_message(_whole(desk, lot[0][0]), recipient, language, zone, step)
        return message.model_copy(update={"message_id": message_id})
    message = of_many(
        [record for record, _ in lot],
        [note.hold or Hold.DIGEST for _, note in lot],
        message_id=message_id,
        language=language,
        zone=zone,
        at=desk.now(),
        items=desk.settings.digest_items,
    )
    label = ESCALATED[language].format(n=step)
    return message.model_copy(update={"label": label.removesuffix(": ")}) if step else message


def _whole(desk: _Desk, record: AlertRecord) -> Alert:
    """The alert with its evidence, which many at once are read without, and without its notes."""
    found = get_many(desk.es, [(desk.es.indices.alerts, record.alert_id)])
    source = found.get(record.alert_id) or record.model_dump()
    return Alert.model_validate({k: v for k, v in source.items() if k in Alert.model_fields})


def _set(desk: _Desk, record: AlertRecord, note: Delivery, **changes: Any) -> AlertRecord:
    """The record as it is noted by now, with that note changed."""
    return noted(desk.records[record.alert_id], note.model_copy(update=changes))
