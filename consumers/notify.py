"""A handler: Alert -> its channels, each once.

What each channel said is noted in the alert's document, so that a failure of another channel repeats nothing. A worker
killed between a channel's answer and the note repeats that one delivery, with the same id.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from consumers.archive import Client, get_many, update
from consumers.channels.compose import of_alert
from consumers.channels.send import send
from consumers.outcome import Done, Outcome, Poison, Retry
from schemas.alert import Alert
from schemas.channel import ChannelSettings
from schemas.errors import DeliveryRefused, Unavailable
from schemas.settings import NotifySettings

log = structlog.get_logger()

GIVE_UP_S = 6 * 3600.0
"""An alert that a channel has failed to take for so long holds up those behind it: it becomes a dead letter."""

Delivery = dict[str, Any]


def notify(
    batch: Sequence[Alert],
    *,
    es: Client,
    settings: NotifySettings,
    now: Callable[[], datetime],
    apart: str | None = None,
) -> list[Outcome]:
    """Send each alert to the channels that its rule names, or to all but the one kept `apart` for ops alerts.

    Raises Unavailable for Elasticsearch alone.
    """
    index = es.indices.alerts
    held = get_many(es, [(index, a.alert_id) for a in batch], fields=["deliveries"])
    notes: dict[str, list[Delivery]] = {a.alert_id: held.get(a.alert_id, {}).get("deliveries", []) for a in batch}
    return [_notify(alert, notes[alert.alert_id], es=es, settings=settings, now=now, apart=apart) for alert in batch]


def _notify(
    alert: Alert,
    notes: list[Delivery],
    *,
    es: Client,
    settings: NotifySettings,
    now: Callable[[], datetime],
    apart: str | None,
) -> Outcome:
    channels = {channel.name: channel for channel in settings.channels}
    failed: list[str] = []
    refused: list[str] = []
    failing_since = now()
    for name in alert.channels or tuple(name for name in channels if name != apart):
        before = next((note for note in notes if note["channel"] == name), None)
        if before is not None and before["status"] == "delivered":
            continue
        try:
            _deliver(alert, name, channels, settings=settings, now=now())
        except Unavailable as error:
            failed.append(str(error))
            if before is None or before["status"] != "failed":
                _note(alert, notes, name, "failed", now(), es=es, reason=error.reason)
            else:
                failing_since = min(failing_since, datetime.fromisoformat(before["at"]))
        except DeliveryRefused as error:
            refused.append(str(error))
            _note(alert, notes, name, "refused", now(), es=es, reason=error.reason)
        else:
            _note(alert, notes, name, "delivered", now(), es=es)
    late = (now() - failing_since).total_seconds() > GIVE_UP_S
    if failed and not late:
        return Retry("; ".join(failed))
    if failed or refused:
        return Poison("DeliveryRefused", "; ".join(refused + failed))
    return Done()


def _deliver(
    alert: Alert, name: str, channels: Mapping[str, ChannelSettings], *, settings: NotifySettings, now: datetime
) -> None:
    channel = channels.get(name)
    if channel is None:
        raise DeliveryRefused(name, "no such channel in the settings (notify.channels)")
    send(of_alert(alert, channel.language), channel, settings=settings, now=now)


def _note(
    alert: Alert, notes: list[Delivery], name: str, status: str, at: datetime, *, es: Client, reason: str | None = None
) -> None:
    log.info("alert.delivery", alert_id=alert.alert_id, channel=name, status=status, reason=reason)
    note = {"channel": name, "at": at.isoformat(), "status": status} | ({"reason": reason} if reason else {})
    notes[:] = [other for other in notes if other["channel"] != name] + [note]
    if not update(es, es.indices.alerts, alert.alert_id, {"deliveries": notes}):
        log.warning("alert.gone", alert_id=alert.alert_id, channel=name)
