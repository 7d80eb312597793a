"""A message for a Teams workflow: an adaptive card of `RichTextBlock`s, in which Markdown means nothing; pure.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using, Adaptive Cards 1.4.
"""

import json
from typing import Any

from consumers.channels import escape
from schemas.alert import Severity
from schemas.message import Message
from schemas.rendering.outline import Line, Style, outline
from schemas.rendering.wording import say

BUDGET = 5000
"""Characters: a workflow takes 28 kB, and one character may be three bytes."""

RUNS: dict[Style, dict[str, Any]] = {
    Style.STRONG: {"weight": "Bolder"},
    Style.FAINT: {"isSubtle": True, "size": "Small"},
    Style.QUOTE: {"italic": True},
    Style.NORMAL: {},
}

COLOURS = {Severity.HIGH: "Attention", Severity.MEDIUM: "Warning", Severity.LOW: "Accent"}


def bodies(message: Message) -> list[bytes]:
    """The card, and a plainer one for when Teams finds fault with it."""
    lines = outline(message, budget=BUDGET)
    url = lines[1].url
    rich = [_block(line) for line in lines]
    if message.severity is not None:
        rich[0]["inlines"][0]["color"] = COLOURS[message.severity]
    plain = [_block(Line(line.text)) for line in lines]
    open_url = [{"type": "Action.OpenUrl", "title": say("read", message.language), "url": url}] if url else []
    return [_card(rich, open_url), _card(plain, open_url)]


def _block(line: Line) -> dict[str, Any]:
    run: dict[str, Any] = {"type": "TextRun", "text": escape.unmentioned(line.text), **RUNS[line.style]}
    if line.url is not None:
        run["selectAction"] = {"type": "Action.OpenUrl", "url": line.url}
    return {"type": "RichTextBlock", "inlines": [run], "spacing": "Small"}


def _card(body: list[dict[str, Any]], actions: list[dict[str, Any]]) -> bytes:
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
        "actions": actions,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return json.dumps({"type": "message", "attachments": [attachment]}, ensure_ascii=False).encode()
