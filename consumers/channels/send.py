"""The one door by which a message leaves: to a channel of any kind, within its rate, noted in the log."""

import time
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import structlog
from pydantic import SecretStr

from consumers.channels import atom, discord, services, slack, smtp, teams, telegram, webhook
from consumers.channels.attempts import Attempts
from consumers.channels.guarded import judge, post
from consumers.channels.mail import mail
from consumers.channels.pace import Pace
from schemas.addresses import networks
from schemas.channel import (
    AppriseChannel,
    AtomChannel,
    ChannelSettings,
    DiscordChannel,
    EmailChannel,
    SlackChannel,
    TeamsChannel,
    TelegramChannel,
    WebhookChannel,
)
from schemas.errors import ConfigError, DeliveryRefused, Unavailable
from schemas.inert import plain
from schemas.message import Message
from schemas.settings import NotifySettings

log = structlog.get_logger()

PATIENCE_S = 1.0
"""A channel whose rate allows the next message within this time is waited for; else the message is tried later."""

FAULTS = frozenset({400, 413, 422})
"""Answers that find fault with the message itself: a plainer one may pass."""

PACE = Pace()
"""The rates of this process."""

ATTEMPTS = Attempts()
"""What is on its way; the worker opens its folder."""

TAKEN = smtp.Taken()
"""The mails that this process has handed over."""


@dataclass(frozen=True)
class Sent:
    """A message was taken; `plain` when its channel took it only as plain text."""

    plain: bool = False


def check(settings: NotifySettings) -> None:
    """Raise ConfigError for a channel that can't work as configured; no secret and no URL is quoted."""
    networks(settings.allow_networks)
    names = [channel.name for channel in settings.channels]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError("notify.channels", f"two channels are named {name!r}", remedy="Rename one of them")
    for channel in settings.channels:
        check_channel(channel)


def check_channel(channel: ChannelSettings) -> None:
    """Raise ConfigError when the channel can't work as configured; no secret and no URL is quoted."""
    match channel:
        case WebhookChannel():
            _check_url(channel.name, channel.url)
            webhook.check(channel)
        case SlackChannel() | TeamsChannel() | DiscordChannel():
            _check_url(channel.name, channel.url)
        case TelegramChannel():
            _check_url(channel.name, SecretStr(channel.url))
        case EmailChannel():
            _check_mail(channel)
        case AppriseChannel():
            services.check(channel)
        case AtomChannel():
            atom.check(channel)


def send(
    message: Message,
    channel: ChannelSettings,
    *,
    settings: NotifySettings,
    now: datetime,
    pace: Pace = PACE,
    taken: smtp.Taken = TAKEN,
    attempts: Attempts = ATTEMPTS,
) -> Sent:
    """Send the message, and return when the channel has taken it.

    Raises Unavailable when another try may help: no connection, an outage, 429, the channel's own rate (`after` seconds
    when that is known); until then the channel isn't asked again. Raises DeliveryRefused when no try will help: an
    address that may not be connected to, a revoked token, a redirect. A message that its channel may have taken
    already, before a kill or with an answer that got lost, says so.
    """
    _wait(channel, pace)
    started = time.monotonic()
    if not isinstance(channel, WebhookChannel | AtomChannel) and attempts.begin(message.message_id, channel.name):
        message = message.model_copy(update={"may_repeat": True})
    try:
        sent = _send(message, channel, settings=settings, now=now, taken=taken)
    except Unavailable as error:
        if not error.unsure and not message.may_repeat:
            attempts.fail(message.message_id, channel.name)
        if error.after is not None:
            pace.silence(channel.name, error.after, time.monotonic())
        _note(message, channel, "failed", started, reason=error.reason, after=error.after)
        raise
    except DeliveryRefused as error:
        if not message.may_repeat:
            attempts.fail(message.message_id, channel.name)
        _note(message, channel, "refused", started, reason=error.reason)
        raise
    _note(message, channel, "delivered", started, plain=sent.plain)
    return sent


def _wait(channel: ChannelSettings, pace: Pace) -> None:
    while (wait := pace.wait_s(channel.name, channel.per_minute, time.monotonic())) > 0:
        if wait > PATIENCE_S:
            raise Unavailable(f"channel {channel.name}", f"its rate allows the next in {wait:.0f} s", after=wait)
        time.sleep(wait)


def _send(
    message: Message, channel: ChannelSettings, *, settings: NotifySettings, now: datetime, taken: smtp.Taken
) -> Sent:
    match channel:
        case WebhookChannel():
            body = webhook.payload(message)
            return _posted(channel, channel.url, [body], settings, now, webhook.headers(message, body, channel, now))
        case SlackChannel():
            return _posted(channel, channel.url, slack.bodies(message), settings, now)
        case TeamsChannel():
            return _posted(channel, channel.url, teams.bodies(message), settings, now)
        case DiscordChannel():
            url = SecretStr(discord.address(channel.url.get_secret_value()))
            return _posted(channel, url, discord.bodies(message), settings, now)
        case TelegramChannel():
            url = SecretStr(telegram.address(channel))
            return _posted(channel, url, telegram.bodies(message, channel), settings, now)
        case EmailChannel():
            mails = [(address, mail(message, channel, address)) for address in channel.to]
            smtp.deliver(mails, channel, timeout_s=settings.timeout_s, allowed=settings.allow_networks, taken=taken)
        case AppriseChannel():
            services.send(message, channel, timeout_s=settings.timeout_s, allowed=settings.allow_networks)
        case AtomChannel():
            atom.publish(message, channel)
    return Sent()


def _posted(
    channel: ChannelSettings,
    url: SecretStr,
    bodies: list[bytes],
    settings: NotifySettings,
    now: datetime,
    headers: dict[str, str] | None = None,
) -> Sent:
    """POST the first of the bodies that the receiver finds no fault with; the later ones are plainer."""
    for plainer, body in enumerate(bodies):
        answer = post(
            channel.name,
            url.get_secret_value(),
            body,
            headers or {},
            timeout_s=settings.timeout_s,
            allowed=settings.allow_networks,
            now=now,
        )
        if answer.status not in FAULTS or plainer == len(bodies) - 1:
            break
        said = answer.body.decode("utf-8", "replace")
        log.warning("channel.plainer", channel=channel.name, status=answer.status, said=plain(said, limit=200))
    judge(channel.name, answer)
    return Sent(plain=plainer > 0)


def _check_url(name: str, url: SecretStr) -> None:
    try:
        parts = urlsplit(url.get_secret_value())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            f"notify.channels, {name}", "url is no http(s) address", remedy="Write it as https://host/path"
        )


def _check_mail(channel: EmailChannel) -> None:
    where = f"notify.channels, {channel.name}"
    if (channel.username is None) != (channel.password is None):
        raise ConfigError(where, "username and password go together", remedy="Set both, or neither")
    if channel.password is not None and channel.security == "none":
        raise ConfigError(where, "a password would go unencrypted", remedy='Set security = "starttls" or "tls"')
    if channel.ca_file is not None and not channel.ca_file.is_file():
        raise ConfigError(where, f"ca_file: no file {channel.ca_file}", remedy="Correct the path")


def _note(message: Message, channel: ChannelSettings, status: str, started: float, **more: object) -> None:
    log.info(
        "channel.delivery",
        channel=channel.name,
        kind=channel.kind,
        message_id=message.message_id,
        message_kind=message.kind,
        status=status,
        seconds=round(time.monotonic() - started, 3),
        may_repeat=message.may_repeat,
        **{name: value for name, value in more.items() if value is not None},
    )
