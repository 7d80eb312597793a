"""Analysts' corrections: kept for ever in the index `feedback`, given out as passages to train on."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from consumers.archive import Client, claim, refresh, search
from consumers.classifier.decide import ABSENT, STANCE_ORDER, Labels, decide
from consumers.classifier.reading import slices
from consumers.classifier.scorer import Scorer
from schemas.correction import Correction, Judged
from schemas.taxonomy import Stance, Target, Topic

PAGE = 500
REGISTER = "feedback"


def add(es: Client, correction: Correction) -> None:
    """Store a correction; nothing that was stored before is changed. Raises Unavailable."""
    index = es.indices.feedback
    claim(es, index, {correction.correction_id: correction.model_dump(mode="json")})
    refresh(es, index)


def corrections(es: Client) -> Iterator[Correction]:
    """Every correction, the oldest first. Raises Unavailable."""
    after: list[Any] | None = None
    while True:
        body: dict[str, Any] = {
            "size": PAGE,
            "query": {"match_all": {}},
            "sort": [
                {"at": {"order": "asc", "unmapped_type": "date"}},
                {"correction_id": {"order": "asc", "unmapped_type": "keyword"}},
            ],
        }
        hits = search(es, body | ({"search_after": after} if after else {}), index=es.indices.feedback)["hits"]["hits"]
        if not hits:
            return
        yield from (Correction.model_validate(hit["_source"]) for hit in hits)
        after = hits[-1]["sort"]


def article(es: Client, name: str) -> dict[str, Any] | None:
    """The piece with that id or address; None when it isn't there. Raises Unavailable."""
    query = {"bool": {"should": [{"term": {field: name}} for field in ("article_id", "url")]}}
    hits = search(es, {"size": 1, "query": query})["hits"]["hits"]
    return dict(hits[0]["_source"]) if hits else None


def passages_of(title: str, text: str) -> list[str]:
    """The piece's passages, as the model reads them: the headline's first."""
    return [one.text for one in slices(title, text)]


def judge(passages: Sequence[str], model: Scorer) -> list[Judged]:
    """What the model says of each passage by itself."""
    if not passages:
        return []
    scores = model.score(passages)
    labels = decide(scores.relevance, scores.topics, scores.stance, model.manifest.thresholds)
    return [_judged(labels, row) for row in range(len(passages))]


def _judged(labels: Labels, row: int) -> Judged:
    return Judged(
        relevant=bool(labels.relevance[row]),
        topics=tuple(topic for at, topic in enumerate(Topic) if labels.topics[row, at]),
        stances={
            target: Stance(STANCE_ORDER[labels.stance[row, at]])
            for at, target in enumerate(Target)
            if labels.stance[row, at] != ABSENT
        },
    )


def to_train_on(found: Iterable[Correction]) -> list[dict[str, Any]]:
    """The corrections as labelled passages, the oldest first; of several on one passage the last one holds."""
    last: dict[tuple[str, str], Correction] = {}
    for one in found:
        last.pop((one.article_id, one.text), None)
        last[one.article_id, one.text] = one
    return [
        {
            "id": f"{REGISTER}-{one.correction_id}",
            "lang": one.language,
            "text": one.text,
            "relevant": one.labels.relevant,
            "topics": [topic.value for topic in one.labels.topics],
            "stances": {target.value: side.value for target, side in one.labels.stances.items()},
            "register": REGISTER,
            "hard": [],
        }
        for one in last.values()
    ]
