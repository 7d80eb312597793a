"""A handler: OpsAlert -> the one channel that those who run Vigía read; without one, the worker's log."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from consumers.channels.compose import of_ops
from consumers.channels.send import send
from consumers.outcome import Done, Outcome, Poison, Retry
from schemas.channel import ChannelSettings
from schemas.errors import ConfigError, DeliveryRefused, Unavailable
from schemas.ops import OpsAlert
from schemas.settings import NotifySettings, Settings

log = structlog.get_logger()

GIVE_UP_S = 6 * 3600.0
"""An alert of that age which its channel has not taken holds up newer ones: it becomes a dead letter."""


def ops_channel(settings: Settings) -> ChannelSettings | None:
    """The channel for ops alerts; None when none is set. Raises ConfigError when there is none of that name."""
    name = settings.ops.channel
    found = next((channel for channel in settings.notify.channels if channel.name == name), None)
    if name is not None and found is None:
        there = ", ".join(channel.name for channel in settings.notify.channels) or "none"
        raise ConfigError("ops.channel", f"there is no channel {name!r}", remedy=f"notify.channels has {there}")
    return found


def ops(
    batch: Sequence[OpsAlert], *, channel: ChannelSettings | None, settings: NotifySettings, now: Callable[[], datetime]
) -> list[Outcome]:
    """Send each to the channel, at least once, with the same id on every try."""
    return [_send(alert, channel, settings, now()) for alert in batch]


def _send(alert: OpsAlert, channel: ChannelSettings | None, settings: NotifySettings, now: datetime) -> Outcome:
    log.warning(
        "ops.alert",
        what=alert.what,
        source=alert.source,
        since=alert.since.isoformat(),
        ended=alert.ended_at is not None,
        evidence=alert.evidence[:500],
    )
    if channel is None:
        return Done()
    try:
        send(of_ops(alert, channel.language), channel, settings=settings, now=now)
    except Unavailable as error:
        told = alert.ended_at or alert.since
        late = (now - told).total_seconds() > GIVE_UP_S
        return Poison("DeliveryRefused", str(error)) if late else Retry(str(error))
    except DeliveryRefused as error:
        return Poison("DeliveryRefused", str(error))
    return Done()
