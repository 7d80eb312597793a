"""Temperatures and thresholds."""

import numpy as np
import pytest

from consumers.classifier.decide import Labels
from consumers.classifier.evaluate import calibration_error
from consumers.classifier.probability import sigmoid, softmax
from consumers.classifier.training.calibrate import logit, temperatures, thresholds

CHANCE = np.random.default_rng(5)
N = 4000


def drawn(heat: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, Labels]:
    """Labels drawn from logits, and those logits as an overconfident model would give them: `heat` times too large."""
    relevance = CHANCE.normal(0, 2, N).astype(np.float32)
    topics = CHANCE.normal(-1, 2, (N, 11)).astype(np.float32)
    stance = CHANCE.normal(0, 2, (N, 5, 4)).astype(np.float32)
    sides = np.array([[CHANCE.choice(4, p=p / p.sum()) for p in row] for row in softmax(stance).astype(float)])
    gold = Labels(CHANCE.random(N) < sigmoid(relevance), CHANCE.random((N, 11)) < sigmoid(topics), sides)
    return relevance * heat, topics * heat, stance * heat, gold


def test_the_temperature_of_an_overconfident_model_is_found() -> None:
    relevance, topics, stance, gold = drawn(2.0)
    found = temperatures(relevance, topics, stance, gold)
    assert found.relevance == pytest.approx(2, rel=0.1)
    assert found.topics == pytest.approx(2, rel=0.05)
    assert found.stance == pytest.approx(2, rel=0.05)
    before, after = sigmoid(topics), sigmoid(topics, found.topics)
    assert calibration_error(after.ravel(), gold.topics.ravel()) < 0.02
    assert calibration_error(before.ravel(), gold.topics.ravel()) > 0.05


def test_logit_undoes_sigmoid() -> None:
    values = np.linspace(-8, 8, 33, dtype=np.float32)
    assert np.allclose(logit(sigmoid(values)), values, atol=1e-2)


def test_the_gate_lets_every_relevant_passage_through_with_room_to_spare() -> None:
    relevance = np.array([0.9, 0.3, 0.05, 0.02], np.float32)
    gold = Labels(np.array([1, 1, 0, 0], bool), np.zeros((4, 11), bool), np.zeros((4, 5), np.int64))
    stance = np.tile(np.eye(4, dtype=np.float32)[0], (4, 5, 1))
    found = thresholds(relevance, np.zeros((4, 11), np.float32), stance, gold)
    assert found.gate == pytest.approx(0.15)
    assert 0.05 < found.relevance <= 0.3
