"""What sets some pieces apart from others: words, names, outlets, voices, sides that they have more often. Pure."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from schemas.reason import Cause, Story

Kind = Literal["word", "entity", "outlet", "voice", "stance", "topic"]
Feature = tuple[Kind, str]

LEAST = 2
"""What fewer pieces have is no cause."""

SURE = 1.96
"""z-value of a log-odds ratio from which on it is named."""

PRIOR = 0.5
"""Pieces with and without each feature that are assumed beforehand: Jeffreys' prior."""

LETTERS = 4
"""Words shorter than this say little."""


def causes(
    now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]], *, most: int = 8
) -> tuple[Cause, ...]:
    """What pieces `now` have more often than those `before`, the surest first.

    The z-value of the log-odds ratio of document frequencies, after Monroe, Colaresi & Quinn, "Fightin' Words" (2008).
    """
    have_now = Counter(feature for piece in now for feature in features(piece))
    have_before = Counter(feature for piece in before for feature in features(piece))
    rows = [
        Cause(
            kind=feature[0],
            value=feature[1],
            now=count,
            of_now=len(now),
            before=have_before[feature],
            of_before=len(before),
            score=round(z_of(count, len(now), have_before[feature], len(before)), 2),
        )
        for feature, count in have_now.items()
        if count >= LEAST
    ]
    # of equally sure ones a name says more than a word
    order = {"entity": 0, "voice": 1, "stance": 2, "outlet": 3, "word": 4, "topic": 5}
    rows.sort(key=lambda cause: (-cause.score, order[cause.kind], cause.value))
    return tuple(cause for cause in rows if cause.score >= SURE)[:most]


def z_of(now: int, of_now: int, before: int, of_before: int) -> float:
    """How many standard errors the log-odds now lie above those before."""
    a, b = now + PRIOR, of_now - now + PRIOR
    c, d = before + PRIOR, of_before - before + PRIOR
    return (math.log(a / b) - math.log(c / d)) / math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)


def features(piece: Mapping[str, Any]) -> set[Feature]:
    """What a piece has, each once."""
    return set(_features(piece))


def _features(piece: Mapping[str, Any]) -> Iterator[Feature]:
    names = set()
    for entity in piece.get("entities", ()):
        names |= set(words_of(entity["name"]))
        yield "entity", entity["name"]
    for voice in piece.get("voices", ()):
        if voice.get("named", True):
            names |= set(words_of(voice["speaker"]))
            yield "voice", voice["speaker"]
    for target, side in piece.get("stance", {}).items():
        yield "stance", f"{target}: {side}"
    for topic in piece.get("topics", ()):
        yield "topic", topic
    yield "outlet", piece["outlet"]
    for word in words_of(piece.get("title", "")):
        if word not in names:
            yield "word", word


def words_of(text: str) -> list[str]:
    """The words, lower case and without accents."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    return [word for word in re.findall(r"\w+", plain) if len(word) >= LETTERS]


def leading(pieces: Iterable[Mapping[str, Any]], causes: Sequence[Cause] = (), *, most: int = 3) -> tuple[Story, ...]:
    """The stories that most pieces carry; of equal ones those with more of the causes, then the newest."""
    named = {(cause.kind, cause.value): cause.score for cause in causes}
    stories: dict[str, list[Mapping[str, Any]]] = {}
    for piece in pieces:
        stories.setdefault(piece["story_id"], []).append(piece)

    def weight(rows: Sequence[Mapping[str, Any]]) -> tuple[int, float, str]:
        cause = max(sum(named.get(f, 0.0) for f in features(piece)) for piece in rows)
        return len(rows), cause, max(str(piece["published_at"]) for piece in rows)

    best = sorted(stories.values(), key=weight, reverse=True)[:most]
    return tuple(
        story_of(min(rows, key=lambda p: (str(p["published_at"]), p["article_id"])), len(rows)) for rows in best
    )


def story_of(piece: Mapping[str, Any], pieces: int = 1) -> Story:
    """The story that a piece stands for."""
    return Story(
        story_id=piece["story_id"],
        article_id=piece["article_id"],
        title=piece["title"],
        url=piece["url"],
        outlet=piece["outlet"],
        published_at=piece["published_at"],
        pieces=pieces,
    )
