"""A message as plain text, for a mail's text part and for what takes text only; pure."""

import textwrap

from schemas.inert import plain, web_link
from schemas.message import Balances, Bar, Bars, Block, Facts, Heading, Items, Message, Paragraph, Quote
from schemas.rendering.outline import BAR_WIDTH, heading, headline, text_bar, unmarked
from schemas.rendering.wording import say

WIDTH = 76


def plaintext(message: Message) -> str:
    """The whole message in lines of 76 characters; links stand on lines of their own, so that none is broken."""
    parts = [heading(message), _wrap(headline(message))]
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
            return "\n".join([plain(block.title), *(_bar(bar) for bar in block.rows)])
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
            title = [plain(block.title)] if block.title else []
            return "\n".join([*title, *rows, *([f"  {plain(block.more)}"] if block.more else [])])


def _bar(bar: Bar) -> str:
    drawn = f"  {text_bar(bar.share):<{BAR_WIDTH}} {plain(bar.shown):>8}  "
    return _wrap(drawn + plain(bar.label), " " * len(drawn), first="", keep=True)


def _wrap(text: str, indent: str = "", *, first: str | None = None, keep: bool = False) -> str:
    lead = indent if first is None else first
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=lead,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=not keep,
        replace_whitespace=False,
    )
    return "\n".join(line.rstrip() for line in lines) or lead.rstrip()
