"""A message for Telegram's Bot API: text with entities by position, so that no text is read for marks; pure."""

import json
from typing import Any

from consumers.channels import escape
from schemas.channel import TelegramChannel
from schemas.message import Message
from schemas.rendering.outline import Line, Style, outline

LIMIT = 4096
"""UTF-16 units of one message."""

ENTITIES = {Style.STRONG: "bold", Style.QUOTE: "blockquote", Style.FAINT: "italic"}


def address(channel: TelegramChannel) -> str:
    """Where the bot's messages go; holds its token."""
    return f"{channel.url.rstrip('/')}/bot{channel.token.get_secret_value()}/sendMessage"


def bodies(message: Message, channel: TelegramChannel) -> list[bytes]:
    """The message, and a plainer one for when Telegram finds fault with it. No preview of the link is fetched."""
    common = {"chat_id": channel.chat, "link_preview_options": {"is_disabled": True}}
    text, entities = _fitting(message)
    rows = [line.text + (f" {line.url}" if line.url else "") for line in outline(message, budget=LIMIT // 3)]
    plain = escape.unmentioned("\n".join(rows))
    return [
        json.dumps(common | body, ensure_ascii=False).encode()
        for body in ({"text": text, "entities": entities}, {"text": plain})
    ]


def _fitting(message: Message) -> tuple[str, list[dict[str, Any]]]:
    # a character may be two units, so the text that doesn't fit is made again within half
    for budget in (LIMIT - 400, LIMIT // 3):
        text, entities = _marked(outline(message, budget=budget))
        if units(text) <= LIMIT:
            break
    return text, entities


def _marked(lines: list[Line]) -> tuple[str, list[dict[str, Any]]]:
    text, entities = "", list[dict[str, Any]]()
    for line in lines:
        shown = escape.unmentioned(line.text)
        place = {"offset": units(text), "length": units(shown)}
        if line.url is not None:
            entities.append({"type": "text_link", "url": line.url, **place})
        elif line.style in ENTITIES:
            entities.append({"type": ENTITIES[line.style], **place})
        text += shown + "\n"
    return text.rstrip("\n"), entities


def units(text: str) -> int:
    """The text's length as Telegram counts it."""
    return len(text.encode("utf-16-le")) // 2
