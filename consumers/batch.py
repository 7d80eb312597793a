"""What the loop decides without a broker: how much to take at once, and how far a batch may be committed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from consumers.outcome import Done, Outcome, Poison, Retry
from schemas.traceparent import Headers, Trace, follow


@dataclass(frozen=True)
class Record:
    """A message as it lies on the broker; `at_ms` is when it came to lie there, 0 when unknown."""

    stream: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    at_ms: int = 0

    @cached_property
    def trace(self) -> Trace:
        """This worker's step on the message's way; what comes of it carries the same trace id."""
        return follow(self.headers)

    @property
    def size(self) -> int:
        """Bytes of the value."""
        return len(self.value or b"")


@dataclass(frozen=True)
class Plan:
    """What may be finished now, and where each partition stands then.

    `finished` are the messages that need no further reading, in order; `commit` and `rewind` give offsets by
    partition: the next message to read after a restart, and where to read on at once. `reasons` say why again.
    """

    finished: tuple[tuple[Record, Done | Poison], ...]
    commit: dict[int, int]
    rewind: dict[int, int]
    reasons: tuple[str, ...]


def take(records: Sequence[Record], *, messages: int, size: int) -> tuple[Sequence[Record], dict[int, int]]:
    """The first records within both limits, at least one; and by partition the first offset that was left."""
    total, count = 0, 0
    for record in records[:messages]:
        total += record.size
        if count and total > size:
            break
        count += 1
    left: dict[int, int] = {}
    for record in records[count:]:
        left.setdefault(record.partition, record.offset)
    return records[:count], left


def plan(records: Sequence[Record], outcomes: Sequence[Outcome]) -> Plan:
    """Finish each partition up to its first Retry; what comes after that is read again, whatever its outcome."""
    finished: list[tuple[Record, Done | Poison]] = []
    commit: dict[int, int] = {}
    rewind: dict[int, int] = {}
    reasons: dict[str, None] = {}
    for record, outcome in zip(records, outcomes, strict=True):
        if isinstance(outcome, Retry):
            rewind.setdefault(record.partition, record.offset)
            reasons[outcome.reason] = None
        elif record.partition not in rewind:
            finished.append((record, outcome))
            commit[record.partition] = max(record.offset + 1, commit.get(record.partition, 0))
    return Plan(tuple(finished), commit, rewind, tuple(reasons))
