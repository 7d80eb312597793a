"""A message as HTML for mail and files: inline styles, no script, nothing fetched from anywhere; pure."""

from html import escape

from schemas.alert import Severity
from schemas.inert import plain, web_link
from schemas.message import (
    Balance,
    Balances,
    Bar,
    Bars,
    Block,
    Facts,
    Heading,
    Items,
    Language,
    Message,
    Paragraph,
    Quote,
)
from schemas.rendering.outline import headline
from schemas.rendering.wording import SEVERITY_WORDS, say
from schemas.taxonomy import STANCE_WORDS, Stance

INK, FAINT, RULE, PAPER = "#1c2430", "#5b6675", "#e2e6ec", "#ffffff"
FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
SEVERITY_COLOURS = {Severity.HIGH: "#b3261e", Severity.MEDIUM: "#9a5b00", Severity.LOW: "#1d6fa5"}
SIDE_COLOURS = {Stance.FAVOR: "#2e7d4f", Stance.AGAINST: "#b3261e", Stance.NEUTRAL: "#7b8794"}
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser that opens the file may load: nothing."""


def page(message: Message) -> str:
    """A whole HTML document."""
    title = _text(f"{message.label}: {message.title}")
    return (
        f'<!DOCTYPE html>\n<html lang="{message.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="color-scheme" content="light"><title>{title}</title></head>\n'
        f'<body style="margin:0;padding:0;background:#eef1f5;color:{INK};{FONT}">\n'
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr>'
        '<td align="center" style="padding:24px 12px">\n'
        '<table role="presentation" cellpadding="0" cellspacing="0" border="0" width="640" '
        f'style="width:100%;max-width:640px;background:{PAPER};border:1px solid {RULE};border-radius:8px">'
        f'<tr><td style="padding:24px 28px;font-size:15px;line-height:1.5;color:{INK};{FONT}">\n'
        f"{fragment(message)}\n</td></tr></table>\n</td></tr></table></body></html>\n"
    )


def fragment(message: Message) -> str:
    """What stands within a page, or within an entry of a feed."""
    parts = [_head(message), *(_block(block, message.language) for block in message.blocks)]
    if message.footer:
        parts.append(
            f'<p style="margin:24px 0 0;padding-top:12px;border-top:1px solid {RULE};font-size:12px;color:{FAINT}">'
            f"{_text(message.footer)}</p>"
        )
    return "\n".join(parts)


def _head(message: Message) -> str:
    badge = ""
    if message.severity is not None:
        word = SEVERITY_WORDS[message.severity][message.language].upper()
        badge = (
            f'<span style="display:inline-block;padding:1px 8px;border-radius:10px;font-size:12px;font-weight:700;'
            f'color:#ffffff;background:{SEVERITY_COLOURS[message.severity]}">{word}</span>&nbsp; '
        )
    title = _text(headline(message))
    if link := web_link(message.url) if message.url else None:
        title = f'<a href="{escape(link)}" rel="noreferrer nofollow" style="color:{INK}">{title}</a>'
    parts = [
        f'<p style="margin:0 0 6px;font-size:13px;color:{FAINT}">{badge}{_text(message.label)}</p>',
        f'<h1 style="margin:0 0 4px;font-size:21px;line-height:1.3">{title}</h1>',
    ]
    if message.source:
        parts.append(f'<p style="margin:0 0 4px;font-size:13px;color:{FAINT}">{_text(message.source)}</p>')
    if message.may_repeat:
        note = _text(say("repeat", message.language))
        parts.append(f'<p style="margin:8px 0 0;font-size:13px;color:{FAINT}"><em>{note}</em></p>')
    return "\n".join(parts)


def _block(block: Block, language: Language) -> str:
    match block:
        case Heading():
            return f'<h2 style="margin:22px 0 6px;font-size:16px">{_text(block.text)}</h2>'
        case Paragraph():
            look = f"font-size:13px;color:{FAINT}" if block.faint else "font-size:15px"
            return f'<p style="margin:8px 0;{look}">{_text(block.text)}</p>'
        case Quote():
            return _quote(block)
        case Facts():
            rows = "".join(
                f'<tr><td valign="top" style="padding:2px 14px 2px 0;font-size:13px;color:{FAINT}">'
                f"{_text(f.label)}</td>"
                f'<td valign="top" style="padding:2px 0;font-size:14px">{_text(f.value)}</td></tr>'
                for f in block.rows
            )
            return f"{_table('margin:8px 0')}{rows}</table>"
        case Bars():
            rows = "".join(_bar(bar) for bar in block.rows)
            return f"{_caption(block.title)}{_table('width:100%', '100%')}{rows}</table>"
        case Balances():
            rows = "".join(_balance(row) for row in block.rows)
            return f"{_caption(block.title)}{_table('width:100%', '100%')}{rows}</table>{_key(language)}"
        case Items():
            rows = "".join(_item(item.title, item.url, item.detail) for item in block.rows)
            more = f'<p style="margin:4px 0;font-size:13px;color:{FAINT}">{_text(block.more)}</p>' if block.more else ""
            return f'{_caption(block.title)}<ul style="margin:4px 0;padding-left:20px">{rows}</ul>{more}'


def _quote(quote: Quote) -> str:
    colour = SIDE_COLOURS[quote.stance] if quote.stance is not None else RULE
    speaker = f" — {_text(quote.speaker)}" if quote.speaker else ""
    note = f'<div style="margin-top:4px;font-size:13px;color:{FAINT}">{_text(quote.note)}</div>' if quote.note else ""
    return (
        f'<blockquote style="margin:14px 0;padding:2px 0 2px 14px;border-left:4px solid {colour}">'
        f'<div style="font-size:16px;font-family:Georgia,serif">“{_found(quote.text)}”{speaker}</div>'
        f"{note}</blockquote>"
    )


def _found(text: str) -> str:
    """The text with what a query found marked; marks that don't pair are dropped."""
    pieces = plain(text).split("⟦")
    shown = [escape(pieces[0].replace("⟧", ""))]
    for piece in pieces[1:]:
        inside, closed, rest = piece.partition("⟧")
        rest = escape(rest.replace("⟧", ""))
        marked = f'<mark style="background:#fff1b8">{escape(inside)}</mark>' if closed else escape(inside)
        shown.append(marked + rest)
    return "".join(shown)


def _bar(bar: Bar) -> str:
    colour = SIDE_COLOURS[bar.stance] if bar.stance is not None else "#3d5a80"
    width = max(1, round(bar.share * 100)) if bar.share > 0 else 0
    drawn = _strip([(width, colour, ""), (100 - width, "#edf0f4", "")])
    return (
        f'<tr><td style="padding:3px 12px 3px 0;font-size:13px;width:45%">{_text(bar.label)}</td>'
        f'<td style="padding:3px 0">{drawn}</td>'
        f'<td align="right" style="padding:3px 0 3px 10px;font-size:13px;white-space:nowrap">'
        f"{_text(bar.shown)}</td></tr>"
    )


def _balance(row: Balance) -> str:
    total = row.favor + row.neutral + row.against
    counts = ((Stance.FAVOR, row.favor), (Stance.NEUTRAL, row.neutral), (Stance.AGAINST, row.against))
    parts = [(round(n * 100 / total), SIDE_COLOURS[side], str(n)) for side, n in counts if n] if total else []
    drawn = _strip(parts) if parts else f'<span style="color:{FAINT}">–</span>'
    return (
        f'<tr><td style="padding:3px 12px 3px 0;font-size:13px;width:45%">{_text(row.label)}</td>'
        f'<td style="padding:3px 0">{drawn}</td></tr>'
    )


def _strip(parts: list[tuple[int, str, str]]) -> str:
    cells = "".join(
        f'<td width="{share}%" align="center" style="width:{share}%;height:14px;padding:0;background:{colour};'
        f'font-size:11px;line-height:14px;color:#ffffff">{text or "&nbsp;"}</td>'
        for share, colour, text in parts
        if share
    )
    return f"{_table('width:100%;table-layout:fixed', '100%')}<tr>{cells}</tr></table>"


def _key(language: Language) -> str:
    """What the colours of sides mean."""
    words = (f'<span style="color:{SIDE_COLOURS[side]}">■</span> {STANCE_WORDS[side][language]}' for side in Stance)
    return f'<p style="margin:4px 0;font-size:12px;color:{FAINT}">{"&nbsp; ".join(words)}</p>'


def _item(title: str, url: str, detail: str) -> str:
    shown = _text(title)
    if link := web_link(url) if url else None:
        shown = f'<a href="{escape(link)}" rel="noreferrer nofollow" style="color:{INK}">{shown}</a>'
    aside = f' <span style="font-size:13px;color:{FAINT}">{_text(detail)}</span>' if detail else ""
    return f'<li style="margin:3px 0">{shown}{aside}</li>'


def _caption(title: str) -> str:
    if not title:
        return ""
    return f'<h3 style="margin:18px 0 4px;font-size:14px">{_text(title)}</h3>' if title else ""


def _table(style: str, width: str = "") -> str:
    wide = f' width="{width}"' if width else ""
    return f'<table role="presentation" cellpadding="0" cellspacing="0" border="0"{wide} style="{style}">'


def _text(text: str) -> str:
    return escape(plain(text))
