"""From bytes to outcomes: decode, call the handler, find the one message that it fails at; and dead letters."""

import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog
from pydantic import BaseModel

from consumers.batch import Record
from consumers.outcome import Handler, Outcome, Poison, Retry
from schemas.deadletter import REPLAYS, DeadLetter
from schemas.errors import Unavailable, WireError
from schemas.identity import digest
from schemas.redact import Redactor
from schemas.streams import Stream
from schemas.wire import decode

In = TypeVar("In", bound=BaseModel)

log = structlog.get_logger()

REASON = 4000
"""Characters of a reason that a dead letter keeps."""

OVERHEAD = 40_000
"""Bytes of a dead letter besides key and value, at most."""


NO_SECRETS = Redactor()


@dataclass(frozen=True)
class Raised(Poison):
    """A message at which the handler raised; `stack_hash` is equal for the same place in the code."""

    stack_hash: str


def outcomes_of(messages: Sequence[In | Poison], handle: Handler[In]) -> list[Outcome]:
    """One outcome a message, in order. What didn't decode never reaches the handler."""
    handled = iter(_handled([m for m in messages if not isinstance(m, Poison)], handle))
    return [m if isinstance(m, Poison) else next(handled) for m in messages]


def read(record: Record, stream: Stream[In]) -> In | Poison:
    """The record's message, or why it is none."""
    try:
        message = decode(stream, record.value)
    except WireError as error:
        return Poison("WireError", str(error))
    if record.key != stream.key(message).encode():
        return Poison("WireError", str(WireError(stream.name, "key", "is not the message's own")))
    return message


def _handled(messages: Sequence[In], handle: Handler[In]) -> list[Outcome]:
    if not messages:
        return []
    try:
        return _matched(handle(messages), messages)
    except Unavailable as error:
        return [Retry(str(error))] * len(messages)
    except Exception as error:  # noqa: BLE001 - nothing may vanish: what raises alone becomes a dead letter
        if len(messages) > 1:
            log.warning("batch.isolating", messages=len(messages), error=type(error).__name__)
            return [outcome for message in messages for outcome in _handled([message], handle)]
        return [Raised(type(error).__name__, str(error), _stack_hash(error))]


def _matched(outcomes: Sequence[Outcome], messages: Sequence[BaseModel]) -> list[Outcome]:
    if len(outcomes) != len(messages):
        raise ValueError(f"{len(outcomes)} outcomes for {len(messages)} messages")
    return list(outcomes)


def _stack_hash(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.name}:{frame.lineno}" for frame in frames]
    return digest("stack", type(error).__name__, *places)


def replays_of(record: Record) -> int:
    """How often the record has come back from the dead letters."""
    said = dict(record.headers).get(REPLAYS, b"0")
    return int(said) if re.fullmatch(rb"\d{1,6}", said) else 0


def dead_letter(
    record: Record,
    poison: Poison,
    *,
    stage: str,
    attempts: int,
    at_ms: int,
    max_bytes: int,
    redactor: Redactor = NO_SECRETS,
) -> DeadLetter:
    """The record's untouched bytes with the reason; without the bytes when they would exceed `max_bytes`.

    The reason is freed of secrets: an error's text may hold the address that it failed at.
    """
    whole = (record.size + len(record.key or b"")) * 4 // 3 + OVERHEAD <= max_bytes
    return DeadLetter(
        stage=stage,
        stream=record.stream,
        partition=record.partition,
        offset=record.offset,
        key=record.key if whole or len(record.key or b"") <= REASON else None,
        value=record.value if whole else None,
        value_bytes=record.size,
        error=poison.error,
        reason=redactor.clean(poison.reason)[:REASON],
        stack_hash=poison.stack_hash if isinstance(poison, Raised) else None,
        attempts=attempts,
        at_ms=at_ms,
        trace_id=record.trace.trace_id,
        replays=replays_of(record),
    )
