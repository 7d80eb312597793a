"""Which story a piece belongs to and in which month it lives: decided once, on its first reading, and kept.

Syndicated and near-identical copies share a story. The map article -> (story, home) is only ever created, never
changed, so replays in any order and corrected dates move nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from consumers.archive import Client, claim, get_many, refresh, search_each
from schemas.article import Article
from schemas.identity import bands, similarity
from schemas.queries import copies_of

WINDOW_DAYS = 7.0
"""Texts from a template ("a flight with 120 people landed") come again every week: those are different stories."""

ALIKE = 0.35
"""Estimated Jaccard similarity below which the lengths are not asked: chance and shared quotes lie there."""

CONTAINED = 0.75
"""How much of a newcomer must stand in the older text. Of equal lengths, that is a similarity of 0.6."""


@dataclass(frozen=True)
class Place:
    """A piece's story, and the index that it lives in whatever its date becomes."""

    story_id: str
    home: str


@dataclass(frozen=True)
class Print:
    """What of a text is compared: its MinHash and its length in words."""

    signature: tuple[int, ...]
    words: int


def copied(new: Print, old: Print) -> float | None:
    """How alike the texts are, 0 to 1, when `new` is a copy of `old`, whole or trimmed; None when it isn't.

    A newcomer with much text of its own is no copy, however much it quotes: that text must not be hidden in a story
    that is another's. What is contained follows from similarity and lengths: |A and B| = j / (1 + j) * (|A| + |B|).
    """
    alike = similarity(new.signature, old.signature)
    if alike < ALIKE:
        return None
    contained = alike / (1 + alike) * (new.words + old.words) / max(new.words, 1)
    return alike if contained >= CONTAINED else None


def places(articles: Sequence[Article], *, es: Client) -> dict[str, Place]:
    """Where each piece belongs, by article id; new ones are put on the map. Raises Unavailable."""
    stories = es.indices.stories
    held = get_many(es, [(stories, a.article_id) for a in articles], fields=["story_id", "home"])
    new = {a.article_id: a for a in reversed(articles) if a.article_id not in held}
    newcomers = list(reversed(new.values()))
    if newcomers:
        entries = _entries(newcomers, _candidates(newcomers, es=es), es=es)
        held |= claim(es, stories, entries)
    return {article_id: Place(entry["story_id"], entry["home"]) for article_id, entry in held.items()}


def _candidates(articles: Sequence[Article], *, es: Client) -> dict[str, list[dict[str, Any]]]:
    comparable = [a for a in articles if a.signature]
    if not comparable:
        return {}
    refresh(es, es.indices.stories)
    bodies = [copies_of(bands(a.signature), a.published_at, days=WINDOW_DAYS) for a in comparable]
    found = search_each(es, bodies, index=es.indices.stories)
    return {a.article_id: [hit["_source"] for hit in hits] for a, hits in zip(comparable, found, strict=True)}


def _entries(
    articles: Sequence[Article], candidates: dict[str, list[dict[str, Any]]], *, es: Client
) -> dict[str, dict[str, Any]]:
    """Map entries of new pieces, each compared with its candidates and with those before it in the batch."""
    entries: dict[str, dict[str, Any]] = {}
    seen: list[tuple[Article, Print, str]] = []
    for article in articles:
        own = Print(article.signature, len(article.text.split()))
        rivals = [
            (Print(tuple(old["signature"]), old["words"]), old["story_id"])
            for old in candidates.get(article.article_id, ())
        ]
        rivals += [
            (other, story)
            for earlier, other, story in seen
            if abs(earlier.published_at - article.published_at) <= timedelta(days=WINDOW_DAYS)
        ]
        scored = [(score, story) for other, story in rivals if (score := copied(own, other)) is not None]
        story_id = max(scored, key=lambda pair: pair[0])[1] if scored else article.article_id
        seen.append((article, own, story_id))
        entries[article.article_id] = {
            "article_id": article.article_id,
            "story_id": story_id,
            "home": es.indices.month(article.published_at),
            "outlet": article.outlet,
            "published_at": article.published_at.isoformat(),
            "bands": list(bands(article.signature)),
            "signature": list(article.signature),
            "words": own.words,
        }
    return entries
