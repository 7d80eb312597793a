"""Passages of like length together, so that little of a forward pass is padding. Pure."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from schemas.errors import VigiaError

PAD = 1
"""The row of `<pad>` in the vocabulary."""

Ids = npt.NDArray[np.int64]


class PassageTooLong(VigiaError):
    """One passage alone exceeds the token budget."""

    def __init__(self, length: int, budget: int) -> None:
        self.length, self.budget = length, budget
        super().__init__(
            f"a passage of {length} tokens exceeds the budget of {budget}: raise VIGIA_CLASSIFY__TOKEN_BUDGET"
        )


def by_tokens(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Batches of indices into `lengths`, each index once; a batch's longest × its count stays within `budget` tokens.

    Raises PassageTooLong when one length alone exceeds the budget.
    """
    batches: list[list[int]] = []
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        length = lengths[index]
        if length > budget:
            raise PassageTooLong(length, budget)
        longest = lengths[batch[0]] if batch else length
        if batch and longest * (len(batch) + 1) > budget:
            batches.append(batch)
            batch = []
        batch.append(index)
    if batch:
        batches.append(batch)
    return batches


def padded(rows: Sequence[Sequence[int]]) -> tuple[Ids, Ids]:
    """Token ids and mask, (rows, longest), filled up with padding."""
    width = max(map(len, rows), default=0)
    ids = np.full((len(rows), width), PAD, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return ids, mask
