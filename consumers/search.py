"""Ask the index a question and read the answer: what `vigia search` does, for Python.

with closing(open_archive(settings.elasticsearch)) as es:
    found = ask(es, Question(semantic="vuelos de deportación", languages=("en",)), embed=embedder(settings.classify))
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from consumers.archive import Client, scan, search
from schemas import queries
from schemas.errors import ConfigError
from schemas.moment import parse_moment
from schemas.queries import KEPT_OUT, Body, Liked
from schemas.question import Question
from schemas.settings import ClassifySettings
from schemas.taxonomy import Target

Embed: TypeAlias = Callable[[str], Sequence[float]]
"""A text's embedding, by the model that reads the pieces."""

PAGE = 500
"""Pieces read at once where all are wanted."""

FACETS = ("topics", "entities", "outlets", "countries", "languages")


@dataclass(frozen=True)
class Row:
    """A story's first piece in the order asked for, how many of its pieces match, and the passages that do."""

    piece: dict[str, Any]
    copies: int
    score: float | None
    passages: dict[str, list[str]]


@dataclass(frozen=True)
class Found:
    """The rows asked for, how many pieces and stories there are in all, and how many pieces of each kind."""

    rows: list[Row]
    pieces: int
    stories: int
    facets: dict[str, dict[str, int]]


def embedder(settings: ClassifySettings) -> Embed:
    """Embeds texts by the classifier's model, loaded at the first one (two seconds). Raises ModelFileError."""
    loaded: list[Any] = []

    def embed(text: str) -> Sequence[float]:
        if not loaded:
            from consumers.classifier.model import load

            loaded.append(load(settings))
        return [float(x) for x in loaded[0].score([text]).embedding[0]]

    return embed


def ask(
    es: Client,
    question: Question,
    *,
    embed: Embed | None = None,
    size: int = 20,
    offset: int = 0,
    now: datetime | None = None,
) -> Found:
    """One row a story. Raises ConfigError for what can't be asked, Unavailable when Elasticsearch is away."""
    return answer(es, body_of(es, question, embed=embed, now=now) | {"size": size, "from": offset})


def answer(es: Client, body: Body) -> Found:
    """What a body of `schemas.queries.search` finds: two searches, the second counts the copies."""
    found = search(es, body)
    hits = found["hits"]["hits"]
    copies = _copies(es, body, [hit["_source"]["story_id"] for hit in hits])
    said = found.get("aggregations", {})
    return Found(
        rows=[_row(hit, copies) for hit in hits],
        pieces=found["hits"]["total"]["value"],
        stories=said.get("stories", {}).get("value", 0),
        facets={name: _counts(said.get(name, {})) for name in FACETS}
        | {"days": {b["key_as_string"][:10]: b["doc_count"] for b in said.get("days", {}).get("buckets", ())}}
        | {target.value: _counts(said.get(target.value, {})) for target in Target},
    )


def ask_all(
    es: Client, question: Question, *, embed: Embed | None = None, stories: bool = False, now: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """Every piece that the question finds, in its order, however many; with `stories` the first of each, and `copies`.

    All is read as the index stood at the beginning. Raises as `ask` does.
    """
    body = body_of(es, question, embed=embed, now=now)
    seen: set[str] = set()
    for hits in scan(es, queries.everything(body, size=PAGE)):
        pieces = [hit["_source"] for hit in hits]
        if not stories:
            yield from pieces
            continue
        new = list({piece["story_id"]: piece for piece in reversed(pieces) if piece["story_id"] not in seen}.values())[
            ::-1
        ]
        if not new:
            continue
        seen |= {piece["story_id"] for piece in new}
        copies = _copies(es, body, [piece["story_id"] for piece in new])
        yield from (piece | {"copies": copies.get(piece["story_id"], 1)} for piece in new)


def body_of(es: Client, question: Question, *, embed: Embed | None = None, now: datetime | None = None) -> Body:
    """The question as a body of `schemas.queries`; the piece that others are to be like is looked up."""
    now = now or datetime.now(UTC)
    if question.semantic and embed is None:
        raise ConfigError("semantic", "needs the model", remedy="Give `embed`, such as consumers.search.embedder(…)")
    by = question.by or ("score" if question.semantic or question.like else "date")
    return queries.search(
        question.words,
        near=embed(question.semantic) if question.semantic and embed else (),
        like=liked(es, question.like) if question.like else None,
        topics=question.topics,
        stances=question.stances,
        languages=question.languages,
        outlets=question.outlets,
        countries=question.countries,
        feeds=question.feeds,
        entities=question.entities,
        speaker=question.voice,
        speaker_stances=question.voice_stances,
        since=parse_moment(question.since, now=now) if question.since else None,
        until=parse_moment(question.until, now=now) if question.until else None,
        min_relevance=question.min_relevance,
        min_confidence=question.min_confidence,
        sort=by,
    )


def liked(es: Client, article_id: str) -> Liked:
    """The piece by its id, or enough of its beginning. Raises ConfigError when there is none or more than one."""
    body = {
        "query": {"prefix": {"article_id": article_id.lower()}},
        "size": 2,
        "_source": {"includes": ["article_id", "story_id", "embedding"], "exclude_vectors": False},
    }
    hits = search(es, body)["hits"]["hits"] if len(article_id) >= 4 else []
    if len(hits) != 1:
        raise ConfigError(
            repr(article_id),
            "is the id of more than one piece" if hits else "is the id of no piece",
            remedy="`vigia search --json` shows each piece's article_id",
        )
    source = hits[0]["_source"]
    return Liked(hits[0]["_index"], source["article_id"], source["story_id"], source.get("embedding", ()))


def _row(hit: Mapping[str, Any], copies: Mapping[str, int]) -> Row:
    piece = {key: value for key, value in hit["_source"].items() if key not in KEPT_OUT}
    return Row(piece, copies.get(piece["story_id"], 1), hit.get("_score"), hit.get("highlight", {}))


def _copies(es: Client, body: Body, stories: Sequence[str]) -> dict[str, int]:
    if not stories:
        return {}
    return _counts(search(es, queries.copies_in(body, stories))["aggregations"]["stories"])


def _counts(aggregation: Mapping[str, Any]) -> dict[str, int]:
    return {bucket["key"]: bucket["doc_count"] for bucket in aggregation.get("buckets", ())}
