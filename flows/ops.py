"""What the flows tell those who run Vigía: each trouble once, remembered between runs beside the sources' state."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import structlog
from pydantic import TypeAdapter

from flows.feeds.state import States
from flows.publish import Publisher, ensure
from schemas.alert import Severity
from schemas.identity import digest
from schemas.ops import Key, OpsAlert, Standing, Trouble, settle
from schemas.settings import KafkaSettings
from schemas.streams import OPS, Stream

log = structlog.get_logger(__name__)

NOTE = "ops"
AT_ONCE = 10
"""More alerts of one kind than this are told as one."""

STANDING = TypeAdapter(list[Standing])


class Ops:
    """Gathers what was looked at and what was found, until it is told."""

    def __init__(
        self, kafka: KafkaSettings, states: States, *, now: Callable[[], datetime], stream: Stream[OpsAlert] = OPS
    ) -> None:
        self._kafka, self._states, self._now, self._stream = kafka, states, now, stream
        self._looked_at: set[Key] = set()
        self._troubles: dict[Key, Trouble] = {}

    def heed(self, looked_at: Iterable[Key], troubles: Iterable[Trouble]) -> None:
        """Note that these were looked at, and what of them is wrong."""
        for key in looked_at:
            self._looked_at.add(key)
            self._troubles.pop(key, None)
        self._troubles |= {trouble.key: trouble for trouble in troubles}

    async def tell(self) -> list[OpsAlert]:
        """Publish what began and what is over; remembered once the broker has it.

        Raises Unavailable, and then tells the same the next time.
        """
        if not self._looked_at:
            return []
        before = standing(self._states)
        found = tuple(self._troubles.values())
        after, alerts = settle(before, found, looked_at=tuple(self._looked_at), now=self._now())
        told = grouped(alerts)
        if told:
            await asyncio.to_thread(_send, self._kafka, self._stream, told)
        for alert in told:
            event = "ops.begun" if alert.ended_at is None else "ops.ended"
            log.warning(event, what=alert.what, source=alert.source, evidence=alert.evidence[:500])
        if after != before:
            self._states.take_note(NOTE, STANDING.dump_json(list(after.values())).decode())
        self._looked_at.clear()
        self._troubles.clear()
        return told


def standing(states: States) -> dict[Key, Standing]:
    """The troubles that were told and are not over."""
    noted = states.note(NOTE)
    found = STANDING.validate_json(noted) if noted is not None else []
    return {one.trouble.key: one for one in found}


def grouped(alerts: Sequence[OpsAlert]) -> list[OpsAlert]:
    """The same, but where many sources have one trouble at once, a single alert that names the first of them."""
    kinds: defaultdict[tuple[str, bool], list[OpsAlert]] = defaultdict(list)
    for alert in alerts:
        kinds[alert.what, alert.ended_at is None].append(alert)
    found: list[OpsAlert] = []
    for (what, begun), some in kinds.items():
        found += some if len(some) <= AT_ONCE else [_as_one(what, begun, some)]
    return found


def _as_one(what: str, begun: bool, alerts: Sequence[OpsAlert]) -> OpsAlert:
    first = "; ".join(f"{one.source}: {one.evidence[:120]}" for one in alerts[:AT_ONCE])
    update = {
        "source": f"{len(alerts)} sources",
        "evidence": f"{first}; and {len(alerts) - AT_ONCE} more"[:2000],
        "severity": max((one.severity for one in alerts), key=list(Severity).index),
        "ops_id": digest("ops", what, str(begun), *(one.ops_id for one in alerts)),
    }
    return alerts[0].model_copy(update=update)


def _send(kafka: KafkaSettings, stream: Stream[OpsAlert], alerts: Sequence[OpsAlert]) -> None:
    ensure(kafka, (stream,))
    with Publisher(kafka) as publisher:
        publisher.send(stream, alerts)
