"""When to ask a sick sink again: waits that double, with jitter, until something works."""

import random
from dataclasses import dataclass, field


@dataclass
class Breaker:
    """Counts failures in a row; each one makes the next wait longer, a success makes them short again.

    A wait lies between half of and the full `first_s * 2**failures`, never above `max_s` (exponential backoff with
    equal jitter, so that many workers don't return at the same moment). Times are seconds of any monotonic clock.
    """

    first_s: float
    max_s: float
    rng: random.Random = field(default_factory=random.Random)
    failures: int = 0
    until: float = 0.0

    def trip(self, now: float) -> float:
        """Something failed: no new try before the wait returned is over."""
        full = min(self.max_s, self.first_s * 2.0 ** min(self.failures, 30))
        wait = full * (0.5 + self.rng.random() / 2)
        self.failures += 1
        self.until = now + wait
        return wait

    def reset(self) -> None:
        """Something worked."""
        self.failures, self.until = 0, 0.0

    def open(self, now: float) -> bool:
        """Whether the wait still lasts."""
        return now < self.until
