"""Stances on targets that a user described in words: from passages to the piece, and how good they may be. Pure.

The open stance head has no piece heads of its own, so that the rule is plain: a piece addresses a target when its
strongest passage does, and takes the side to which the passages that address it lean most.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from consumers.classifier.aggregate import EVIDENCE_MOST, Read
from consumers.classifier.decide import ABSENT, AGAINST, FAVOR, STANCE_ORDER, Floats, Thresholds
from consumers.classifier.described import Described
from schemas.classification import ZeroShotStance
from schemas.taxonomy import Stance

NOT_SETS = frozenset({"flips", "sided", "sided_without"})
"""Figures of report.json's `open` that are no macro-F1 of a set."""


def zero_shot(
    read: Read, said: Floats, targets: Sequence[Described], language: str, thresholds: Thresholds
) -> tuple[ZeroShotStance, ...]:
    """The sides on the targets, by their probabilities in each passage (n, k, 4), most confident first."""
    if not len(read.passages):
        return ()
    asked = [(column, one) for column, one in enumerate(targets) if one.lang in (None, language)]
    found = (_stance(read, said[:, column], one.id, thresholds) for column, one in asked)
    return tuple(sorted((one for one in found if one is not None), key=lambda s: -s.confidence))


def _stance(read: Read, said: Floats, target: str, thresholds: Thresholds) -> ZeroShotStance | None:
    addressed = 1 - said[:, ABSENT]
    rows = np.flatnonzero(addressed >= thresholds.addressed)
    if not len(rows):
        return None
    weight = read.weights[rows] * addressed[rows]
    sides = (read.weights[rows, None] * said[rows, 1:]).sum(0) / weight.sum()
    index = 1 + int(sides.argmax())
    return ZeroShotStance(
        target=target,
        stance=Stance(STANCE_ORDER[index]),
        score=round(float(np.clip(sides[FAVOR - 1] - sides[AGAINST - 1], -1, 1)), 4),
        confidence=round(float(np.clip(addressed[rows].max() * sides[index - 1], 0, 1)), 4),
        evidence=tuple(int(rows[i]) for i in np.argsort(-said[rows, index], kind="stable")[:EVIDENCE_MOST]),
    )


def quality(report: Path) -> dict[str, float]:
    """Macro-F1 of the side by set, on targets never trained on, as the model's report.json has it; empty if unsaid."""
    try:
        document = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    found = document.get("open") if isinstance(document, Mapping) else None
    if not isinstance(found, Mapping):
        return {}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def told(figures: Mapping[str, float]) -> str:
    """The figures as one line for a person."""
    sets = {name: value for name, value in figures.items() if name not in NOT_SETS}
    if not sets:
        return "how good that is was not measured for this model"
    each = ", ".join(f"{name} {value:.2f}" for name, value in sorted(sets.items()))
    return f"macro-F1 of the side on targets never trained on: {each}"
