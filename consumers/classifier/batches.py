"""Passages of one width together, so that little of a forward pass is padding and none depends on its company. Pure."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from schemas.errors import VigiaError

PAD = 1
"""The row of `<pad>` in the vocabulary."""

STEP = 8
COUNTS = (8, 4, 2, 1)
"""Passages of a batch: OpenVINO keeps memory for each shape that it has met (1.2 GB without this, 0.65 GB with it)."""


Ids = npt.NDArray[np.int64]


class PassageTooLong(VigiaError):
    """One passage alone exceeds the token budget."""

    def __init__(self, length: int, budget: int) -> None:
        self.length, self.budget = length, budget
        super().__init__(
            f"a passage of {length} tokens exceeds the budget of {budget}: raise VIGIA_CLASSIFY__TOKEN_BUDGET"
        )


def width(tokens: int) -> int:
    """The tokens that a passage takes up: filled up to the next multiple of eight, whoever else is in its batch.

    Padding alone moves an 8-bit result a little (sums in another order fall on another side of a rounding), so a
    passage's padding must be its own.
    """
    return -(-tokens // STEP) * STEP


def by_tokens(widths: Sequence[int], budget: int) -> list[list[int]]:
    """Batches of indices into `widths`, each index once, the widest first.

    Only passages of one width share a batch, 8, 4, 2 or 1 of them, and its width × count stays within `budget` tokens.
    Raises PassageTooLong when one width alone exceeds the budget.
    """
    alike: dict[int, list[int]] = {}
    for index, wide in enumerate(widths):
        if wide > budget:
            raise PassageTooLong(wide, budget)
        alike.setdefault(wide, []).append(index)
    batches: list[list[int]] = []
    for wide in sorted(alike, reverse=True):
        members = alike[wide]
        while members:
            count = next(c for c in COUNTS if c <= min(len(members), budget // wide))
            batches.append(members[:count])
            members = members[count:]
    return batches


def padded(rows: Sequence[Sequence[int]]) -> tuple[Ids, Ids]:
    """Token ids and mask, (rows, width of the longest), filled up with padding."""
    wide = width(max(map(len, rows), default=0))
    ids = np.full((len(rows), wide), PAD, dtype=np.int64)
    mask = np.zeros((len(rows), wide), dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return ids, mask
