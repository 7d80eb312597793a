"""Waits after failures."""

import random

from hypothesis import given
from hypothesis import strategies as st

from consumers.breaker import Breaker


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_waits_double_within_the_jitter_up_to_the_longest(seed: int, failures: int) -> None:
    breaker = Breaker(0.5, 30.0, random.Random(seed))
    for n in range(failures):
        full = min(30.0, 0.5 * 2.0**n)
        assert full / 2 <= breaker.trip(now=100.0) <= full


def test_it_is_open_until_the_wait_is_over_and_short_again_after_a_success() -> None:
    breaker = Breaker(1.0, 30.0, random.Random(1))
    wait = breaker.trip(now=10.0)
    assert breaker.open(10.0 + wait - 0.001)
    assert not breaker.open(10.0 + wait)
    breaker.trip(now=20.0)
    breaker.reset()
    assert not breaker.open(20.0)
    assert breaker.trip(now=30.0) <= 1.0
