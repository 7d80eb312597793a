"""A message as plain text, for a mail's text part and for what takes text only; pure."""

import textwrap

from schemas.inert import plain, web_link
from schemas.message import Balances, Bars, Block, Facts, Heading, Items, Message, Paragraph, Quote
from schemas.rendering.outline import heading, text_bar, unmarked
from schemas.rendering.wording import say

WIDTH = 76


def plaintext(message: Message) -> str:
    """The whole message in lines of 76 characters; links stand on lines of their own, so that none is broken."""
    parts = [heading(message), _wrap(plain(message.title))]
    if link := web_link(message.url) if message.url else None:
        parts.append(link)
    if message.source:
        parts.append(_wrap(plain(message.source)))
    if message.may_repeat:
        parts.append(say("repeat", message.language))
    body = "\n\n".join(["\n".join(parts), *(_text(block) for block in message.blocks)])
    return body + (f"\n\n-- \n{_wrap(plain(message.footer))}\n" if message.footer else "\n")


def _text(block: Block) -> str:
    match block:
        case Heading():
            return f"{plain(block.text)}\n{'-' * min(len(plain(block.text)), WIDTH)}"
        case Paragraph():
            return _wrap(plain(block.text))
        case Quote():
            said = f"“{plain(unmarked(block.text))}”" + (f" — {plain(block.speaker)}" if block.speaker else "")
            return _wrap(said, "> ") + (f"\n{_wrap(plain(block.note), '  ')}" if block.note else "")
        case Facts():
            return "\n".join(_wrap(f"{plain(f.label)}: {plain(f.value)}", "  ", first="") for f in block.rows)
        case Bars():
            width = max((len(plain(bar.shown)) for bar in block.rows), default=0)
            rows = [
                f"  {text_bar(bar.share, 20):<20} {plain(bar.shown):>{width}}  {plain(bar.label)}" for bar in block.rows
            ]
            return "\n".join([plain(block.title), *rows])
        case Balances():
            rows = [
                f"  +{row.favor:<4} ·{row.neutral:<4} −{row.against:<4} {plain(row.label)}"  # noqa: RUF001
                for row in block.rows
            ]
            return "\n".join([plain(block.title), *rows])
        case Items():
            rows = []
            for item in block.rows:
                detail = f" ({plain(item.detail)})" if item.detail else ""
                rows.append(_wrap(f"* {plain(item.title)}{detail}", "  ", first=""))
                if link := web_link(item.url) if item.url else None:
                    rows.append(f"  {link}")
            return "\n".join([plain(block.title), *rows, *([f"  {plain(block.more)}"] if block.more else [])])


def _wrap(text: str, indent: str = "", *, first: str | None = None) -> str:
    lead = indent if first is None else first
    lines = textwrap.wrap(
        text, WIDTH, initial_indent=lead, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines) or lead.rstrip()
