"""What the open stance head reaches on targets that it never saw, and whether it listens to the target (torch)."""

from collections.abc import Sequence

import numpy as np

from consumers.classifier.decide import AGAINST, FAVOR, Floats
from consumers.classifier.evaluate import SIDES, f1
from consumers.classifier.probability import softmax
from consumers.classifier.training.auxiliary import OPPOSITES, Aside
from consumers.classifier.training.network import Network
from consumers.classifier.training.tune import AsideSet, asked


def figures(network: Network, held: AsideSet, rows: Sequence[Aside]) -> dict[str, float]:
    """Macro-F1 of the side for each set; how often it flips with the opposite claim, and how sure it is of none.

    `flips`: of the texts that come with a claim and its opposite, the share whose likelier side of the two changes with
    the claim. `sided` and `sided_without`: the mean probability of a side on the target, and when the target is taken
    away (asked of the centre, which is no target).
    """
    said = softmax(asked(network, held.rows, held.targets))
    without = softmax(asked(network, held.rows, network.centre.expand(len(held.rows), -1)))
    found = {
        "flips": _flips(said, rows),
        "sided": float(said[:, [FAVOR, AGAINST]].sum(1).mean()),
        "sided_without": float(without[:, [FAVOR, AGAINST]].sum(1).mean()),
    }
    for source in sorted({row.source for row in rows}):
        here = np.array([row.source == source for row in rows])
        found[source] = _macro(held.stances[here], said[here])
    return {name: round(value, 4) for name, value in found.items()}


def _macro(gold: np.ndarray, said: Floats) -> float:
    """Over the sides that the set knows, the target taken as addressed."""
    known = [side for side in SIDES if (gold == side).any()]
    chosen = np.array(known)[said[:, known].argmax(1)]
    return float(np.mean([f1(gold == side, chosen == side) for side in known]))


def _flips(said: Floats, rows: Sequence[Aside]) -> float:
    lean: dict[str, list[bool]] = {}
    for row, one in zip(rows, said, strict=True):
        if row.source == OPPOSITES:
            lean.setdefault(row.text, []).append(bool(one[FAVOR] > one[AGAINST]))
    pairs = [sides for sides in lean.values() if len(sides) == 2]
    return float(np.mean([sides[0] != sides[1] for sides in pairs])) if pairs else float("nan")
