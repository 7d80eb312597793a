"""What a worker counts and measures, for Prometheus: every name is here, and `/metrics` beside `/healthz` shows them.

Labels are few and bounded: the stage, a partition, a step, an outcome, an error's class; never a piece or a source.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from pydantic import BaseModel

from consumers.batch import Plan, Record
from consumers.outcome import Done
from schemas.alert import Alert
from schemas.article import Article, Lane
from schemas.classification import Classification, Indexed

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_AGES = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400)
_COUNTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_BYTES = (1e3, 1e4, 1e5, 2.5e5, 5e5, 1e6, 2e6, 4e6, 8e6)

MESSAGES = Counter("vigia_messages", "Messages that need no further reading", ("stage", "outcome"), registry=REGISTRY)
EMITTED = Counter("vigia_emitted", "Messages acknowledged by another stream", ("stage", "stream"), registry=REGISTRY)
RETRIES = Counter("vigia_retries", "Batches of which something is read again", ("stage",), registry=REGISTRY)
DEAD = Counter("vigia_dead_letters", "Messages given up, by the error's class", ("stage", "error"), registry=REGISTRY)
REPLAYED = Counter("vigia_replayed", "Messages that came back from the dead letters", ("stage",), registry=REGISTRY)
BATCH_MESSAGES = Histogram(
    "vigia_batch_messages", "Messages of a batch", ("stage",), buckets=_COUNTS, registry=REGISTRY
)
BATCH_BYTES = Histogram("vigia_batch_bytes", "Bytes of a batch's values", ("stage",), buckets=_BYTES, registry=REGISTRY)
STEP_SECONDS = Histogram(
    "vigia_step_seconds",
    "One step of the loop: gather, handle, effect, commit, tick",
    ("stage", "step"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
HOP_SECONDS = Histogram(
    "vigia_hop_seconds",
    "From the moment a message lay on its stream until it was committed",
    ("stage",),
    buckets=_SECONDS,
    registry=REGISTRY,
)
AGE_SECONDS = Histogram(
    "vigia_age_seconds",
    "From the reading of a fresh piece until this stage was done with it",
    ("stage",),
    buckets=_AGES,
    registry=REGISTRY,
)
LAG = Gauge("vigia_lag_messages", "Messages that lie ahead on a partition", ("stage", "partition"), registry=REGISTRY)
JOINED = Gauge("vigia_joined", "1 while the worker belongs to its consumer group", ("stage",), registry=REGISTRY)
PAUSED = Gauge("vigia_paused", "1 while it waits for a sick sink or broker", ("stage",), registry=REGISTRY)
MODEL_SECONDS = Counter("vigia_model_seconds", "Time in the model's forward passes", registry=REGISTRY)
MODEL_TOKENS = Counter("vigia_model_tokens", "Tokens that the model has read, without padding", registry=REGISTRY)


def page() -> bytes:
    """All of it in Prometheus' text format."""
    return generate_latest(REGISTRY)


def names() -> list[str]:
    """The name of every metric of ours, as documents and dashboards write it."""
    return sorted(
        family.name + ("_total" if family.type == "counter" else "")
        for family in REGISTRY.collect()
        if family.name.startswith("vigia_")
    )


def model_ran(seconds: float, tokens: int) -> None:
    """The model has made one forward pass."""
    MODEL_SECONDS.inc(seconds)
    MODEL_TOKENS.inc(tokens)


def observed_ms(message: BaseModel) -> int | None:
    """When the piece that a message is about was read, ms since the epoch; None for what no one waits for."""
    match message:
        case Article():
            return message.observed_at_ms if message.lane is Lane.FRESH else None
        case Classification():
            return observed_ms(message.article)
        case Indexed():
            return message.version // 1000
        case Alert():
            return message.observed_at_ms
        case _:
            return None


@dataclass
class Meter:
    """What the loop of one stage tells."""

    stage: str
    partitions: set[int] = field(default_factory=set)

    def step(self, name: str) -> AbstractContextManager[object]:
        """Measures the time of a block."""
        return STEP_SECONDS.labels(self.stage, name).time()

    def gather_took(self, seconds: float) -> None:
        """From the first message of a batch to the last."""
        STEP_SECONDS.labels(self.stage, "gather").observe(seconds)

    def gathered(self, records: Sequence[Record], replayed: int) -> None:
        """A batch was taken; so many of it came back from the dead letters."""
        BATCH_MESSAGES.labels(self.stage).observe(len(records))
        BATCH_BYTES.labels(self.stage).observe(sum(record.size for record in records))
        REPLAYED.labels(self.stage).inc(replayed)

    def emitted(self, stream: str) -> None:
        """Another stream acknowledged a message."""
        EMITTED.labels(self.stage, stream).inc()

    def dead(self, error: str) -> None:
        """A message became a dead letter."""
        DEAD.labels(self.stage, error).inc()

    def committed(self, decided: Plan, dead: int, messages: Mapping[Record, BaseModel], now_ms: int) -> None:
        """A batch is over: what was finished, what is read again."""
        MESSAGES.labels(self.stage, "dead").inc(dead)
        MESSAGES.labels(self.stage, "done").inc(len(decided.finished) - dead)
        RETRIES.labels(self.stage).inc(1 if decided.rewind else 0)
        for record, outcome in decided.finished:
            if record.at_ms:
                HOP_SECONDS.labels(self.stage).observe(max(0, now_ms - record.at_ms) / 1000)
            read = observed_ms(messages[record]) if isinstance(outcome, Done) and record in messages else None
            if read is not None:
                AGE_SECONDS.labels(self.stage).observe(max(0, now_ms - read) / 1000)

    def turned(self, *, joined: bool, paused: bool, lags: Mapping[int, int]) -> None:
        """The loop went round; `lags` are the messages ahead of it by the partitions that it holds."""
        JOINED.labels(self.stage).set(joined)
        PAUSED.labels(self.stage).set(paused)
        for number in self.partitions - set(lags):
            LAG.remove(self.stage, str(number))
        self.partitions = set(lags)
        for number, lag in lags.items():
            LAG.labels(self.stage, str(number)).set(lag)
