"""Probabilities to labels. Pure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.taxonomy import Stance

ABSENT = 0
STANCE_ORDER: tuple[str, ...] = ("absent", *Stance)
"""The order of the last axis of a stance array; index 0 is a target that is not addressed."""

FAVOR, AGAINST = STANCE_ORDER.index(Stance.FAVOR), STANCE_ORDER.index(Stance.AGAINST)

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Thresholds:
    """From which probability a label holds; chosen on development passages, kept in model.toml."""

    relevance: float
    topics: float
    addressed: float
    gate: float


@dataclass(frozen=True)
class Labels:
    """Labels of n passages: relevance (n,), topics (n, 11), stance (n, 5) as indices into STANCE_ORDER."""

    relevance: Bools
    topics: Bools
    stance: Ints

    def __getitem__(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Labels":
        return Labels(self.relevance[rows], self.topics[rows], self.stance[rows])

    def __len__(self) -> int:
        return len(self.relevance)


def decide(relevance: Floats, topics: Floats, stance: Floats, thresholds: Thresholds) -> Labels:
    """Labels from probabilities (n,), (n, 11), (n, 5, 4); an addressed target gets its likeliest side."""
    addressed = 1 - stance[..., ABSENT] >= thresholds.addressed
    side = stance[..., 1:].argmax(-1) + 1
    return Labels(
        relevance >= thresholds.relevance,
        topics >= thresholds.topics,
        np.where(addressed, side, ABSENT).astype(np.int64),
    )
