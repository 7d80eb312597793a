"""A message for a Discord webhook: an embed, whose Markdown is escaped; nobody may be mentioned; pure."""

import json
from typing import Any

from consumers.channels import escape
from schemas.alert import Severity
from schemas.message import Message
from schemas.rendering.outline import Line, Style, outline

BUDGET = 1900
"""Characters: a description holds 4,096, and escaping may double a text."""

PLAIN_BUDGET = 950
"""A message without an embed holds 2,000."""

NOBODY = {"parse": [], "users": [], "roles": [], "replied_user": False}
SUPPRESS_EMBEDS = 4
COLOURS = {Severity.HIGH: 0xB3261E, Severity.MEDIUM: 0xB26A00, Severity.LOW: 0x1D6FA5}


def address(url: str) -> str:
    """The URL asked to answer only when the message stands: else a fault is never told."""
    return url if "wait=" in url else f"{url}{'&' if '?' in url else '?'}wait=true"


def bodies(message: Message) -> list[bytes]:
    """The embed, and a plainer text for when Discord finds fault with it."""
    lines = outline(message, budget=BUDGET)
    title = lines[1]
    embed: dict[str, Any] = {
        "title": _cut(title.text, 256),
        "description": "\n".join(_marked(line) for line in (lines[0], *lines[2:])),
        "timestamp": message.at.isoformat(),
    }
    if title.url is not None:
        embed["url"] = title.url
    if message.severity is not None:
        embed["color"] = COLOURS[message.severity]
    plain = outline(message, budget=PLAIN_BUDGET)
    text = "\n".join(escape.discord(line.text) + (f" {line.url}" if line.url else "") for line in plain)
    return [
        json.dumps(body | {"allowed_mentions": NOBODY}, ensure_ascii=False).encode()
        for body in ({"embeds": [embed]}, {"content": text, "flags": SUPPRESS_EMBEDS})
    ]


def _cut(text: str, limit: int) -> str:
    """As much of the text as fits when it is escaped."""
    while len(escape.discord(text)) > limit:
        text = text[: -max(2, (len(escape.discord(text)) - limit) // 2)] + "…"
    return escape.discord(text)


def _marked(line: Line) -> str:
    text = escape.discord(line.text)
    if line.url is not None:
        return f"[{text}]({line.url})"
    match line.style:
        case Style.STRONG:
            return f"**{text}**"
        case Style.QUOTE:
            return f"> {text}"
        case Style.FAINT:
            return f"-# {text}"
        case _:
            return text
