"""Text made inert for a channel's own marks; what it gets has passed `schemas.inert.plain`; pure."""

import re

JOINER = "\u2060"
"""Word joiner: shows nothing, and ends a name that a service would call somebody by."""

DISCORD = re.compile(r"([\\*_~`|>#\-\[\]()<:!+.&])")


def unmentioned(text: str) -> str:
    """Nobody is called: `@everyone` and `@name` look as they did and mean nothing."""
    return text.replace("@", "@" + JOINER)


def slack(text: str) -> str:
    """For Slack's `text`, where `<…>` would be a link, a person or a whole channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def discord(text: str) -> str:
    """For Discord's Markdown, masked links and mentions included; a full stop is escaped after a figure only."""
    return unmentioned(DISCORD.sub(r"\\\1", text))


def unmarked(text: str) -> str:
    """For a service whose marks aren't known: what could open a tag, a link or a mention gives way to a look-alike."""
    for mark, likeness in (("<", "‹"), (">", "›"), ("[", "⟮"), ("]", "⟯"), ("`", "'"), ("*", "∗")):  # noqa: RUF001
        text = text.replace(mark, likeness)
    return unmentioned(text)
