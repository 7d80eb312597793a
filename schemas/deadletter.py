"""A message that could not be processed, kept whole with the reason, so that it can be replayed."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class DeadLetter(BaseModel):
    """The untouched bytes, where they came from, why they failed, how often they were tried.

    A value over the broker's limit is kept by reference: `value` is None and stream, partition and offset say where
    it lies while the stream's retention lasts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")

    schema_version: Literal[1] = 1
    stage: str = Field(description="the worker that gave up: classify, index, alert, notify")
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
