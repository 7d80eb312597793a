"""A message for a Slack incoming webhook: a `rich_text` block, whose texts Slack reads for no marks at all; pure."""

import json
from typing import Any

from consumers.channels import escape
from schemas.message import Message
from schemas.rendering.outline import Line, Style, outline

BUDGET = 2900
"""Characters: one text of Slack's holds 3,000."""

STYLES: dict[Style, dict[str, bool]] = {Style.STRONG: {"bold": True}, Style.FAINT: {"italic": True}}


def bodies(message: Message) -> list[bytes]:
    """The message, and a plainer one for when Slack finds fault with it. Neither lets Slack look its links up."""
    lines = outline(message, budget=BUDGET)
    blocks = [{"type": "rich_text", "elements": [_element(line) for line in lines]}]
    quiet = {"mrkdwn": False, "unfurl_links": False, "unfurl_media": False}
    short = escape.unmentioned(escape.slack(" — ".join(line.text for line in lines[:2])))
    whole = escape.unmentioned(escape.slack("\n".join(line.text for line in lines)))
    links = "\n".join(escape.slack(line.url) for line in lines[:2] if line.url)
    return [
        json.dumps(body, ensure_ascii=False).encode()
        for body in ({"text": short, "blocks": blocks, **quiet}, {"text": f"{whole}\n{links}", **quiet})
    ]


def _element(line: Line) -> dict[str, Any]:
    run: dict[str, Any] = {"type": "text", "text": escape.unmentioned(line.text) + ("" if _quoted(line) else "\n")}
    if line.url is not None:
        run = {"type": "link", "url": line.url, "text": line.text}
    if line.style in STYLES:
        run["style"] = STYLES[line.style]
    ends = [{"type": "text", "text": "\n"}] if line.url is not None else []
    return {"type": "rich_text_quote" if _quoted(line) else "rich_text_section", "elements": [run, *ends]}


def _quoted(line: Line) -> bool:
    return line.style is Style.QUOTE
