"""Names made of content: article and alert ids, versions, index names, MinHash bands. Pure hashing, no I/O."""

import hashlib
import struct
from collections.abc import Sequence
from datetime import datetime

BANDS = 16
"""Bands of a signature: with 64 values, 4 rows a band; pairs above a Jaccard of 0.5 meet in one almost always."""


def digest(*parts: str) -> str:
    """32 hex characters (SHA-256 cut to 128 bits) of the parts, in order, unambiguous at their borders."""
    h = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        h.update(struct.pack(">Q", len(data)))
        h.update(data)
    return h.hexdigest()[:32]


def article_id(canonical_url: str) -> str:
    """The piece's identity, from its canonical URL."""
    return digest("article", canonical_url)


def content_hash(title: str, text: str) -> str:
    """What a reader sees, as a hash: equal for an unchanged page."""
    return digest("content", title, text)


def alert_id(rule_id: str, story_or_window: str) -> str:
    """One alert per rule and story (or window), ever: this is its `_id`."""
    return digest("alert", rule_id, story_or_window)


def version(observed_at_ms: int, generation: int) -> int:
    """The external version of a document: `observed_at_ms * 1000 + generation`.

    A later reading wins over an earlier one, a later model over an earlier one on the same reading.
    Raises ValueError when the generation is not within 0–999.
    """
    if not 0 <= generation < 1000:
        msg = f"a model generation lies within 0 and 999, not {generation}"
        raise ValueError(msg)
    return observed_at_ms * 1000 + generation


def index_name(when: datetime) -> str:
    """The monthly index of a date: `news-2026.11`."""
    return f"news-{when:%Y.%m}"


def bands(signature: Sequence[int]) -> tuple[str, ...]:
    """The signature's bands as terms to look candidates up by; none for an empty signature.

    Locality-sensitive hashing: Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, chapter 3.
    """
    rows = len(signature) // BANDS
    if rows == 0:
        return ()
    return tuple(digest("band", str(b), *map(str, signature[b * rows : (b + 1) * rows]))[:16] for b in range(BANDS))


def similarity(a: Sequence[int], b: Sequence[int]) -> float:
    """The estimated Jaccard similarity of two texts, from their signatures; 0 when either is empty."""
    if not a or len(a) != len(b):
        return 0.0
    return sum(x == y for x, y in zip(a, b, strict=True)) / len(a)
