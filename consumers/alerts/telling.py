"""Telling one reader by one channel: the message of an alert, of an escalation, of many together."""

from datetime import UTC, datetime, timedelta, tzinfo

from consumers.alerts.routing import Target
from consumers.channels.compose import of_alert
from consumers.channels.send import send
from schemas.alert import Alert
from schemas.channel import ChannelSettings
from schemas.errors import DeliveryRefused
from schemas.identity import digest
from schemas.message import Language, Message
from schemas.settings import NotifySettings
from schemas.team import Teams

ESCALATED = {"en": "Not acknowledged for {n:g} min: ", "es": "Sin atender desde hace {n:g} min: "}

RETRY = timedelta(minutes=1)
"""When a channel that failed is asked again for what was held."""

GIVE_UP = timedelta(hours=6)
"""A channel that fails for so long is not asked any more for what was held: it is noted as refused."""


def channel_of(settings: NotifySettings, name: str) -> ChannelSettings:
    """The channel of that name. Raises DeliveryRefused when the settings lack it."""
    for channel in settings.channels:
        if channel.name == name:
            return channel
    raise DeliveryRefused(name, "no such channel in the settings (notify.channels)")


def reader_of(teams: Teams | None, recipient: str, channel: ChannelSettings) -> tuple[Language, tzinfo]:
    """A reader's language and zone, else the channel's language and UTC."""
    reader = teams.readers.get(recipient) if teams else None
    if reader is None:
        return channel.language, UTC
    return reader.language or channel.language, reader.tz


def tell(
    alert: Alert, target: Target, *, teams: Teams | None, settings: NotifySettings, now: datetime, step: float = 0
) -> None:
    """Send an alert to a target; under the same id on every try. Raises Unavailable or DeliveryRefused."""
    channel = channel_of(settings, target.channel)
    language, zone = reader_of(teams, target.recipient, channel)
    send(alert_message(alert, target.recipient, language, zone, step), channel, settings=settings, now=now)


def alert_message(alert: Alert, recipient: str, language: Language, zone: tzinfo, step: float) -> Message:
    """The message of an alert for a reader: readers who share a channel get messages of their own."""
    message = of_alert(alert, language, zone=zone)
    changes: dict[str, object] = {}
    if recipient or step:
        changes["message_id"] = f"{message.message_id}.{digest('told', recipient, f'{step:g}')[:8]}"
    if step:
        changes["label"] = ESCALATED[language].format(n=step) + message.label
    return message.model_copy(update=changes)
