"""Temperatures and thresholds, fitted on development passages. Pure.

Temperature scaling: Guo et al. 2017, "On Calibration of Modern Neural Networks", arXiv:1706.04599.
"""

from collections.abc import Callable

import numpy as np

from consumers.classifier.decide import ABSENT, Bools, Floats, Labels, Thresholds, decide
from consumers.classifier.evaluate import addressed_f1, relevance_f1, stance_macro, topics_macro
from consumers.classifier.manifest import Temperature
from consumers.classifier.probability import softmax

GRID = np.round(np.arange(0.1, 0.91, 0.02), 2)
GATE_MOST, GATE_RECALL = 0.2, 0.995


def temperatures(relevance: Floats, topics: Floats, stance: Floats, gold: Labels) -> Temperature:
    """The temperatures of least negative log likelihood on `gold`, from the heads' logits.

    That of stance looks at addressed targets alone: it is the confidence in a side that a reader is shown.
    """

    def binary(logits: Floats, truth: Bools) -> Callable[[float], float]:
        return lambda t: float(np.logaddexp(0, np.where(truth, -logits, logits) / t).mean())

    here = gold.stance != ABSENT

    def sides(t: float) -> float:
        chosen = np.take_along_axis(softmax(stance[here], t), gold.stance[here][:, None], -1)
        return float(-np.log(np.maximum(chosen, 1e-9)).mean())

    return Temperature(
        relevance=_least(binary(relevance, gold.relevance)),
        topics=_least(binary(topics, gold.topics)),
        stance=_least(sides),
    )


def thresholds(relevance: Floats, topics: Floats, stance: Floats, gold: Labels) -> Thresholds:
    """Thresholds of the best F1 on `gold` from calibrated probabilities; `addressed` counts that of sides too.

    The gate's is half of the highest at which its recall is 0.995, and at most 0.2: the development passages are few,
    and a piece that the gate drops is lost.
    """

    def best(field: str, measure: Callable[[Labels, Labels], float]) -> float:
        def score(at: float) -> float:
            values = {"relevance": 0.5, "topics": 0.5, "addressed": 0.5, "gate": 0.0} | {field: at}
            return measure(gold, decide(relevance, topics, stance, Thresholds(**values)))

        scores = np.nan_to_num(np.array([score(float(at)) for at in GRID]))  # nan: nothing to find and nothing said
        near = GRID[scores >= scores.max() - 0.005]
        return float(np.round(near[np.argmin(np.abs(near - 0.5))], 2))

    found = np.sort(relevance[gold.relevance])
    lowest = float(found[int((1 - GATE_RECALL) * len(found))]) if len(found) else 0.0
    return Thresholds(
        relevance=best("relevance", relevance_f1),
        topics=best("topics", topics_macro),
        addressed=best("addressed", lambda gold, said: addressed_f1(gold, said) + stance_macro(gold, said)),
        gate=round(min(GATE_MOST, lowest / 2), 4),
    )


def logit(probability: Floats) -> Floats:
    """The inverse of the logistic function, bounded."""
    bounded = np.clip(probability.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(bounded / (1 - bounded)), dtype=np.float32)


def _least(loss: Callable[[float], float], low: float = 0.2, high: float = 5.0) -> float:
    """The minimum of a function of one temperature, by golden section on its logarithm."""
    ratio = (5**0.5 - 1) / 2
    a, b = np.log(low), np.log(high)
    for _ in range(40):
        left, right = b - ratio * (b - a), a + ratio * (b - a)
        if loss(float(np.exp(left))) < loss(float(np.exp(right))):
            b = right
        else:
            a = left
    return float(np.round(np.exp((a + b) / 2), 4))
