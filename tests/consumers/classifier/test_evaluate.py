"""The arithmetic of the figures."""

import numpy as np
import pytest

from consumers.classifier.decide import Labels, Thresholds, decide
from consumers.classifier.evaluate import (
    MEASURES,
    Judged,
    addressed_f1,
    calibration_error,
    f1,
    groups,
    per_topic,
    relevance_f1,
    share,
    stance_macro,
    stance_macro_all,
    table,
    topics_macro,
)  # fmt: skip


def labels(relevance: list[int], topics: list[list[int]], stance: list[list[int]]) -> Labels:
    return Labels(np.array(relevance, bool), np.array(topics, bool), np.array(stance, np.int64))


GOLD = labels([1, 1, 0, 0], [[1, 0], [1, 0], [0, 0], [0, 0]], [[1, 0], [2, 0], [3, 2], [0, 0]])
SAID = labels([1, 0, 1, 0], [[1, 1], [0, 0], [0, 0], [0, 0]], [[1, 1], [0, 0], [3, 3], [0, 0]])
PASSED = np.array([1, 0, 1, 1], bool)


def judged(said: Labels = SAID, passed: list[int] | None = None) -> Judged:
    """SAID beside GOLD, sure of everything; were the targets known, the second passage would be rightly `against`."""
    likely = np.array([[1, 1], [2, 1], [3, 3], [1, 1]], np.int64)
    by = PASSED if passed is None else np.array(passed, bool)
    return Judged(GOLD, said, np.ones((4, 2), np.float32), likely, by)


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


def test_the_table_says_what_the_measures_say() -> None:
    row = table(judged(), {}, seed=1, samples=50)["all"]
    assert set(row) == set(MEASURES)
    assert row["relevance"].value == pytest.approx(relevance_f1(GOLD, SAID))
    assert row["topics"].value == pytest.approx(topics_macro(GOLD, SAID))
    assert row["addressed"].value == pytest.approx(addressed_f1(GOLD, SAID))
    assert row["stance"].value == pytest.approx(stance_macro(GOLD, SAID))
    assert row["stance_all"].value == pytest.approx(stance_macro_all(GOLD, SAID))
    # addressed pairs with the target known: gold 1 2 3 2, likely 1 2 3 3: favor 1, against 2/3, neutral 2/3
    assert row["side"].value == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert row["gate_recall"].value == 0.5
    assert row["gate_recall"].support == 2


def test_perfect_labels_score_one_everywhere_and_err_nowhere() -> None:
    whole = Judged(GOLD, GOLD, np.ones((4, 2), np.float32), GOLD.stance, np.ones(4, bool))
    for group in table(whole, groups(["en", "es", "en", "es"], ["wire"] * 4, [()] * 4), seed=1, samples=50).values():
        for name, figure in group.items():
            assert np.isnan(figure.value) or figure.value == (0 if name == "stance_error" else 1)


def test_the_interval_holds_the_value_narrows_with_passages_and_is_the_same_for_a_seed() -> None:
    many = np.tile(np.arange(4), 100)
    few, wide = (table(one, {}, seed=3, samples=400)["all"]["relevance"] for one in (judged(), judged()[many]))
    assert few.low <= few.value <= few.high
    assert wide.low <= wide.value <= wide.high
    assert wide.high - wide.low < few.high - few.low
    assert few == table(judged(), {}, seed=3, samples=400)["all"]["relevance"]


def test_groups_are_languages_registers_and_hard_tags_with_their_support() -> None:
    rows = groups(
        ["en", "en", "es", "es"], ["wire", "wire", "opinion", "wire"], [("irony",), (), ("irony", "quoted"), ()]
    )
    found = table(judged(), rows, seed=1, samples=50)
    assert set(found) == {"all", "en", "es", "register:opinion", "register:wire", "hard:irony", "hard:quoted"}
    assert found["en"]["relevance"].support == 2
    assert found["en"]["relevance"].value == pytest.approx(2 / 3)
    assert found["hard:irony"]["relevance"].support == 1


def test_calibration_is_the_gap_between_said_and_seen_without_the_bias_of_few_answers() -> None:
    chance = np.random.default_rng(4)
    sure = chance.uniform(0.4, 1, 6000).astype(np.float32)
    honest = chance.random(6000) < sure
    boastful = chance.random(6000) < sure - 0.2
    assert calibration_error(sure, honest) < 0.02
    assert calibration_error(sure, boastful) == pytest.approx(0.2, abs=0.02)
    # 300 honest answers: the plain estimate would be about the noise of a bin of 20, 0.1
    few = [calibration_error(sure[at : at + 300], honest[at : at + 300]) for at in range(0, 6000, 300)]
    assert float(np.mean(few)) < 0.05
    assert np.isnan(calibration_error(sure[:1], honest[:1]))


def test_a_share_has_its_interval() -> None:
    figure = share(np.array([1, 0, 1, 1] * 50, dtype=np.float64), seed=1, samples=300)
    assert figure.value == 0.75
    assert 0.65 < figure.low < 0.75 < figure.high < 0.85
    assert figure.support == 200


def test_a_target_is_addressed_from_the_threshold_on_and_gets_its_likeliest_side() -> None:
    stance = np.array([[[0.3, 0.1, 0.4, 0.2], [0.6, 0.4, 0.0, 0.0]]], np.float32)
    said = decide(np.array([0.5], np.float32), np.array([[0.4]], np.float32), stance, Thresholds(0.5, 0.41, 0.6, 0.1))
    assert said.relevance.tolist() == [True]
    assert said.topics.tolist() == [[False]]
    assert said.stance.tolist() == [[2, 0]]
