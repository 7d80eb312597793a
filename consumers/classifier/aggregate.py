"""Passage scores to what is said of the piece. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from consumers.classifier.decide import ABSENT, AGAINST, FAVOR, STANCE_ORDER, Bools, Floats, Thresholds
from consumers.classifier.whole import STRONG, Heads, leaning, strength
from schemas.classification import Part, Passage, TargetStance, TopicScore, Voice
from schemas.taxonomy import Stance, Target, Topic

DOUBLE = 2.0
"""What headline and lead count, against one of any other passage."""

EVIDENCE_MOST = 5
MINORITY = 0.25
"""Share of the sided weight that the weaker side needs for a neutral piece to be contested."""


@dataclass(frozen=True)
class Read:
    """The passages of one piece that were read, title first, with their probabilities."""

    passages: Sequence[Passage]
    relevance: Floats
    topics: Floats
    stance: Floats
    embedding: Floats

    @property
    def weights(self) -> Floats:
        """How much each passage counts: the title and the first passage of the text double."""
        lead = next((i for i, p in enumerate(self.passages) if p.part is Part.TEXT), None)
        double = [p.part is Part.TITLE or i == lead for i, p in enumerate(self.passages)]
        return np.where(double, DOUBLE, 1.0).astype(np.float32)

    @property
    def title(self) -> Bools:
        """Which passages are the headline's."""
        return np.array([p.part is Part.TITLE for p in self.passages], dtype=np.bool_)


def embedding(read: Read) -> tuple[float, ...]:
    """The mean of the passages' embeddings, headline and lead double, of length 1; empty when there is none."""
    mean = (read.weights[:, None] * read.embedding).sum(0)
    length = float(np.linalg.norm(mean))
    return tuple(round(float(value), 4) for value in mean / length) if length else ()


def relevance(read: Read, heads: Heads) -> float:
    """Probability that the piece belongs to the beat; 0 of no passages."""
    if not read.passages:
        return 0.0
    return heads.relevant(strength(read.relevance, read.weights, read.title))


def topics(read: Read, heads: Heads, thresholds: Thresholds) -> tuple[TopicScore, ...]:
    """The topics that hold, most probable first, each with the passages that carry it."""
    found = []
    for column, topic in enumerate(Topic):
        each = read.topics[:, column]
        score = heads.about(topic, strength(each, read.weights, read.title)) if len(each) else 0.0
        if score >= heads.topic_from:
            order = [int(i) for i in np.argsort(-each, kind="stable")]
            carried = [i for i in order if each[i] >= thresholds.topics] or order[:1]
            found.append(TopicScore(topic=topic, score=_unit(score), evidence=tuple(carried[:EVIDENCE_MOST])))
    return tuple(sorted(found, key=lambda t: -t.score))


def stances(read: Read, heads: Heads, thresholds: Thresholds) -> tuple[TargetStance, ...]:
    """The side the piece takes on each target that it addresses, most confident first."""
    if not read.passages:
        return ()
    found = (_stance(read, column, target, heads, thresholds) for column, target in enumerate(Target))
    return tuple(sorted((s for s in found if s is not None), key=lambda s: -s.confidence))


def _stance(read: Read, column: int, target: Target, heads: Heads, thresholds: Thresholds) -> TargetStance | None:
    """The side, how sure that is, and the balance of the passages that address the target, each by how sure it does."""
    said = read.stance[:, column]
    addressed = 1 - said[:, ABSENT]
    sure = heads.addresses(strength(addressed, read.weights, read.title))
    if sure < heads.addressed_from:
        return None
    sides = heads.side(leaning(said, read.weights, read.title))
    stance = max(sides, key=lambda side: sides[side])
    rows = np.flatnonzero(addressed >= thresholds.addressed)
    if not len(rows):  # none by itself, but many a little
        rows = np.argsort(-addressed, kind="stable")[:1]
    weight = read.weights[rows] * addressed[rows]
    lean = (said[rows, FAVOR] - said[rows, AGAINST]) / addressed[rows]
    favor, against = _sided(said[rows], weight, FAVOR), _sided(said[rows], weight, AGAINST)
    both = min(favor, against) > 0 and min(favor, against) / (favor + against) >= MINORITY
    contested = both and stance is Stance.NEUTRAL
    carrying = (
        np.maximum(said[rows, FAVOR], said[rows, AGAINST]) if contested else said[rows, STANCE_ORDER.index(stance)]
    )
    return TargetStance(
        target=target,
        stance=stance,
        score=round(float(np.clip((weight * lean).sum() / weight.sum(), -1, 1)), 4),
        confidence=_unit(sure * sides[stance]),
        contested=contested,
        evidence=tuple(int(rows[i]) for i in np.argsort(-carrying, kind="stable")[:EVIDENCE_MOST]),
    )


def voice(heard: Voice, passage: Floats, own: Floats, thresholds: Thresholds) -> Voice:
    """A voice with its side: on what its passage is surest to address, the side that its own sentences take.

    Without a target when the passage addresses none. What is spoken of stands around a quote as often as in it, so that
    the sentences alone say it less well; but the passage may hold another voice.
    """
    addressed = 1 - passage[:, ABSENT]
    column = int(addressed.argmax())
    if addressed[column] < thresholds.addressed:
        return heard
    side = Stance(STANCE_ORDER[1 + int(own[column, 1:].argmax())])
    return heard.model_copy(update={"target": tuple(Target)[column], "stance": side})


def _sided(said: Floats, weight: Floats, side: int) -> float:
    strong = said[:, side] >= STRONG
    return float((weight[strong] * said[strong, side]).sum())


def _unit(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 4)
