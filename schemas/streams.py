"""The Kafka topics, called streams since a `topic` is a classifier's label: what each carries, how it is keyed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from schemas.alert import Alert
from schemas.article import Article
from schemas.classification import Classification, Indexed
from schemas.deadletter import DeadLetter, LetterMark
from schemas.ops import OpsAlert

M = TypeVar("M", bound=BaseModel)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True)
class Stream(Generic[M]):
    """One stream: its name on the broker, the message it carries, and the key that orders messages.

    `retention_ms` is -1 for ever. `partitions` is what `ensure` creates; more may be added to `news.articles` only,
    since what follows the classifier is keyed by the beat.
    """

    name: str
    model: type[M]
    key: Callable[[M], str]
    partitions: int
    retention_ms: int
    max_bytes: int = 2_000_000


ARTICLES = Stream("news.articles", Article, lambda a: a.article_id, partitions=12, retention_ms=30 * DAY_MS)
CLASSIFIED = Stream("news.classified", Classification, lambda c: c.beat, partitions=1, retention_ms=30 * DAY_MS)
OFFBEAT = Stream("news.offbeat", Classification, lambda c: c.article_id, partitions=1, retention_ms=3 * DAY_MS)
INDEXED = Stream("news.indexed", Indexed, lambda i: i.beat, partitions=1, retention_ms=7 * DAY_MS)
ALERTS = Stream("news.alerts", Alert, lambda a: a.alert_id, partitions=1, retention_ms=30 * DAY_MS)
OPS = Stream("news.ops", OpsAlert, lambda o: o.source, partitions=1, retention_ms=30 * DAY_MS)
DEADLETTER = Stream(
    "news.deadletter", DeadLetter, lambda d: d.stage, partitions=1, retention_ms=-1, max_bytes=8_000_000
)
DEADMARKS = Stream(
    "news.deadletter.marks", LetterMark, lambda m: f"{m.partition}-{m.offset}", partitions=1, retention_ms=-1
)

STREAMS: tuple[
    Stream[Article]
    | Stream[Classification]
    | Stream[Indexed]
    | Stream[Alert]
    | Stream[OpsAlert]
    | Stream[DeadLetter]
    | Stream[LetterMark],
    ...,
] = (
    ARTICLES,
    CLASSIFIED,
    OFFBEAT,
    INDEXED,
    ALERTS,
    OPS,
    DEADLETTER,
    DEADMARKS,
)
"""Every stream, in the order in which a piece meets them."""
