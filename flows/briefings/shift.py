"""Whether a mean stance moved by more than its noise: Welch's t over two samples; pure.

B. L. Welch, "The generalization of 'Student's' problem when several different population variances are involved",
Biometrika 34 (1947). Since many outlets and voices are compared at once, little is believed: at least three on either
side, a step that a reader would notice, and more than 2.6 standard errors (one in a hundred, were they normal).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from schemas.taxonomy import Target

FEWEST = 3
STEP = 0.3
"""On the scale from -1 (against) to 1 (in favor)."""

ERRORS = 2.6
LEAST_VARIANCE = 0.04
"""Three equal scores don't mean that the fourth would be the same: no sample is taken to spread less than 0.2."""


@dataclass(frozen=True)
class Sample:
    """So many signed scores, their mean and (population) variance."""

    count: int
    mean: float
    variance: float

    @property
    def squared_error(self) -> float:
        """Of the mean, from the sample's unbiased variance."""
        unbiased = self.variance * self.count / (self.count - 1) if self.count > 1 else 1.0
        return max(unbiased, LEAST_VARIANCE) / self.count


@dataclass(frozen=True)
class Shift:
    """Somebody's mean stance on a target moved from `before` to `now`, by `errors` standard errors.

    `counted` are the samples' pieces, or of a voice its stories.
    """

    who: str
    target: Target
    before: Sample
    now: Sample
    errors: float
    counted: Literal["pieces", "stories"] = "pieces"


def shift(before: Sample, now: Sample) -> float | None:
    """By how many standard errors the mean moved, or None when that is no more than noise."""
    if min(before.count, now.count) < FEWEST or abs(now.mean - before.mean) < STEP:
        return None
    errors = abs(now.mean - before.mean) / math.sqrt(before.squared_error + now.squared_error)
    return errors if errors >= ERRORS else None


def shifts(
    compared: Iterable[tuple[str, Target, Sample, Sample]], counted: Literal["pieces", "stories"] = "pieces"
) -> tuple[Shift, ...]:
    """Those who moved, of (who, target, before, now), the surest first."""
    found = [
        Shift(who, target, before, now, errors, counted)
        for who, target, before, now in compared
        if (errors := shift(before, now)) is not None
    ]
    return tuple(sorted(found, key=lambda one: (-one.errors, one.who, one.target)))
