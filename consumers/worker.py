"""The loop that every worker runs, and the consumers' only door to Kafka: poll, decode, handle, emit, commit.

Offsets are committed only when every effect is acknowledged, each partition up to its first Retry; the loop then reads
on from there. What can't be processed goes to the dead letters with its untouched bytes.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import Any, TypeVar

import structlog
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import (
    KafkaConfigurationError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
)
from kafka.structs import MemberState, OffsetAndMetadata
from pydantic import BaseModel

from consumers import faults
from consumers.batch import Plan, Record, plan, take
from consumers.breaker import Breaker
from consumers.handling import dead_letter, outcomes_of, read, replays_of
from consumers.health import STUCK_S, Health
from consumers.metrics import Meter
from consumers.outcome import Done, Emit, Poison
from consumers.stages import Opened, Stage
from consumers.tracing import tracing
from consumers.watchdog import Watchdog
from schemas.brokerlog import explained
from schemas.errors import ConfigError, Unavailable, VigiaError
from schemas.redact import Redactor, redactor_of
from schemas.settings import KafkaSettings, Settings, WorkerSettings
from schemas.streams import STREAMS
from schemas.traceparent import Trace, begin
from schemas.wire import encode

In = TypeVar("In", bound=BaseModel)

log = structlog.get_logger()

POLL_MS = 500
"""How long one poll waits for a first message: also how late a stop is noticed."""

PAUSED_MS = 100
"""How long one poll lasts while consumption is paused."""

ACKNOWLEDGED_S = 60.0
"""How long the broker may take to acknowledge what was sent; then the batch is read again."""

RECONNECT_MS = 5000
"""How long a client waits at most before it looks for a broker that was away."""

CONNECT_MS = 10_000
"""How long a broker is looked for before the reason is told; the loop looks again and again."""

CLOSE_S = 10.0
"""How long leaving the group, and flushing, may take."""


class DeadLettersLost(VigiaError):
    """The dead letters can't be written: the worker stops, as going on would lose a message."""

    def __init__(self, stream: str, reason: str) -> None:
        self.stream, self.reason = stream, reason
        super().__init__(f"{stream} takes no dead letters: {reason}")


SESSION_S = 10.0
"""A worker that is killed is missed after this time; only then are its partitions given to another."""

WATCH_S, STALLED_S = 15.0, 60.0
"""How often an idle loop asks whether messages lie ahead, and for how long they may without coming."""

TOLD_S = 1.0
"""How often the lag is told to the metrics."""

TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


def run(stage: Stage[In], settings: Settings, *, stop: Event, health: Health | None = None) -> None:
    """Read the stage's stream until `stop` is set; then finish the batch in hand and leave the group.

    Sinks and brokers that are away are waited for, with growing pauses. Raises ConfigError when the handler can't be
    opened as configured, and DeadLettersLost rather than skip what can't be kept.
    """
    health = health or Health()
    breaker = Breaker(settings.worker.retry_s, settings.worker.retry_max_s)
    meter, redactor = Meter(stage.name), redactor_of(settings)
    health.redactor = redactor
    with ExitStack() as stack:
        opened = _opened(stage, settings, stack, breaker, health, stop)
        if opened is None:
            return
        health.probe = opened.probe
        while not stop.is_set():
            try:
                with (
                    _consumer(stage, settings.kafka) as consumer,
                    closing(_Sender(settings.kafka, stage.group)) as sender,
                ):
                    loop = _Loop(stage, opened, settings.worker, consumer, sender, breaker, health, meter, redactor)
                    loop.turn_until(stop)
            except KafkaConfigurationError as error:
                raise ConfigError("kafka", str(error)) from None
            except KafkaError as error:
                health.turn(joined=False)
                meter.turned(joined=False, paused=True, lags={})
                _wait(f"kafka: {type(error).__name__}: {error}", breaker, health, stop)


def _opened(
    stage: Stage[In], settings: Settings, stack: ExitStack, breaker: Breaker, health: Health, stop: Event
) -> Opened[In] | None:
    while not stop.is_set():
        try:
            return stack.enter_context(stage.open(settings))
        except Unavailable as error:
            health.turn(joined=False)
            _wait(str(error), breaker, health, stop)
    return None


def _wait(reason: str, breaker: Breaker, health: Health, stop: Event) -> None:
    health.trouble = reason
    wait = breaker.trip(time.monotonic())
    log.warning("worker.waiting", reason=reason, seconds=round(wait, 1))
    stop.wait(wait)


@contextmanager
def _consumer(stage: Stage[In], settings: KafkaSettings) -> Iterator[Any]:
    with explained(tls=settings.is_tls, sasl=settings.is_sasl):
        consumer = KafkaConsumer(
            **settings.client_options(),
            client_id=stage.group,
            group_id=stage.group,
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=CONNECT_MS,
            reconnect_backoff_max_ms=RECONNECT_MS,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(SESSION_S * 1000),
            heartbeat_interval_ms=int(SESSION_S * 1000 / 5),
            max_poll_interval_ms=int(STUCK_S * 1000),
            max_partition_fetch_bytes=stage.stream.max_bytes,
            fetch_max_bytes=4 * stage.stream.max_bytes,
        )
    try:
        yield consumer
    finally:
        consumer.close(autocommit=False, timeout_ms=int(CLOSE_S * 1000))


class _Sender:
    """A producer that is made anew when the broker finds a message too large: the client takes that for its end."""

    def __init__(self, settings: KafkaSettings, name: str) -> None:
        self._settings, self._name = settings, name
        self._producer = self._open()

    def _open(self) -> Any:
        with explained(tls=self._settings.is_tls, sasl=self._settings.is_sasl):
            return KafkaProducer(
                **self._settings.client_options(),
                client_id=self._name,
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=CONNECT_MS,
                reconnect_backoff_max_ms=RECONNECT_MS,
                acks="all",
                enable_idempotence=True,
                compression_type="gzip",
                max_request_size=max(stream.max_bytes for stream in STREAMS) + 100_000,
                max_block_ms=int(ACKNOWLEDGED_S * 1000),
                request_timeout_ms=int(ACKNOWLEDGED_S * 500),
                delivery_timeout_ms=int(ACKNOWLEDGED_S * 1000),
            )

    def close(self) -> None:
        self._producer.close(timeout=CLOSE_S)

    def send(self, messages: Sequence[tuple[Emit, Trace]]) -> list[str | None]:
        """Send and wait for every acknowledgement; of each message None, or why it is too large.

        Each carries the step of the way that it is sent on. Raises KafkaError when the broker acknowledges neither.
        """
        sent = [self._start(*message) for message in messages]
        ends = [end if isinstance(end, str) else self._end(end) for end in sent]
        if not any(isinstance(end, TOO_LARGE) for end in ends):
            for end in ends:
                if isinstance(end, KafkaError):
                    raise end
        return [
            self._alone(*message) if isinstance(end, KafkaError) else end
            for message, end in zip(messages, ends, strict=True)
        ]

    def _start(self, emit: Emit, trace: Trace) -> Any:
        stream, value = emit.stream, encode(emit.message)
        if len(value) > stream.max_bytes:
            return f"{len(value)} bytes, where {stream.name} takes {stream.max_bytes}"
        key = stream.key(emit.message).encode()
        return self._producer.send(stream.name, key=key, value=value, headers=[trace.header()])

    @staticmethod
    def _end(future: Any) -> KafkaError | None:
        try:
            future.get(timeout=ACKNOWLEDGED_S)
        except KafkaError as error:
            return error
        return None

    def _alone(self, emit: Emit, trace: Trace) -> str | None:
        self.close()
        self._producer = self._open()
        end = self._end(self._start(emit, trace))
        if isinstance(end, TOO_LARGE):
            return f"larger than the broker takes for {emit.stream.name}"
        if end is not None:
            raise end
        return None


@dataclass
class _Loop:
    stage: Stage[Any]
    opened: Opened[Any]
    settings: WorkerSettings
    consumer: Any
    sender: _Sender
    breaker: Breaker
    health: Health
    meter: Meter
    redactor: Redactor
    attempts: Counter[tuple[int, int]] = field(default_factory=Counter)
    fitting: int = 1_000_000
    watchdog: Watchdog = field(default_factory=lambda: Watchdog(STALLED_S))
    told_at: float = float("-inf")
    watched_at: float = field(default_factory=time.monotonic)
    ticked_at: float = float("-inf")
    tick_trouble: str | None = None

    def turn_until(self, stop: Event) -> None:
        """Go round until `stop` is set. Raises KafkaError when clients must be opened anew."""
        name = self.stage.stream.name
        if not self.consumer.partitions_for_topic(name):
            raise UnknownTopicOrPartitionError(f"the stream {name} does not exist")
        self.consumer.subscribe([name])
        while not stop.is_set():
            records = self._paused() if self.breaker.open(time.monotonic()) else self._gather()
            self._turned(joined=self.consumer.group_metadata().state == MemberState.STABLE)
            if records:
                self.watchdog.reset()
                self._process(records)
            elif not self.breaker.open(time.monotonic()):
                self._watch(time.monotonic())
            if not self.breaker.open(time.monotonic()):
                self._tick(time.monotonic())

    def _tick(self, now: float) -> None:
        """Do what is due by the clock. A mistake in it is told and tried again at the next tick: messages go on."""
        first = TopicPartition(self.stage.stream.name, 0)
        if self.opened.tick is None or now - self.ticked_at < self.opened.tick_s:
            return
        if first not in self.consumer.assignment():
            return
        self.ticked_at = now
        try:
            with self.meter.step("tick"):
                done = self.opened.tick()
                lost = [end for end in self.sender.send([(e, begin()) for e in done.emit]) if end is not None]
            if lost:
                log.error("tick.too_large", stage=self.stage.name, reason="; ".join(lost))
            elif done.then is not None:
                done.then()
        except Unavailable as error:
            self.health.trouble = self.tick_trouble = str(error)
            log.warning("tick.retry", reason=self.tick_trouble, seconds=round(self.breaker.trip(now), 1))
        except KafkaError:
            raise
        except Exception:
            log.exception("tick.failed", stage=self.stage.name)
        else:
            if self.tick_trouble is not None and self.health.trouble == self.tick_trouble:
                self.breaker.reset()
                self.health.trouble = None
            self.tick_trouble = None

    def _turned(self, *, joined: bool) -> None:
        """Tell what the probes and the metrics show."""
        self.health.turn(joined=joined)
        if (now := time.monotonic()) - self.told_at < TOLD_S:
            return
        self.told_at = now
        lags: dict[int, int] = {}
        for tp in self.consumer.assignment():
            # what the last fetch said; before the first one a position would cost a request
            end = self.consumer.highwater(tp)
            at = self.consumer.position(tp, timeout_ms=0) if end is not None else None
            if end is not None and at is not None:
                lags[tp.partition] = max(0, end - at)
        self.meter.turned(joined=joined, paused=self.breaker.open(time.monotonic()), lags=lags)

    def _watch(self, now: float) -> None:
        """Clients have been seen to stand still with partitions assigned and messages ahead: then open new ones."""
        if now - self.watched_at < WATCH_S:
            return
        self.watched_at = now
        assigned = list(self.consumer.assignment())
        ends = self.consumer.end_offsets(assigned) if assigned else {}
        positions = {tp.partition: self.consumer.position(tp, timeout_ms=POLL_MS) for tp in assigned}
        known = {number: at for number, at in positions.items() if at is not None}
        if stalled := self.watchdog.stalled(known, {tp.partition: end for tp, end in ends.items()}, now):
            raise KafkaError(f"nothing comes from partitions {stalled} although messages lie ahead")

    def _paused(self) -> list[Record]:
        """Stay in the group without taking anything: a partition that comes meanwhile is paused as well."""
        self.consumer.pause(*self.consumer.assignment())
        early = self.consumer.poll(timeout_ms=PAUSED_MS)
        self._seek({tp.partition: found[0].offset for tp, found in early.items()})
        return []

    def _gather(self) -> list[Record]:
        """A batch: what is there, and what comes within the linger time."""
        self.consumer.resume(*self.consumer.paused())
        most = min(self.settings.batch_messages, self.fitting)
        records = self._poll(POLL_MS, most)
        came = time.monotonic()
        until = came + self.settings.linger_s
        while records and len(records) < most and (left_ms := int((until - time.monotonic()) * 1000)) > 0:
            records += self._poll(left_ms, most - len(records))
        taken, left = take(records, messages=most, size=self.settings.batch_bytes)
        self._seek(left)
        if taken:
            self.meter.gather_took(time.monotonic() - came)
            # a seek throws away what was fetched ahead, so ask for what will probably fit
            self.fitting = max(
                1, int(0.9 * self.settings.batch_bytes * len(taken) / max(1, sum(r.size for r in taken)))
            )
        return list(taken)

    def _poll(self, timeout_ms: int, room: int) -> list[Record]:
        polled: Mapping[Any, Sequence[Any]] = self.consumer.poll(timeout_ms=timeout_ms, max_records=room)
        return [
            Record(r.topic, r.partition, r.offset, r.key, r.value, tuple(r.headers), max(0, r.timestamp))
            for found in polled.values()
            for r in found
        ]

    def _process(self, records: Sequence[Record]) -> None:
        started = time.monotonic()
        faults.hit("after_poll")
        self.attempts.update((r.partition, r.offset) for r in records)
        self.meter.gathered(records, sum(1 for r in records if replays_of(r)))
        messages = [read(record, self.stage.stream) for record in records]
        with self.meter.step("handle"), tracing({id(m): r.trace for m, r in zip(messages, records, strict=True)}):
            decided = plan(records, outcomes_of(messages, self.opened.handle))
        faults.hit("after_handle")
        try:
            with self.meter.step("effect"):
                dead = self._effects(decided)
        except Unavailable as error:
            # what was sent is sent again: everything that follows drops repeats
            start = {r.partition: r.offset for r in reversed(records)}
            decided, dead = Plan((), {}, start, (str(error),)), 0
        faults.hit("before_commit")
        with self.meter.step("commit"):
            self._commit(decided.commit)
        faults.hit("after_commit")
        known = {r: m for r, m in zip(records, messages, strict=True) if isinstance(m, BaseModel)}
        self.meter.committed(decided, dead, known, int(time.time() * 1000))
        self._seek(decided.rewind)
        if decided.rewind:
            wait = self.breaker.trip(time.monotonic())
            self.health.trouble = "; ".join(decided.reasons)[:1000]
            log.warning("batch.retry", reason=self.health.trouble, seconds=round(wait, 1))
        else:
            self.breaker.reset()
            self.health.trouble = None
        log.info(
            "batch.done",
            stage=self.stage.name,
            messages=len(records),
            finished=len(decided.finished),
            dead=dead,
            seconds=round(time.monotonic() - started, 3),
        )

    def _effects(self, decided: Plan) -> int:
        """Send what was emitted, keep what is poison, call each `then`: all acknowledged. How many became dead letters.

        Raises Unavailable when a `then` can't be done, KafkaError when the broker doesn't acknowledge.
        """
        dead = [(record, outcome) for record, outcome in decided.finished if isinstance(outcome, Poison)]
        done = [(record, outcome) for record, outcome in decided.finished if isinstance(outcome, Done)]
        dead += self._emit(done)
        for record, poison in dead:
            self._keep(record, poison)
        faults.hit("after_send")
        lost = {record for record, _ in dead}
        for record, outcome in done:
            if outcome.then is not None and record not in lost:
                outcome.then()
        for record, _ in decided.finished:
            del self.attempts[record.partition, record.offset]
        faults.hit("after_effect")
        return len(dead)

    def _emit(self, done: Sequence[tuple[Record, Done]]) -> list[tuple[Record, Poison]]:
        """Send what was emitted; returns the records whose messages no stream can hold."""
        emits = [(record, emit) for record, outcome in done for emit in outcome.emit]
        ends = self.sender.send([(emit, record.trace) for record, emit in emits])
        for (_, emit), end in zip(emits, ends, strict=True):
            if end is None:
                self.meter.emitted(emit.stream.name)
        failed = {
            record: Poison("MessageTooLarge", f"what it became is too large: {end}")
            for (record, _), end in zip(emits, ends, strict=True)
            if end is not None
        }
        return list(failed.items())

    def _keep(self, record: Record, poison: Poison) -> None:
        stream = self.stage.deadletters
        letter = dead_letter(
            record,
            poison,
            stage=self.stage.name,
            attempts=self.attempts[record.partition, record.offset],
            at_ms=int(time.time() * 1000),
            max_bytes=stream.max_bytes,
            redactor=self.redactor,
        )
        try:
            if any(self.sender.send([(Emit(stream, letter), record.trace)])):
                # the broker's own limit is below the stream's: by reference
                letter = letter.model_copy(update={"value": None})
                (end,) = self.sender.send([(Emit(stream, letter), record.trace)])
                if end is not None:
                    raise DeadLettersLost(stream.name, end)
        except KafkaError as error:
            raise DeadLettersLost(stream.name, f"{type(error).__name__}: {error}") from error
        self.meter.dead(letter.error)
        log.warning(
            "message.dead",
            stage=self.stage.name,
            stream=record.stream,
            partition=record.partition,
            offset=record.offset,
            error=letter.error,
            reason=letter.reason[:200],
            attempts=letter.attempts,
            trace_id=letter.trace_id,
        )

    def _commit(self, offsets: Mapping[int, int]) -> None:
        held = self._held(offsets)
        if not held:
            return
        try:
            self.consumer.commit({tp: OffsetAndMetadata(offset, "", -1) for tp, offset in held.items()})
        except KafkaError as error:
            # the partitions went elsewhere, or the broker is away: read again by whoever has them next
            log.warning("offsets.uncommitted", stage=self.stage.name, reason=f"{type(error).__name__}: {error}")

    def _seek(self, offsets: Mapping[int, int]) -> None:
        for tp, offset in self._held(offsets).items():
            self.consumer.seek(tp, offset)

    def _held(self, offsets: Mapping[int, int]) -> dict[Any, int]:
        assigned = self.consumer.assignment()
        wanted = {TopicPartition(self.stage.stream.name, number): offset for number, offset in offsets.items()}
        return {tp: offset for tp, offset in wanted.items() if tp in assigned}
