"""Logits to probabilities. Pure."""

import numpy as np

from consumers.classifier.decide import Floats


def sigmoid(logits: Floats, temperature: float = 1.0) -> Floats:
    """The logistic function of logits / temperature, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits / temperature)), dtype=np.float32)


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities over the last axis of logits / temperature."""
    raised = np.exp((logits - logits.max(-1, keepdims=True)) / temperature)
    return np.asarray(raised / raised.sum(-1, keepdims=True), dtype=np.float32)
