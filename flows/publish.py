"""The flows' only door to Kafka: make sure that streams exist, send to them, and read them again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from types import TracebackType
from typing import Any, Self, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.codec import has_lz4, has_zstd
from kafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAlreadyExistsError,
)
from pydantic import BaseModel

from schemas.brokerlog import explained
from schemas.errors import Unavailable
from schemas.settings import KafkaSettings
from schemas.streams import STREAMS, Stream
from schemas.traceparent import Headers, begin
from schemas.wire import encode

M = TypeVar("M", bound=BaseModel)
K = TypeVar("K", str, bytes | None)

CONNECT_MS = 10_000
DELIVERY_MS = 60_000
"""How long a message is tried before its send fails; the flow that sent it will come again."""

OVERHEAD_BYTES = 512
"""Kept free for what the protocol adds to a message."""

POLL_MS = 500

COMPRESSION = "zstd" if has_zstd() else "lz4" if has_lz4() else "gzip"
TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


@dataclass(frozen=True)
class Receipt:
    """What became of what was sent: keys that the broker acknowledged, keys that it will never take and why."""

    acked: tuple[str, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """A message as it lies on a stream."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


def ensure(kafka: KafkaSettings, streams: Iterable[Stream[Any]] = STREAMS) -> list[str]:
    """Create the streams that are missing, with their partitions, retention and message size; the names created.

    What exists is left as it is. Raises Unavailable when the broker is away.
    """
    wanted = {stream.name: stream for stream in streams}
    try:
        with explained(tls=kafka.is_tls, sasl=kafka.is_sasl):
            admin = KafkaAdminClient(**kafka.client_options(), bootstrap_timeout_ms=CONNECT_MS)
    except (KafkaError, OSError) as error:
        raise _away(kafka, error) from None
    try:
        missing = sorted(set(wanted) - set(admin.list_topics()))
        for name in missing:
            _create(admin, kafka, wanted[name])
    except (KafkaError, OSError) as error:
        raise _away(kafka, error) from None
    else:
        return missing
    finally:
        admin.close()


def depth(kafka: KafkaSettings, stream: Stream[Any]) -> int:
    """How many messages the stream has ever taken (those that its retention has dropped included).

    Raises Unavailable when the broker is away or the stream is missing.
    """
    with _offsets(kafka) as consumer:
        return sum(_ends(consumer, stream).values())


def lag(kafka: KafkaSettings, group: str, stream: Stream[Any]) -> int:
    """How many of the stream's messages the consumer group has not done with, of those that are still there.

    Raises Unavailable when the broker is away or the stream is missing.
    """
    with _offsets(kafka, group_id=group) as consumer:
        ends = _ends(consumer, stream)
        starts = consumer.beginning_offsets(list(ends))
        return sum(end - max(consumer.committed(part) or 0, starts[part]) for part, end in ends.items())


def span(kafka: KafkaSettings, stream: Stream[Any], *, since_ms: int | None = None) -> dict[int, tuple[int, int]]:
    """Of each partition, the offset of the first message (since a time, ms since the epoch) and that after the last.

    Raises Unavailable when the broker is away or the stream is missing.
    """
    with _offsets(kafka) as consumer:
        ends = _ends(consumer, stream)
        starts = consumer.beginning_offsets(list(ends))
        if since_ms is not None:
            found = consumer.offsets_for_times(dict.fromkeys(ends, since_ms))
            starts = {part: found[part].offset if found.get(part) else end for part, end in ends.items()}
        return {part.partition: (starts[part], end) for part, end in ends.items()}


def reread(kafka: KafkaSettings, stream: str, spans: Mapping[int, tuple[int, int]]) -> Iterator[list[Record]]:
    """The messages between the offsets of each partition, batch by batch; ends when all were read. Raises Unavailable.

    What retention drops meanwhile is passed over.
    """
    wanted = {TopicPartition(stream, number): bounds for number, bounds in spans.items() if bounds[0] < bounds[1]}
    if not wanted:
        return
    with _offsets(kafka, auto_offset_reset="earliest") as consumer:
        consumer.assign(list(wanted))
        for part, (start, _) in wanted.items():
            consumer.seek(part, start)
        waited = 0
        while any(consumer.position(part) < end for part, (_, end) in wanted.items()):
            found = consumer.poll(timeout_ms=POLL_MS)
            waited = 0 if found else waited + 1
            if waited * POLL_MS > DELIVERY_MS:
                raise Unavailable("kafka", f"{stream} gives nothing more before its end")
            records = [
                Record(part.partition, record.offset, record.key, record.value, tuple(record.headers))
                for part, batch in found.items()
                for record in batch
                if record.offset < wanted[part][1]
            ]
            if records:
                yield records


@contextmanager
def _offsets(kafka: KafkaSettings, **options: Any) -> Iterator[KafkaConsumer]:
    """A consumer that reads offsets only: it subscribes to nothing and commits nothing."""
    try:
        with explained(tls=kafka.is_tls, sasl=kafka.is_sasl):
            consumer = KafkaConsumer(
                **kafka.client_options(), **options, enable_auto_commit=False, bootstrap_timeout_ms=CONNECT_MS
            )
    except (KafkaError, OSError) as error:
        raise _away(kafka, error) from None
    try:
        yield consumer
    except (KafkaError, OSError) as error:
        raise _away(kafka, error) from None
    finally:
        consumer.close(autocommit=False)


def _partitions(consumer: KafkaConsumer, stream: Stream[Any]) -> list[TopicPartition]:
    numbers = consumer.partitions_for_topic(stream.name)
    if not numbers:
        raise Unavailable("kafka", f"there is no stream {stream.name}")
    return [TopicPartition(stream.name, number) for number in sorted(numbers)]


def _ends(consumer: KafkaConsumer, stream: Stream[Any]) -> dict[TopicPartition, int]:
    ends: dict[TopicPartition, int] = consumer.end_offsets(_partitions(consumer, stream))
    return ends


class Publisher:
    """Sends to streams; a context manager that connects on entry. Every message is acknowledged, refused or raised.

    The producer is idempotent and waits for all in-sync replicas, so that its own retries add no message.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._producer: KafkaProducer | None = None
        self._failure: Unavailable | None = None
        self._opening, self._sending = Lock(), Lock()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Connect, unless connected. Raises Unavailable."""
        with self._opening:
            if self._producer is None:
                self._producer = self._connected()
            self._failure = None

    def _connected(self) -> KafkaProducer:
        try:
            with explained(tls=self._kafka.is_tls, sasl=self._kafka.is_sasl):
                return KafkaProducer(
                    **self._kafka.client_options(),
                    acks="all",
                    enable_idempotence=True,
                    compression_type=COMPRESSION,
                    allow_auto_create_topics=False,
                    linger_ms=5,
                    batch_size=262_144,
                    max_request_size=max(stream.max_bytes for stream in STREAMS),
                    max_block_ms=CONNECT_MS,
                    bootstrap_timeout_ms=CONNECT_MS,
                    request_timeout_ms=CONNECT_MS,
                    delivery_timeout_ms=DELIVERY_MS,
                )
        except (KafkaError, OSError) as error:
            raise _away(self._kafka, error) from None

    def close(self) -> None:
        """Disconnect; what was not answered yet is given five seconds."""
        with self._opening:
            producer, self._producer = self._producer, None
        if producer is not None:
            producer.close(timeout=5)

    def send(self, stream: Stream[M], items: Sequence[M]) -> Receipt:
        """Send the items and wait until the broker answered for each; several threads may send, in turn.

        A message over the stream's size is refused with the reason. Raises Unavailable when the broker gives no lasting
        answer: some of the items may have arrived, and sending all of them again is harmless. From then on every send
        fails at once until `open` is called again.
        """
        with self._sending:
            refused: dict[str, str] = {}
            fitting: list[tuple[str, bytes]] = []
            for item in items:
                key, value = stream.key(item), encode(item)
                size = len(value) + len(key) + OVERHEAD_BYTES
                if size > stream.max_bytes:
                    refused[key] = f"{size} bytes are over the {stream.max_bytes} that {stream.name} takes"
                else:
                    fitting.append((key, value))
            doubtful = self._sent(stream.name, fitting)
            for key, value in doubtful:
                # kafka-python fails every message under way when the broker finds one too large: ask for each alone
                self.close()
                self.open()
                if self._sent(stream.name, [(key, value)]):
                    refused[key] = "the broker finds it too large"
            if doubtful:
                self.close()
                self.open()
        return Receipt(tuple(key for key, _ in fitting if key not in refused), refused)

    def forward(
        self, stream: str, messages: Sequence[tuple[bytes | None, bytes]], headers: Sequence[Headers] = ()
    ) -> dict[int, str]:
        """Send keys and values as they are; those (by position) that the broker won't take. Raises Unavailable.

        `headers` are each message's own; without them each begins a new way.
        """
        with self._sending:
            refused: dict[int, str] = {}
            if self._sent(stream, messages, headers):
                for position, message in enumerate(messages):
                    self.close()
                    self.open()
                    if self._sent(stream, [message], headers[position : position + 1]):
                        refused[position] = "the broker finds it too large"
                self.close()
                self.open()
        return refused

    def _sent(
        self, stream: str, messages: Sequence[tuple[K, bytes]], headers: Sequence[Headers] = ()
    ) -> list[tuple[K, bytes]]:
        """Send the messages; those that failed since one of them is too large. Raises Unavailable."""
        producer = self._producer
        if producer is None:
            raise self._failure or Unavailable("kafka", "the publisher is not open")
        doubtful: list[tuple[K, bytes]] = []
        try:
            own = headers or [(begin().header(),) for _ in messages]
            answers = [
                producer.send(
                    stream, value=value, key=key.encode() if isinstance(key, str) else key, headers=list(carried)
                )
                for (key, value), carried in zip(messages, own, strict=True)
            ]
            for message, answer in zip(messages, answers, strict=True):
                try:
                    answer.get(timeout=DELIVERY_MS / 1000 + 5)
                except TOO_LARGE:
                    doubtful.append(message)
        except (KafkaError, OSError) as error:
            # a producer whose send failed may have lost its place in the sequence
            self._failure = _away(self._kafka, error)
            self.close()
            raise self._failure from None
        return doubtful


def _create(admin: KafkaAdminClient, kafka: KafkaSettings, stream: Stream[Any]) -> None:
    settings = {
        "num_partitions": stream.partitions,
        "replication_factor": kafka.replication,
        "configs": {"retention.ms": str(stream.retention_ms), "max.message.bytes": str(stream.max_bytes)},
    }
    try:
        admin.create_topics({stream.name: settings}, timeout_ms=CONNECT_MS, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        # somebody else saw it missing too
        return


def _away(kafka: KafkaSettings, error: Exception) -> Unavailable:
    servers = ", ".join(kafka.servers)
    return Unavailable("kafka", f"{type(error).__name__} from {servers}: {error}"[:500])
