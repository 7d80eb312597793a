"""Labels and predictions to a table of figures, with bootstrap intervals. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consumers.classifier.decide import ABSENT, STANCE_ORDER, Bools, Labels

SIDES = range(1, len(STANCE_ORDER))


@dataclass(frozen=True)
class Figure:
    """A figure between 0 and 1 with its 95 % interval and how many gold positives stand behind it."""

    value: float
    low: float
    high: float
    support: int


Table = dict[str, dict[str, Figure]]
"""Group (`all`, a language) -> measure -> figure."""


def f1(gold: Bools, said: Bools) -> float:
    """F1 of the positive class; 0 when there is nothing to find and something was said, nan when neither."""
    hits = int((gold & said).sum())
    total = int(gold.sum()) + int(said.sum())
    return 2 * hits / total if total else float("nan")


def relevance_f1(gold: Labels, said: Labels) -> float:
    """F1 of relevance."""
    return f1(gold.relevance, said.relevance)


def topics_macro(gold: Labels, said: Labels) -> float:
    """Mean F1 over the topics that occur in the gold labels."""
    return _mean(
        [f1(gold.topics[:, t], said.topics[:, t]) for t in range(gold.topics.shape[1]) if gold.topics[:, t].any()]
    )


def addressed_f1(gold: Labels, said: Labels) -> float:
    """F1 of "this passage addresses this target", over all passages and targets."""
    return f1(gold.stance != ABSENT, said.stance != ABSENT)


def stance_macro(gold: Labels, said: Labels) -> float:
    """Mean F1 of favor, against and neutral over addressed passage–target pairs; calling one absent is a miss."""
    here = gold.stance != ABSENT
    return _macro(gold.stance[here], said.stance[here])


def stance_macro_all(gold: Labels, said: Labels) -> float:
    """Mean F1 of favor, against and neutral over all passage–target pairs: misses and false alarms count both."""
    return _macro(gold.stance.ravel(), said.stance.ravel())


MEASURES: dict[str, tuple[Callable[[Labels, Labels], float], Callable[[Labels], int]]] = {
    "relevance": (relevance_f1, lambda gold: int(gold.relevance.sum())),
    "topics": (topics_macro, lambda gold: int(gold.topics.sum())),
    "addressed": (addressed_f1, lambda gold: int((gold.stance != ABSENT).sum())),
    "stance": (stance_macro, lambda gold: int((gold.stance != ABSENT).sum())),
    "stance_all": (stance_macro_all, lambda gold: int((gold.stance != ABSENT).sum())),
}


def table(gold: Labels, said: Labels, groups: Sequence[str], *, seed: int, samples: int = 1000) -> Table:
    """Every measure for all passages and for each group (a language a passage), with percentile bootstrap intervals."""
    names = np.asarray(groups)
    everything = np.ones(len(gold), dtype=np.bool_)
    parts = {"all": everything} | {str(name): names == name for name in sorted(set(groups))}
    return {
        part: {name: interval(gold[rows], said[rows], name, seed=seed, samples=samples) for name in MEASURES}
        for part, rows in parts.items()
    }


def interval(gold: Labels, said: Labels, name: str, *, seed: int, samples: int) -> Figure:
    """One measure with its interval: passages drawn with replacement (Efron 1979), 2.5th to 97.5th percentile."""
    measure, support = MEASURES[name]
    chance = np.random.default_rng(seed)
    drawn: list[float] = []
    for _ in range(samples):
        rows: npt.NDArray[np.int64] = chance.integers(0, len(gold), len(gold))
        drawn.append(measure(gold[rows], said[rows]))
    known = [value for value in drawn if not np.isnan(value)]
    low, high = np.percentile(known, [2.5, 97.5]) if known else (float("nan"), float("nan"))
    return Figure(measure(gold, said), float(low), float(high), support(gold))


def per_topic(gold: Labels, said: Labels) -> list[tuple[float, int]]:
    """F1 and support of each topic, in the taxonomy's order."""
    return [
        (f1(gold.topics[:, t], said.topics[:, t]), int(gold.topics[:, t].sum())) for t in range(gold.topics.shape[1])
    ]


def _macro(gold: npt.NDArray[np.int64], said: npt.NDArray[np.int64]) -> float:
    return _mean([f1(gold == side, said == side) for side in SIDES if (gold == side).any()])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
