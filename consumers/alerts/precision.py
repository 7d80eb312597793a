"""How often each rule was right, by its readers' verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Any

from consumers.archive import Client, refresh, search
from schemas.alert import Verdict
from schemas.alert_queries import verdicts

Z95 = 1.959964
"""The normal deviate that leaves 2.5 % on each side."""


@dataclass(frozen=True)
class Precision:
    """Of one rule: its alerts, the verdicts on them, and the share that was right with its 95 % interval."""

    rule_id: str
    alerts: int
    right: int
    not_relevant: int
    wrong_stance: int

    @property
    def judged(self) -> int:
        """Alerts that were given a verdict."""
        return self.right + self.not_relevant + self.wrong_stance

    @property
    def share(self) -> float | None:
        """Those that were right, of those judged; None when none was."""
        return self.right / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share lies with a probability of 95 %."""
        return wilson(self.right, self.judged)


def wilson(successes: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """The score interval of a proportion (Wilson 1927): it stays within 0 and 1, and says something of few trials."""
    if trials == 0:
        return 0.0, 1.0
    share, noise = successes / trials, z * z / trials
    middle = (share + noise / 2) / (1 + noise)
    half = z * sqrt(share * (1 - share) / trials + noise / (4 * trials)) / (1 + noise)
    return max(0.0, middle - half), min(1.0, middle + half)


def precision(es: Client, since: datetime | None = None) -> list[Precision]:
    """Of each rule that has made alerts (since a moment), those judged most first. Raises Unavailable."""
    refresh(es, es.indices.alerts)
    body = verdicts(None if since is None else int(since.timestamp() * 1000))
    answer = search(es, body, index=es.indices.alerts)
    buckets = answer.get("aggregations", {}).get("rules", {}).get("buckets", [])
    found = [_of(bucket["key"], bucket["doc_count"], bucket["verdicts"]["buckets"]) for bucket in buckets]
    return sorted(found, key=lambda p: (-p.judged, p.rule_id))


def _of(rule_id: str, alerts: int, buckets: list[Mapping[str, Any]]) -> Precision:
    counts = {bucket["key"]: bucket["doc_count"] for bucket in buckets}
    return Precision(
        rule_id,
        alerts,
        counts.get(Verdict.RIGHT, 0),
        counts.get(Verdict.NOT_RELEVANT, 0),
        counts.get(Verdict.WRONG_STANCE, 0),
    )
