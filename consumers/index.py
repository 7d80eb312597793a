"""A handler: Classification -> document in its month's index, and the word that it stands there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from consumers.archive import Client, get_many, put
from consumers.documents import Document, Older, Put, Refused, Stored
from consumers.outcome import Done, Emit, Outcome, Poison, Retry
from consumers.story import Place, places
from schemas.classification import Classification, Indexed, Voice
from schemas.identity import bands
from schemas.indices import EMBEDDING
from schemas.streams import INDEXED, Stream
from schemas.taxonomy import Target

REVISIONS = 100
"""Readings with another content that a document remembers, the newest."""

Revision = dict[str, Any]


def index(
    batch: Sequence[Classification], *, es: Client, now: Callable[[], datetime], indexed: Stream[Indexed] = INDEXED
) -> list[Outcome]:
    """Store each classified piece. A piece whose newer reading is already there is announced all the same.

    Raises Unavailable when Elasticsearch won't answer.
    """
    where = places([c.article for c in batch], es=es)
    histories = get_many(es, [(where[c.article_id].home, c.article_id) for c in batch], fields=["revisions"])
    docs = _documents(batch, where, {i: doc.get("revisions", []) for i, doc in histories.items()}, now())
    results = put(es, docs)
    return [_outcome(c, where[c.article_id], results.get((c.article_id, c.version)), indexed) for c in batch]


def _outcome(message: Classification, place: Place, result: Put | None, indexed: Stream[Indexed]) -> Outcome:
    match result:
        case Stored() | Older():
            said = Indexed(
                article_id=message.article_id,
                version=message.version,
                beat=message.beat,
                story_id=place.story_id,
                index=place.home,
            )
            return Done(emit=(Emit(indexed, said),))
        case Refused(lasting=True, error=error):
            return Poison("DocumentRefused", error)
        case _:
            return Retry("elasticsearch gave no lasting answer")


def _documents(
    batch: Sequence[Classification], where: Mapping[str, Place], histories: dict[str, list[Revision]], now: datetime
) -> Iterator[Document]:
    for message in sorted(batch, key=lambda c: c.version):
        place = where[message.article_id]
        history = revised(histories.get(message.article_id, []), message)
        histories[message.article_id] = history
        source = document(message, place.story_id, history, now)
        yield Document(place.home, message.article_id, message.version, source)


def revised(history: Sequence[Revision], message: Classification) -> list[Revision]:
    """The readings known so far and this one, by time, each only if its content differs from the one before."""
    reading = {"observed_at": message.article.observed_at.isoformat(), "content_hash": message.article.content_hash}
    kept: list[Revision] = []
    for entry in sorted([*history, reading], key=lambda r: datetime.fromisoformat(r["observed_at"])):
        if not kept or kept[-1]["content_hash"] != entry["content_hash"]:
            kept.append(entry)
    return kept[-REVISIONS:]


def document(message: Classification, story_id: str, revisions: Sequence[Revision], now: datetime) -> dict[str, Any]:
    """The piece as the `news` template has it."""
    article = message.article
    plain = article.model_dump(mode="json", exclude={"schema_version", "observed_at_ms", "signature"})
    return {
        **plain,
        "version": message.version,
        "beat": message.beat,
        "observed_at": article.observed_at.isoformat(),
        "indexed_at": now.isoformat(),
        "classified_at": datetime.fromtimestamp(message.classified_at_ms / 1000, tz=UTC).isoformat(),
        "relevance": message.relevance,
        "relevant": message.relevant,
        "read_whole": message.read_whole,
        "topics": [t.topic.value for t in message.topics],
        "topic_score": {t.topic.value: t.score for t in message.topics},
        "stance": {s.target.value: s.stance.value for s in message.stances},
        "stance_score": {s.target.value: s.score for s in message.stances},
        "stance_confidence": {s.target.value: s.confidence for s in message.stances},
        "stances": [s.model_dump(mode="json", exclude={"evidence"}) for s in message.stances],
        "contested": [s.target.value for s in message.stances if s.contested],
        "evidence": list(_evidence(message)),
        "voices": [v.model_dump(mode="json", exclude={"passage", "part", "start", "end"}) for v in message.voices],
        "entities": [e.model_dump(mode="json", include={"id", "kind", "name"}) for e in message.entities],
        **({"embedding": list(message.embedding)} if fits(message.embedding) else {}),
        "story_id": story_id,
        "bands": list(bands(article.signature)),
        "signature": list(article.signature),
        "model": message.model.model_dump(mode="json"),
        "unclassified": message.unclassified,
        "revisions": list(revisions),
    }


def fits(embedding: Sequence[float]) -> bool:
    """Whether the index takes the embedding: of the shipped model's width, and not nought. Another model's may not."""
    return len(embedding) == EMBEDDING and any(embedding)


def _evidence(message: Classification) -> Iterator[dict[str, Any]]:
    for topic in message.topics:
        for number in topic.evidence:
            yield _sentence(message, number, topic.score) | {"topic": topic.topic.value}
    for side in message.stances:
        for number in side.evidence:
            found = _sentence(message, number, side.confidence) | {
                "target": side.target.value,
                "stance": side.stance.value,
            }
            speaker = _speaker(message.voices, number, side.target)
            yield found | ({"speaker": speaker} if speaker else {})


def _sentence(message: Classification, number: int, confidence: float) -> dict[str, Any]:
    passage = message.passages[number]
    return {
        "part": passage.part.value,
        "text": passage.text,
        "start": passage.start,
        "end": passage.end,
        "confidence": confidence,
    }


def _speaker(voices: Sequence[Voice], passage: int, target: Target) -> str | None:
    """Who speaks for the target in the passage: a voice with that target, else the only one quoted word for word."""
    here = [v for v in voices if v.passage == passage]
    said = [v for v in here if v.target == target] or [v for v in here if v.direct and len(here) == 1]
    return said[0].speaker if said and said[0].target in {target, None} else None
