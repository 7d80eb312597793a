"""How many alerts are told at once: the rest is held, and told in one message; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.settings import ThrottleSettings


@dataclass(frozen=True)
class Told:
    """An alert that one reader was told by one channel at a moment."""

    target: str
    at: datetime
    rule_id: str
    outlet: str


def held_until(
    target: str, rule_id: str, outlet: str, told: Sequence[Told], limits: ThrottleSettings, now: datetime
) -> datetime | None:
    """Until when the next alert of that rule and outlet waits for a target; None when it may be told at once.

    What was told within the window counts, against the limit per rule, per source (outlet) and overall. All that a
    flood brings waits for the same moment: when the first of those told leaves the window.
    """
    window = timedelta(seconds=limits.window_s)
    recent = [t for t in told if t.target == target and t.at > now - window]
    waits = [
        min(t.at for t in counted) + window
        for counted, limit in (
            ([t for t in recent if t.rule_id == rule_id], limits.per_rule),
            ([t for t in recent if t.outlet == outlet], limits.per_source),
            (recent, limits.overall),
        )
        if limit is not None and len(counted) >= limit
    ]
    return max(waits, default=None)
