"""A signed POST after Standard Webhooks (https://www.standardwebhooks.com)."""

import json
from datetime import datetime
from typing import Any

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from schemas.channel import WebhookChannel
from schemas.errors import ConfigError
from schemas.inert import plain
from schemas.message import Message


def check(channel: WebhookChannel) -> None:
    """Raise ConfigError when a secret can't sign; it is not quoted."""
    for secret in _secrets(channel):
        try:
            Webhook(secret)
        except (ValueError, EmptyWebhookSecretError):
            raise ConfigError(
                f"notify.channels, {channel.name}",
                "a secret is not base64",
                remedy="Write it as whsec_ and base64",
            ) from None


def payload(message: Message) -> bytes:
    """What a receiver gets, as JSON: `type`, `timestamp` and `data`, whose texts are single inert lines."""
    said = {"type": message.kind, "timestamp": message.at.isoformat(), "data": _inert(message.data)}
    return json.dumps(said, ensure_ascii=False).encode()


def headers(message: Message, body: bytes, channel: WebhookChannel, now: datetime) -> dict[str, str]:
    """`webhook-id` is the message's on every try, so that a receiver can drop a repeat.

    There is a signature for each secret: a receiver that knows any of them is content.
    """
    found = {"webhook-id": message.message_id, "webhook-timestamp": str(int(now.timestamp()))}
    signatures = [Webhook(secret).sign(message.message_id, now, body.decode()) for secret in _secrets(channel)]
    return found | ({"webhook-signature": " ".join(signatures)} if signatures else {})


def _secrets(channel: WebhookChannel) -> list[str]:
    return [s.get_secret_value() for s in (channel.secret, *channel.retiring_secrets) if s is not None]


def _inert(value: Any) -> Any:
    match value:
        case str():
            return plain(value)
        case dict():
            return {key: _inert(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_inert(inner) for inner in value]
        case _:
            return value
