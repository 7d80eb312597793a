"""Whether a consumer has stalled: messages lie ahead of it, it asks for them, and nothing comes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Watchdog:
    """Remembers since when each partition has stood still with messages ahead; times are seconds of one clock."""

    limit_s: float
    standing: dict[int, tuple[int, float]] = field(default_factory=dict)

    def stalled(self, positions: Mapping[int, int], ends: Mapping[int, int], now: float) -> list[int]:
        """The partitions that have not moved for `limit_s` although `ends` (the next offset written) lies ahead."""
        behind = {p: at for p, at in positions.items() if at < ends.get(p, 0)}
        self.standing = {
            p: self.standing[p] if p in self.standing and self.standing[p][0] == at else (at, now)
            for p, at in behind.items()
        }
        return [p for p, (_, since) in self.standing.items() if now - since >= self.limit_s]

    def reset(self) -> None:
        """Messages came, or none were asked for."""
        self.standing = {}
