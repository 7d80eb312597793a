"""The arithmetic of the figures."""

import numpy as np
import pytest

from consumers.classifier.decide import Labels, Thresholds, decide
from consumers.classifier.evaluate import (
    MEASURES,
    addressed_f1,
    f1,
    interval,
    per_topic,
    relevance_f1,
    stance_macro,
    stance_macro_all,
    table,
    topics_macro,
)  # fmt: skip


def labels(relevance: list[int], topics: list[list[int]], stance: list[list[int]]) -> Labels:
    return Labels(np.array(relevance, bool), np.array(topics, bool), np.array(stance, np.int64))


GOLD = labels([1, 1, 0, 0], [[1, 0], [1, 0], [0, 0], [0, 0]], [[1, 0], [2, 0], [3, 2], [0, 0]])
SAID = labels([1, 0, 1, 0], [[1, 1], [0, 0], [0, 0], [0, 0]], [[1, 1], [0, 0], [3, 3], [0, 0]])


def test_f1_is_two_hits_over_what_is_and_what_is_said() -> None:
    assert f1(np.array([1, 1, 0], bool), np.array([1, 0, 1], bool)) == pytest.approx(0.5)
    assert f1(np.array([1, 0], bool), np.array([0, 0], bool)) == 0
    assert np.isnan(f1(np.array([0], bool), np.array([0], bool)))


def test_each_measure_by_hand() -> None:
    assert relevance_f1(GOLD, SAID) == pytest.approx(2 * 1 / (2 + 2))
    assert topics_macro(GOLD, SAID) == pytest.approx(2 * 1 / (2 + 1))  # the second topic is in no gold label
    assert addressed_f1(GOLD, SAID) == pytest.approx(2 * 3 / (4 + 4))
    # addressed pairs: gold 1 2 3 2, said 1 0 3 3: favor 1, against 0, neutral 2/3
    assert stance_macro(GOLD, SAID) == pytest.approx((1 + 0 + 2 / 3) / 3)
    # all pairs: one favor said too much: favor 2/3, against 0, neutral 2/3
    assert stance_macro_all(GOLD, SAID) == pytest.approx((2 / 3 + 0 + 2 / 3) / 3)
    value, support = per_topic(GOLD, SAID)[0]
    assert value == pytest.approx(2 / 3)
    assert support == 2


def test_perfect_labels_score_one_everywhere() -> None:
    for group in table(GOLD, GOLD, ["en", "es", "en", "es"], seed=1, samples=50).values():
        for figure in group.values():
            assert figure.value == 1 or np.isnan(figure.value)


def test_the_interval_holds_the_value_narrows_with_passages_and_is_the_same_for_a_seed() -> None:
    many = np.tile(np.arange(4), 100)
    few, wide = (
        interval(GOLD, SAID, "relevance", seed=3, samples=400),
        interval(GOLD[many], SAID[many], "relevance", seed=3, samples=400),
    )
    assert few.low <= few.value <= few.high
    assert wide.low <= wide.value <= wide.high
    assert wide.high - wide.low < few.high - few.low
    assert few == interval(GOLD, SAID, "relevance", seed=3, samples=400)


def test_groups_are_measured_apart_with_their_support() -> None:
    found = table(GOLD, SAID, ["en", "en", "es", "es"], seed=1, samples=50)
    assert set(found) == {"all", "en", "es"}
    assert set(found["all"]) == set(MEASURES)
    assert found["en"]["relevance"].support == 2
    assert found["en"]["relevance"].value == pytest.approx(2 / 3)


def test_a_target_is_addressed_from_the_threshold_on_and_gets_its_likeliest_side() -> None:
    stance = np.array([[[0.3, 0.1, 0.4, 0.2], [0.6, 0.4, 0.0, 0.0]]], np.float32)
    said = decide(np.array([0.5], np.float32), np.array([[0.4]], np.float32), stance, Thresholds(0.5, 0.41, 0.6, 0.1))
    assert said.relevance.tolist() == [True]
    assert said.topics.tolist() == [[False]]
    assert said.stance.tolist() == [[2, 0]]
