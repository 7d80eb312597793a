"""More training passages from those there are: the same labels on a text that reached us changed. Pure."""

from collections.abc import Callable, Sequence

import numpy as np

from consumers.classifier import disturb
from consumers.classifier.training.corpus import Labelled

WAYS: tuple[Callable[[str, np.random.Generator], str], ...] = (
    disturb.capitals,
    disturb.without_accents,
    disturb.scanned,
    disturb.stuffed,
    disturb.stuffed,
)
"""Zero-width characters and lookalikes are undone before the model reads; stuffing is the hardest: it comes twice."""


def disturbed(passages: Sequence[Labelled], share: float, chance: np.random.Generator) -> list[Labelled]:
    """Disturbed copies of a random `share` of the passages, each in one of the ways in turn."""
    chosen = chance.permutation(len(passages))[: round(share * len(passages))]
    return [
        passages[int(at)].model_copy(update={"text": WAYS[turn % len(WAYS)](passages[int(at)].text, chance)})
        for turn, at in enumerate(chosen)
    ]
