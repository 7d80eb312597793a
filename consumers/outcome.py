"""What a handler says of each message; the loop acts on it. Imports no client, so handlers stay free of the broker."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel

from schemas.streams import Stream

In = TypeVar("In", bound=BaseModel)


@dataclass(frozen=True)
class Emit:
    """A message for another stream."""

    stream: Stream[Any]
    message: BaseModel


@dataclass(frozen=True)
class Done:
    """The effect stands. The loop sends `emit`, waits until it is acknowledged, calls `then`, and commits."""

    emit: Sequence[Emit] = ()
    then: Callable[[], None] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Retry:
    """No lasting answer yet: read this message again later."""

    reason: str


@dataclass(frozen=True)
class Poison:
    """This message can't be processed: it goes to the dead letters with `error` (a class name) and `reason`."""

    error: str
    reason: str


Outcome: TypeAlias = Done | Retry | Poison
Handler: TypeAlias = Callable[[Sequence[In]], Sequence[Outcome]]
"""One outcome a message, in the batch's order. May raise Unavailable: then the whole batch is a Retry."""
