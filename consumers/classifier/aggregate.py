"""Passage scores to what is said of the piece. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from consumers.classifier.decide import ABSENT, STANCE_ORDER, Floats, Thresholds
from schemas.classification import Part, Passage, TargetStance, TopicScore, Voice
from schemas.taxonomy import Stance, Target, Topic

DOUBLE = 2.0
"""What headline and lead count, against one of any other passage."""

RELEVANT, ABOUT, ADDRESSED = 5, 3, 4
"""How many of the strongest passages a piece's relevance, a topic and a target's being addressed are the mean of.

A single sentence makes none of them, and the passages' own thresholds hold for pieces too. Chosen on one half of the
labelled pieces, seen to hold on the other.
"""

TAKEN = 2
"""Of how many of its strongest passages the confidence in a side is the mean: 0.77 said on pieces, 0.75 seen."""

EVIDENCE_MOST = 5
SIDED = 0.25
"""From which balance, either way, a piece takes a side."""

STRONG = 0.5
"""Probability from which a passage's side counts as strong."""

MINORITY = 0.25
"""Share of the sided weight that the weaker side needs for the piece to be contested."""

FAVOR, AGAINST = STANCE_ORDER.index(Stance.FAVOR), STANCE_ORDER.index(Stance.AGAINST)


@dataclass(frozen=True)
class Read:
    """The passages of one piece that were read, title first, with their probabilities."""

    passages: Sequence[Passage]
    relevance: Floats
    topics: Floats
    stance: Floats

    @property
    def weights(self) -> Floats:
        """How much each passage counts: the title and the first passage of the text double."""
        lead = next((i for i, p in enumerate(self.passages) if p.part is Part.TEXT), None)
        double = [p.part is Part.TITLE or i == lead for i, p in enumerate(self.passages)]
        return np.where(double, DOUBLE, 1.0).astype(np.float32)


def relevance(read: Read) -> float:
    """How much the piece belongs to the beat: the mean of its five most relevant passages, headline and lead twice."""
    return _mean_of_strongest(read.relevance, read.weights, RELEVANT)


def topics(read: Read, thresholds: Thresholds) -> tuple[TopicScore, ...]:
    """The topics that hold, most probable first: each by its three strongest passages, headline and lead twice."""
    found = []
    for column, topic in enumerate(Topic):
        each = read.topics[:, column]
        score = _mean_of_strongest(each, read.weights, ABOUT)
        if score >= thresholds.topics:
            order = np.argsort(-each, kind="stable")
            carried = [int(i) for i in order if each[i] >= thresholds.topics]
            found.append(TopicScore(topic=topic, score=_unit(score), evidence=tuple(carried[:EVIDENCE_MOST])))
    return tuple(sorted(found, key=lambda t: -t.score))


def stances(read: Read, thresholds: Thresholds) -> tuple[TargetStance, ...]:
    """The side the piece takes on each target that a passage of it addresses, most confident first."""
    found = (_stance(read, column, target, thresholds) for column, target in enumerate(Target))
    return tuple(sorted((s for s in found if s is not None), key=lambda s: -s.confidence))


def _stance(read: Read, column: int, target: Target, thresholds: Thresholds) -> TargetStance | None:
    """The balance of the passages that address the target: each one's lean, from -1 to 1, by how sure that is."""
    said = read.stance[:, column]
    addressed = 1 - said[:, ABSENT]
    sure = _mean_of_strongest(addressed, read.weights, ADDRESSED)
    if sure < thresholds.addressed:
        return None
    rows = np.flatnonzero(addressed >= thresholds.addressed)
    weight = read.weights[rows] * addressed[rows]
    lean = (said[rows, FAVOR] - said[rows, AGAINST]) / addressed[rows]
    score = float(np.clip((weight * lean).sum() / weight.sum(), -1, 1))
    favor, against = _sided(said[rows], weight, FAVOR), _sided(said[rows], weight, AGAINST)
    contested = min(favor, against) > 0 and min(favor, against) / (favor + against) >= MINORITY
    stance = Stance.NEUTRAL if contested or abs(score) < SIDED else Stance.FAVOR if score > 0 else Stance.AGAINST
    likely = said[rows, STANCE_ORDER.index(stance)]
    if contested:
        order = np.argsort(-np.maximum(said[rows, FAVOR], said[rows, AGAINST]), kind="stable")
    else:
        order = np.argsort(-likely, kind="stable")
    if stance is Stance.NEUTRAL:
        confidence = sure * float((weight * likely / addressed[rows]).sum() / weight.sum())
    else:  # a side is as sure as the sentences that take it, whatever else the piece reports
        confidence = _mean_of_strongest(said[:, STANCE_ORDER.index(stance)], read.weights, TAKEN)
    return TargetStance(
        target=target,
        stance=stance,
        score=round(score, 4),
        confidence=_unit(confidence),
        contested=contested,
        evidence=tuple(int(rows[i]) for i in order[:EVIDENCE_MOST]),
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


def _mean_of_strongest(values: Floats, weights: Floats, count: int) -> float:
    if not len(values):
        return 0.0
    repeated = np.repeat(values, weights.astype(np.int64))
    return float(np.sort(repeated)[::-1][:count].mean())


def _unit(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 4)
