"""Ids are stable across processes, versions order readings before models, copies meet in a band."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.identity import (
    alert_id,
    article_id,
    bands,
    digest,
    index_name,
    similarity,
    version,
)


def test_an_id_is_the_same_in_every_process() -> None:
    assert article_id("https://example.org/a") == "8d59485df91c386b4b04f8783c990d8b"
    assert alert_id("rule", "story") != alert_id("rules", "tory")


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_different_parts_never_share_a_digest(a: list[str], b: list[str]) -> None:
    assert (digest(*a) == digest(*b)) == (a == b)


@given(st.integers(0, 4_000_000_000_000), st.integers(0, 999), st.integers(0, 4_000_000_000_000), st.integers(0, 999))
def test_a_later_reading_wins_then_a_later_model(t1: int, g1: int, t2: int, g2: int) -> None:
    assert (version(t1, g1) < version(t2, g2)) == ((t1, g1) < (t2, g2))
    assert version(t1, g1) < 2**63


def test_a_generation_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="1000"):
        version(0, 1000)


def test_a_month_has_an_index() -> None:
    assert index_name(datetime(2026, 1, 31, tzinfo=UTC)) == "news-2026.01"


def test_copies_share_a_band_and_strangers_do_not() -> None:
    rng = random.Random(7)
    one = [rng.getrandbits(32) for _ in range(64)]
    copy = [v if i % 4 else rng.getrandbits(32) for i, v in enumerate(one)]  # 48 of 64 agree, none a whole band
    near = one[:56] + [rng.getrandbits(32) for _ in range(8)]
    other = [rng.getrandbits(32) for _ in range(64)]
    assert similarity(one, copy) == 0.75
    assert set(bands(one)) & set(bands(near))
    assert not set(bands(one)) & set(bands(other))
    assert bands(()) == ()
    assert similarity((), ()) == 0.0
