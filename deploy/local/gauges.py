"""What the workers of the embedded stack measure, read from their /metrics and put into figures for `vigia top`."""

import http.client
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from deploy.local.state import PartState

_ANSWER_S: Final = 3.0

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Reading:
    """Every sample of one process at one moment (seconds of a monotonic clock): name -> labels -> value."""

    at: float
    samples: Mapping[str, Mapping[Labels, float]]

    def total(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name that have these labels."""
        wanted = labels.items()
        return sum(value for found, value in self.samples.get(name, {}).items() if wanted <= found)

    def by(self, name: str, label: str) -> dict[str, float]:
        """The sums of the samples of that name by one label."""
        sums: dict[str, float] = {}
        for found, value in self.samples.get(name, {}).items():
            key = dict(found).get(label, "")
            sums[key] = sums.get(key, 0.0) + value
        return sums


@dataclass(frozen=True)
class Figures:
    """One worker in figures; None where there is nothing to say yet. Times are seconds.

    `rate` (messages a second), `hop_p95` and `age_p95` are of the time between two readings, the rest since it started.
    """

    lag: int | None = None
    rate: float | None = None
    hop_p95: float | None = None
    age_p95: float | None = None
    batch: float | None = None
    done: int = 0
    retries: int = 0
    dead: int = 0
    errors: tuple[tuple[str, int], ...] = ()
    paused: bool = False
    token_us: float | None = None


@dataclass(frozen=True)
class Row:
    """A part as it is now; `memory` in bytes, `figures` of workers that answer alone."""

    part: PartState
    memory: int
    figures: Figures | None = None


def read(port: int) -> Reading | None:
    """What the worker at this port of 127.0.0.1 says; None when it doesn't."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_S)
    try:
        link.request("GET", "/metrics")
        answer = link.getresponse()
        text = answer.read().decode() if answer.status == 200 else None
    except (OSError, http.client.HTTPException, UnicodeDecodeError):
        return None
    finally:
        link.close()
    return None if text is None else parse(text, time.monotonic())


def parse(text: str, at: float) -> Reading | None:
    """A page of Prometheus' text format; None when it is none."""
    samples: dict[str, dict[Labels, float]] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    except ValueError:
        return None
    return Reading(at, samples)


def figures(before: Reading | None, now: Reading) -> Figures:
    """The figures of a worker from two readings of it, or from the only one."""
    lags = now.samples.get("vigia_lag_messages", {})
    tokens = now.total("vigia_model_tokens_total")
    batches = now.total("vigia_batch_messages_count")
    errors = sorted(now.by("vigia_dead_letters_total", "error").items(), key=lambda found: -found[1])
    return Figures(
        lag=round(sum(lags.values())) if lags else None,
        rate=_rate(before, now),
        hop_p95=_quantile(before, now, "vigia_hop_seconds"),
        age_p95=_quantile(before, now, "vigia_age_seconds"),
        batch=now.total("vigia_batch_messages_sum") / batches if batches else None,
        done=round(now.total("vigia_messages_total", outcome="done")),
        retries=round(now.total("vigia_retries_total")),
        dead=round(now.total("vigia_dead_letters_total")),
        errors=tuple((name, round(count)) for name, count in errors if count),
        paused=now.total("vigia_paused") > 0,
        token_us=1e6 * now.total("vigia_model_seconds_total") / tokens if tokens else None,
    )


def _rate(before: Reading | None, now: Reading) -> float | None:
    if before is None or now.at <= before.at:
        return None
    # a worker that was started again counts from 0
    grown = now.total("vigia_messages_total") - before.total("vigia_messages_total")
    return max(0.0, grown) / (now.at - before.at)


def _quantile(before: Reading | None, now: Reading, name: str, share: float = 0.95) -> float | None:
    """The bucket's upper bound under which that share of the observations between the readings lie."""
    since = before.by(f"{name}_bucket", "le") if before is not None else {}
    counts = {float(le): count - since.get(le, 0.0) for le, count in now.by(f"{name}_bucket", "le").items()}
    if not counts or counts.get(math.inf, 0.0) <= 0:
        return None
    wanted = share * counts[math.inf]
    return min(le for le, count in counts.items() if count >= wanted)


def workers(parts: Iterable[PartState], stages: Iterable[str]) -> list[PartState]:
    """Those of the parts that are workers of these stages and may answer: classify, classify-2, …"""
    known = set(stages)
    return [p for p in parts if p.name.partition("-")[0] in known and p.port is not None and p.pid is not None]
