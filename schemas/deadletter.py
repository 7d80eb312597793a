"""A message that could not be processed, kept whole with the reason, so that it can be replayed."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

REPLAYS = "vigia-replays"
"""The header of a message that came back from the dead letters: how often, in digits."""


class DeadLetter(BaseModel):
    """The untouched bytes, where they came from, why they failed, how often they were tried.

    A value over the broker's limit is kept by reference: `value` is None and stream, partition and offset say where
    it lies while the stream's retention lasts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")

    schema_version: Literal[1] = 1
    stage: str = Field(description="the worker that gave up: classify, index, alert, notify, ops")
    stream: str
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)
    key: bytes | None = None
    value: bytes | None = None
    value_bytes: int = Field(ge=0)
    error: str = Field(description="the error's class")
    reason: str = Field(max_length=4000)
    stack_hash: str | None = Field(default=None, description="equal for failures at the same place in the code")
    attempts: int = Field(ge=1)
    at_ms: int = Field(ge=0)
    trace_id: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{32}$", description="of the message's way since it was polled, as in the logs"
    )
    replays: int = Field(default=0, ge=0, description="how often the message had come back from here before")


class LetterMark(BaseModel):
    """What someone did with a dead letter, kept beside it: the letter itself is never changed or taken away."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    partition: int = Field(ge=0, description="of the letter, not of the message in it")
    offset: int = Field(ge=0)
    done: Literal["replayed", "dropped"]
    who: str = Field(max_length=200)
    why: str = Field(default="", max_length=1000)
    at_ms: int = Field(ge=0)
