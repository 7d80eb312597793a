"""What reading asks of a model, whichever runs it."""

from collections.abc import Sequence
from typing import Protocol

from consumers.classifier.decide import Thresholds
from consumers.classifier.described import Described
from consumers.classifier.manifest import Threshold
from consumers.classifier.model import Scores
from consumers.classifier.whole import Heads
from schemas.classification import ModelRef


class Terms(Protocol):
    """What a model reads, and from which probabilities on its labels hold."""

    @property
    def languages(self) -> Sequence[str]:
        """The languages that it reads."""

    @property
    def threshold(self) -> Threshold:
        """From which probabilities on labels hold, and the gate's."""

    @property
    def thresholds(self) -> Thresholds:
        """The same as the pure functions take them."""


class Scorer(Protocol):
    """A model, loaded and ready."""

    @property
    def manifest(self) -> Terms:
        """What it reads, and its thresholds."""

    @property
    def ref(self) -> ModelRef:
        """Which model it is."""

    @property
    def heads(self) -> Heads:
        """From passages to the piece."""

    @property
    def described(self) -> Sequence[Described]:
        """The targets that it is asked of in words, in the order of `Scores.open`."""

    def score(self, passages: Sequence[str]) -> Scores:
        """Probabilities of each passage."""
