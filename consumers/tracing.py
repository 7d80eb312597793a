"""Which way a handler's message is on: the loop says so for the batch in hand."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from pydantic import BaseModel

from schemas.traceparent import Trace

_TRACES: ContextVar[Mapping[int, Trace]] = ContextVar("traces", default=MappingProxyType({}))


@contextmanager
def tracing(ways: Mapping[int, Trace]) -> Iterator[None]:
    """While the block runs, `trace_of` knows these messages by their `id()`."""
    token = _TRACES.set(ways)
    try:
        yield
    finally:
        _TRACES.reset(token)


def trace_of(message: BaseModel) -> Trace | None:
    """The way of a message that the handler was given; None for any other."""
    return _TRACES.get().get(id(message))


def trace_id_of(message: BaseModel) -> str | None:
    """Its trace id, for logs."""
    trace = trace_of(message)
    return trace.trace_id if trace is not None else None
