"""When a mean has moved, and when that is noise."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.briefings.shift import Sample, shift, shifts
from schemas.taxonomy import Target


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [
        (Sample(4, 0.8, 0.0), Sample(4, -0.8, 0.0), True),
        (Sample(2, 0.8, 0.0), Sample(40, -0.8, 0.0), False),  # too few before
        (Sample(40, 0.1, 0.01), Sample(40, 0.3, 0.01), False),  # sure, and too small to notice
        (Sample(5, 0.4, 0.6), Sample(5, -0.2, 0.6), False),  # within its own noise
        (Sample(60, 0.4, 0.6), Sample(60, -0.2, 0.6), True),
        (Sample(3, 0.3, 0.0), Sample(3, 0.0, 0.0), False),  # three equal scores are no certainty
    ],
)
def test_a_step_counts_when_it_is_large_and_beyond_its_noise(before: Sample, now: Sample, moved: bool) -> None:
    assert (shift(before, now) is not None) is moved
    assert shift(now, before) == shift(before, now)


def test_the_error_is_that_of_welch() -> None:
    before, now = Sample(10, 0.5, 0.09), Sample(20, -0.5, 0.16)
    expected = 1.0 / math.sqrt(0.09 / 9 + 0.16 / 19)
    assert shift(before, now) == pytest.approx(expected)


def test_the_surest_come_first() -> None:
    found = shifts(
        [
            ("few", Target.US_AID, Sample(3, 0.5, 0.1), Sample(3, -0.5, 0.1)),
            ("none", Target.US_AID, Sample(9, 0.5, 0.1), Sample(9, 0.5, 0.1)),
            ("many", Target.US_AID, Sample(30, 0.5, 0.1), Sample(30, -0.5, 0.1)),
        ]
    )
    assert [one.who for one in found] == ["many", "few"]


@given(st.integers(0, 50), st.floats(-1, 1), st.floats(0, 1))
def test_nobody_moves_against_themselves(count: int, mean: float, variance: float) -> None:
    assert shift(Sample(count, mean, variance), Sample(count, mean, variance)) is None
