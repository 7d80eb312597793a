"""From the probabilities of passages to those of the piece: small logistic heads over their strongest. Pure.

A piece is on the beat, has a topic, addresses a target or takes a side not by its mean passage but by its headline, its
lead and its strongest passages. How much each counts is fitted on labelled pieces (`training/whole.py`).
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consumers.classifier.decide import AGAINST, FAVOR, Floats
from schemas.errors import ModelFileError
from schemas.taxonomy import Stance, Topic

STRONGEST = (1, 2, 3, 5, 8)
"""The mean of how many of the strongest passages, headline and lead counted twice, a head looks at."""

STRENGTHS, LEANINGS = len(STRONGEST) + 4, 18
"""How many figures `strength` and `leaning` give."""

STRONG = 0.5
"""Probability from which a passage counts as one that holds."""

Figures = npt.NDArray[np.float64]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Linear(_Part):
    """A weighted sum of figures."""

    weights: tuple[float, ...]
    bias: float = 0.0

    def of(self, figures: Figures) -> float:
        """The sum."""
        return float(figures @ np.asarray(self.weights)) + self.bias


class Heads(_Part):
    """The content of pieces.json: the heads and the probabilities from which their labels hold."""

    relevance: Linear
    topic: Linear
    topic_bias: dict[Topic, float]
    addressed: Linear
    sides: dict[Stance, Linear]
    relevance_from: float = Field(ge=0, le=1)
    topic_from: float = Field(ge=0, le=1)
    addressed_from: float = Field(ge=0, le=1)

    def relevant(self, figures: Figures) -> float:
        """Probability that the piece is on the beat, by the `strength` of its relevance."""
        return _unit(self.relevance.of(figures))

    def about(self, topic: Topic, figures: Figures) -> float:
        """Probability that the piece has the topic, by the `strength` of it."""
        return _unit(self.topic.of(figures) + self.topic_bias[topic])

    def addresses(self, figures: Figures) -> float:
        """Probability that the piece addresses a target, by the `strength` of that."""
        return _unit(self.addressed.of(figures))

    def side(self, figures: Figures) -> dict[Stance, float]:
        """Probability of each side on a target that the piece addresses, by its `leaning`."""
        raised = {side: np.exp(head.of(figures)) for side, head in self.sides.items()}
        total = sum(raised.values())
        return {side: float(value / total) for side, value in raised.items()}


def read(content: bytes, path: Path) -> Heads:
    """The heads as pieces.json holds them. Raises ModelFileError when it doesn't."""
    try:
        heads = Heads.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ModelFileError(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    widths = {len(one.weights) for one in (heads.relevance, heads.topic, heads.addressed)}
    if widths != {STRENGTHS} or {len(side.weights) for side in heads.sides.values()} != {LEANINGS}:
        raise ModelFileError(path, "its heads look at other figures than this version of Vigía gives them")
    return heads


def strength(values: Floats, weights: Floats, title: npt.NDArray[np.bool_]) -> Figures:
    """How strongly a label stands in a piece, by its probability in each passage (n,), weight 2 for headline and lead.

    Logits of the mean of the 1, 2, 3, 5 and 8 strongest, of the headline, of the lead and of the weighted mean, and
    the share that holds. Nothing that grows with the piece: a headline alone is judged by the same measure.
    """
    if not len(values):
        return np.zeros(STRENGTHS)
    order = np.sort(np.repeat(values, weights.astype(np.int64)))[::-1]
    lead = (weights > 1) & ~title
    holds = values > STRONG
    return np.array(
        [
            *(_logit(order[:count].mean()) for count in STRONGEST),
            _logit(values[title].max(initial=0)),
            _logit(values[lead].max(initial=0)),
            _logit((values * weights).sum() / weights.sum()),
            holds.mean(),
        ]
    )


def leaning(stance: Floats, weights: Floats, title: npt.NDArray[np.bool_]) -> Figures:
    """How the sides on one target stand in a piece, by their probabilities in each passage (n, 4).

    Of favor, against and neutral each: the balance weighted by how surely a passage addresses the target, the sum of
    the strong ones, the strongest, the headline's, the lead's; then the shares of strong favor, strong against, and of
    the weaker of both.
    """
    if not len(stance):
        return np.zeros(LEANINGS)
    sides = stance[:, 1:]
    sure = weights * sides.sum(1)
    lead = (weights > 1) & ~title
    balance = (weights[:, None] * sides).sum(0) / max(float(sure.sum()), 1e-6)
    strong = (weights[:, None] * np.where(sides > STRONG, sides, 0)).sum(0)
    favor, against = float(strong[FAVOR - 1]), float(strong[AGAINST - 1])
    floor = 0.3
    return np.array(
        [
            *balance,
            *np.log1p(strong),
            *sides.max(0),
            *sides[title].max(0, initial=0),
            *sides[lead].max(0, initial=0),
            favor / (strong.sum() + floor),
            against / (strong.sum() + floor),
            min(favor, against) / (favor + against + floor),
        ]
    )


def _logit(probability: Any) -> float:
    bounded = min(max(float(probability), 1e-3), 1 - 1e-3)
    return float(np.log(bounded / (1 - bounded)))


def _unit(logit: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))
