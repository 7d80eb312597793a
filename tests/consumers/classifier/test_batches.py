"""Batches within a token budget."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.classifier.batches import COUNTS, PAD, STEP, PassageTooLong, by_tokens, padded, width


@given(st.lists(st.integers(1, 512)), st.integers(512, 8192))
def test_every_passage_is_in_one_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = by_tokens(lengths, budget)
    assert sorted(i for b in batches for i in b) == list(range(len(lengths)))
    assert all(max(lengths[i] for i in b) * len(b) <= budget for b in batches)


@given(st.lists(st.integers(1, 512)), st.integers(512, 8192))
def test_only_passages_of_one_width_share_a_batch_and_shapes_are_few(lengths: list[int], budget: int) -> None:
    widths = [width(n) for n in lengths]
    batches = by_tokens(widths, budget)
    assert all(len({widths[i] for i in b}) == 1 for b in batches)
    for wide in set(widths):
        counts = [len(b) for b in batches if widths[b[0]] == wide]
        assert set(counts) <= set(COUNTS)
        assert counts == sorted(counts, reverse=True)
        fits = max(c for c in COUNTS if c * wide <= budget)
        assert counts[: -len(COUNTS)] == [fits] * len(counts[: -len(COUNTS)])


def test_a_passage_over_the_budget_is_refused_by_name() -> None:
    with pytest.raises(PassageTooLong, match="600 tokens"):
        by_tokens([3, 600], 512)


def test_rows_are_filled_up_to_their_width_with_padding_that_the_mask_hides() -> None:
    ids, mask = padded([[0, 7, 2], [0, 2]])
    assert ids.tolist() == [[0, 7, 2, *[PAD] * 5], [0, 2, *[PAD] * 6]]
    assert mask.tolist() == [[1, 1, 1, *[0] * 5], [1, 1, *[0] * 6]]
    assert ids.dtype == mask.dtype == np.int64


@given(st.integers(1, 512))
def test_a_width_is_the_next_multiple_of_eight(tokens: int) -> None:
    assert width(tokens) % STEP == 0
    assert 0 <= width(tokens) - tokens < STEP
