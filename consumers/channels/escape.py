"""Text from outside made inert for where it is shown; pure."""

import unicodedata

HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories that change how other text looks or is read: controls, bidi marks, zero-width, line ends."""


def plain(text: str, *, limit: int | None = None) -> str:
    """One line without controls, escape sequences, bidi or zero-width characters; cut to `limit` characters.

    Fit for a terminal, a log line, a mail subject, and for a JSON field that somebody shows as it is.
    """
    spaced = "".join(" " if c.isspace() else c for c in text)
    shown = "".join(c for c in spaced if unicodedata.category(c) not in HIDDEN)
    line = " ".join(shown.split())
    return line if limit is None or len(line) <= limit else line[: max(limit - 1, 0)] + "…"
