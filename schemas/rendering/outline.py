"""A message as styled lines of raw text, for channels that know little more than bold and a link; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from schemas.inert import plain, web_link
from schemas.message import Balances, Bars, Block, Facts, Heading, Items, Message, Paragraph, Quote
from schemas.rendering.wording import SEVERITY_WORDS, say

LINE_LIMIT = 1200
"""Characters of one line: a sentence that is longer is cut."""

BAR_WIDTH = 12


class Style(StrEnum):
    """How a line is shown."""

    STRONG = "strong"
    NORMAL = "normal"
    QUOTE = "quote"
    FAINT = "faint"


@dataclass(frozen=True)
class Line:
    """One line, and where it leads."""

    text: str
    style: Style = Style.NORMAL
    url: str | None = None


def heading(message: Message) -> str:
    """What it is, how severe: `HIGH · The deal is criticised`."""
    label = plain(message.label, limit=200)
    if message.severity is None:
        return label
    return f"{SEVERITY_WORDS[message.severity][message.language].upper()} · {label}"


def headline(message: Message) -> str:
    """The title, inert; a dash for one of which nothing is left, so that there is something to click on."""
    return plain(message.title) or "–"


def outline(message: Message, *, budget: int) -> list[Line]:
    """The message in inert lines, `budget` characters at most, the first of which always are the heading and the link.

    What doesn't fit is left out, and the last line says so and where to read on.
    """
    url = web_link(message.url) if message.url else None
    lines = [Line(heading(message), Style.STRONG)]
    lines.append(Line(plain(headline(message), limit=min(400, budget // 4)), url=url))
    if source := plain(message.source, limit=300):
        lines.append(Line(source, Style.FAINT))
    if message.may_repeat:
        lines.append(Line(say("repeat", message.language), Style.FAINT))
    for block in message.blocks:
        lines += (line for line in _lines(block) if line.text)
    if footer := plain(message.footer, limit=300):
        lines.append(Line(footer, Style.FAINT))
    return _fit(lines, budget, message, url)


def _fit(lines: Sequence[Line], budget: int, message: Message, url: str | None) -> list[Line]:
    # a web address counts as much as its text, since some channels write it out
    sizes = [len(line.text) + len(line.url or "") + 4 for line in lines]
    if sum(sizes) <= budget:
        return list(lines)
    # a link as long as the room has to be left out
    note = Line(say("shortened", message.language), Style.FAINT, url) if url else None
    if note is None or sizes[1] > budget // 2:
        note = Line(say("shortened_here", message.language), Style.FAINT)
    left = budget - len(note.text) - len(note.url or "") - 4
    kept: list[Line] = []
    for line, size in zip(lines, sizes, strict=True):
        if size <= left:
            kept.append(line)
        elif line.url is None and left > 40:
            kept.append(replace(line, text=plain(line.text, limit=left - 4)))
            break
        elif len(kept) < 2 and left > 40:
            kept.append(Line(plain(line.text, limit=left - 4)))
        else:
            break
        left -= min(size, left)
    return [*kept, note]


def _lines(block: Block) -> Iterator[Line]:
    match block:
        case Heading():
            yield Line(plain(block.text, limit=200), Style.STRONG)
        case Paragraph():
            yield Line(plain(block.text, limit=LINE_LIMIT), Style.FAINT if block.faint else Style.NORMAL)
        case Quote():
            speaker = f" — {plain(block.speaker, limit=120)}" if block.speaker else ""
            yield Line(f"“{plain(unmarked(block.text), limit=LINE_LIMIT)}”{speaker}", Style.QUOTE)
            if block.note:
                yield Line(plain(block.note, limit=200), Style.FAINT)
        case Facts():
            for fact in block.rows:
                yield Line(f"{plain(fact.label, limit=80)}: {plain(fact.value, limit=400)}")
        case Bars():
            yield Line(plain(block.title, limit=200), Style.STRONG)
            for bar in block.rows:
                yield Line(f"{text_bar(bar.share)} {plain(bar.shown, limit=40)} {plain(bar.label, limit=120)}")
        case Balances():
            yield Line(plain(block.title, limit=200), Style.STRONG)
            for row in block.rows:
                yield Line(f"+{row.favor} ·{row.neutral} −{row.against} {plain(row.label, limit=160)}")  # noqa: RUF001
        case Items():
            if block.title:
                yield Line(plain(block.title, limit=200), Style.STRONG)
            for item in block.rows:
                detail = f" ({plain(item.detail, limit=120)})" if item.detail else ""
                yield Line(f"• {plain(item.title, limit=200)}{detail}", url=web_link(item.url) if item.url else None)
            if block.more:
                yield Line(plain(block.more, limit=100), Style.FAINT)


def text_bar(share: float, width: int = BAR_WIDTH) -> str:
    """A bar of block characters."""
    return "▇" * max(1 if share > 0 else 0, round(share * width))


def unmarked(text: str) -> str:
    """Without the marks of what a query found."""
    return text.replace("⟦", "").replace("⟧", "")
