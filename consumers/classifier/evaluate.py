"""Labels and predictions to a table of figures, with bootstrap intervals. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consumers.classifier.decide import ABSENT, STANCE_ORDER, Bools, Floats, Labels

SIDES = range(1, len(STANCE_ORDER))
BINS, BIN_LEAST = 15, 20
"""Bins of equal mass that a calibration error is measured over, and the fewest answers that a bin may hold."""

ERROR_SAMPLES = 200
"""Bootstrap samples of the calibration error: each sorts anew, so they are fewer."""

Counts = npt.NDArray[np.int64]
"""Of n passages and c classes (n, c, 3): said and true, true, said. A measure is the mean over classes of their F1."""


@dataclass(frozen=True)
class Figure:
    """A figure between 0 and 1 with its 95 % interval and how many gold positives stand behind it."""

    value: float
    low: float
    high: float
    support: int


Table = dict[str, dict[str, Figure]]
"""Group (`all`, a language, `register:wire`, `hard:irony`) -> measure -> figure."""


@dataclass(frozen=True)
class Judged:
    """What was labelled and what was said of n passages or pieces.

    `confidence` (n, 5) is that of the side said of each target, `likely` (n, 5) the side that would be said were the
    target known to be addressed, `passed` (n,) whether the gate let it by.
    """

    gold: Labels
    said: Labels
    confidence: Floats
    likely: npt.NDArray[np.int64]
    passed: Bools

    def __getitem__(self, rows: npt.NDArray[np.int64] | Bools) -> "Judged":
        return Judged(self.gold[rows], self.said[rows], self.confidence[rows], self.likely[rows], self.passed[rows])

    def __len__(self) -> int:
        return len(self.gold)


def f1(gold: Bools, said: Bools) -> float:
    """F1 of the positive class; 0 when there is nothing to find and something was said, nan when neither."""
    return mean_f1(_counted(gold[:, None], said[:, None]).sum(0))


def mean_f1(sums: Counts) -> float:
    """Mean F1 over the classes (c, 3) that occur in the gold labels; of one class alone, as `f1` says."""
    if len(sums) > 1:
        sums = sums[sums[:, 1] > 0]
    total = sums[:, 1] + sums[:, 2]
    known = total > 0
    return float(np.mean(2 * sums[known, 0] / total[known])) if known.any() else float("nan")


def relevance_counts(gold: Labels, said: Labels) -> Counts:
    """Relevance, one class."""
    return _counted(gold.relevance[:, None], said.relevance[:, None])


def topic_counts(gold: Labels, said: Labels) -> Counts:
    """The topics, each a class."""
    return _counted(gold.topics, said.topics)


def addressed_counts(gold: Labels, said: Labels) -> Counts:
    """ "This passage addresses this target", over all targets, one class."""
    return np.asarray(_counted(gold.stance != ABSENT, said.stance != ABSENT).sum(1, keepdims=True))


def stance_counts(gold: Labels, said: Labels) -> Counts:
    """Favor, against and neutral over addressed passage-target pairs; calling one absent is a miss."""
    return _sides(gold.stance, np.where(gold.stance == ABSENT, ABSENT, said.stance))


def stance_all_counts(gold: Labels, said: Labels) -> Counts:
    """Favor, against and neutral over all passage-target pairs: misses and false alarms count both."""
    return _sides(gold.stance, said.stance)


def relevance_f1(gold: Labels, said: Labels) -> float:
    """F1 of relevance."""
    return mean_f1(relevance_counts(gold, said).sum(0))


def topics_macro(gold: Labels, said: Labels) -> float:
    """Mean F1 over the topics that occur in the gold labels."""
    return mean_f1(topic_counts(gold, said).sum(0))


def addressed_f1(gold: Labels, said: Labels) -> float:
    """F1 of "this passage addresses this target", over all passages and targets."""
    return mean_f1(addressed_counts(gold, said).sum(0))


def stance_macro(gold: Labels, said: Labels) -> float:
    """Mean F1 of the sides over addressed pairs, as `stance_counts` counts them."""
    return mean_f1(stance_counts(gold, said).sum(0))


def stance_macro_all(gold: Labels, said: Labels) -> float:
    """Mean F1 of the sides over all pairs, as `stance_all_counts` counts them."""
    return mean_f1(stance_all_counts(gold, said).sum(0))


def calibration_error(confidence: Floats, correct: Bools) -> float:
    """Root of the mean squared gap between said and seen over bins of equal mass, its sampling bias taken off.

    The debiased estimator of Kumar, Liang and Ma 2019, "Verified Uncertainty Calibration", arXiv:1909.10155. nan for
    fewer than two answers.
    """
    if len(confidence) < 2:
        return float("nan")
    order = np.argsort(confidence, kind="stable")
    total = 0.0
    for rows in np.array_split(order, max(1, min(BINS, len(order) // BIN_LEAST))):
        right = float(correct[rows].mean())
        gap = float(confidence[rows].mean()) - right
        total += len(rows) / len(order) * (gap**2 - right * (1 - right) / (len(rows) - 1))
    return float(np.sqrt(max(0.0, total)))


F1S: dict[str, Callable[[Judged], Counts]] = {
    "relevance": lambda j: relevance_counts(j.gold, j.said),
    "topics": lambda j: topic_counts(j.gold, j.said),
    "addressed": lambda j: addressed_counts(j.gold, j.said),
    "stance": lambda j: stance_counts(j.gold, j.said),
    "stance_all": lambda j: stance_all_counts(j.gold, j.said),
    "side": lambda j: _sides(j.gold.stance, np.where(j.gold.stance == ABSENT, ABSENT, j.likely)),
}
"""Measures that are a mean F1."""

GATE, ERROR = "gate_recall", "stance_error"
MEASURES = (*F1S, GATE, ERROR)


def table(judged: Judged, groups: Mapping[str, Bools], *, seed: int, samples: int = 1000) -> Table:
    """Every measure for all passages and for each group (its rows), with percentile bootstrap intervals.

    Passages are drawn with replacement (Efron 1979); the interval runs from the 2.5th to the 97.5th percentile.
    """
    everything = {"all": np.ones(len(judged), dtype=np.bool_)}
    return {name: _row(judged[rows], seed, samples) for name, rows in (everything | dict(groups)).items()}


def groups(langs: Sequence[str], registers: Sequence[str], hard: Sequence[Sequence[str]]) -> dict[str, Bools]:
    """The rows of each language, register and hard tag that n passages carry."""
    found = {lang: np.array([one == lang for one in langs]) for lang in sorted(set(langs))}
    if len(set(registers)) > 1:
        for register in sorted(set(registers)):
            found[f"register:{register}"] = np.array([one == register for one in registers])
    for tag in sorted({tag for tags in hard for tag in tags}):
        found[f"hard:{tag}"] = np.array([tag in tags for tags in hard])
    return found


def share(values: npt.NDArray[np.float64], *, seed: int, samples: int = 1000) -> Figure:
    """The mean of a value between 0 and 1 a passage, with its interval."""
    n = len(values)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), samples) if n else np.zeros((samples, 0))
    value = float(values.mean()) if n else float("nan")
    return _figure(value, list(drawn @ values / max(1, n)), n)


def per_topic(gold: Labels, said: Labels) -> list[tuple[float, int]]:
    """F1 and support of each topic, in the taxonomy's order."""
    sums = topic_counts(gold, said).sum(0)
    return [(mean_f1(row[None]), int(row[1])) for row in sums]


def _row(judged: Judged, seed: int, samples: int) -> dict[str, Figure]:
    chance = np.random.default_rng(seed)
    n = len(judged)
    drawn = chance.multinomial(n, np.full(n, 1 / n), samples) if n else np.zeros((samples, 0), dtype=np.int64)
    found = {}
    for name, count in F1S.items():
        counts = count(judged)
        again = np.einsum("sn,nck->sck", drawn, counts, optimize=True)
        found[name] = _figure(mean_f1(counts.sum(0)), [mean_f1(one) for one in again], int(counts[..., 1].sum()))
    found[GATE] = _gate(judged, drawn)
    found[ERROR] = _error(judged, chance, min(samples, ERROR_SAMPLES))
    return found


def _gate(judged: Judged, drawn: Counts) -> Figure:
    """Share of the relevant that the gate lets by."""
    relevant, through = judged.gold.relevance, judged.gold.relevance & judged.passed
    there = drawn @ relevant
    again = (drawn @ through)[there > 0] / there[there > 0]
    value = float(through.sum() / relevant.sum()) if relevant.any() else float("nan")
    return _figure(value, list(again), int(relevant.sum()))


def _error(judged: Judged, chance: np.random.Generator, samples: int) -> Figure:
    """Calibration error of the confidence in a side, over the targets said to be addressed."""

    def measured(rows: npt.NDArray[np.int64]) -> float:
        said, gold = judged.said.stance[rows], judged.gold.stance[rows]
        here = said != ABSENT
        return calibration_error(judged.confidence[rows][here], (said == gold)[here])

    n = len(judged)
    again = [measured(chance.integers(0, n, n)) for _ in range(samples)] if n else []
    return _figure(measured(np.arange(n)), again, int((judged.said.stance != ABSENT).sum()))


def _figure(value: float, again: Sequence[float], support: int) -> Figure:
    known = [one for one in again if not np.isnan(one)]
    low, high = np.percentile(known, [2.5, 97.5]) if known else (float("nan"), float("nan"))
    return Figure(value, float(low), float(high), support)


def _counted(gold: Bools, said: Bools) -> Counts:
    """(n, c) truths to (n, c, 3)."""
    return np.stack([gold & said, gold, said], -1).astype(np.int64)


def _sides(gold: npt.NDArray[np.int64], said: npt.NDArray[np.int64]) -> Counts:
    each = [_counted(gold == side, said == side).sum(1) for side in SIDES]
    return np.stack(each, 1)
