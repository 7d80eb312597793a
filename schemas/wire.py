"""Messages to bytes and back; older schema versions are upgraded on the way in."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from schemas.errors import WireError
from schemas.streams import Stream

M = TypeVar("M", bound=BaseModel)

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
UPGRADES: dict[tuple[type[BaseModel], int], Upgrade] = {}
"""(model, schema version) -> what turns a message of that version into one of the next."""


def encode(message: BaseModel) -> bytes:
    """The message as UTF-8 JSON."""
    return message.model_dump_json().encode()


def decode(stream: Stream[M], value: bytes | None) -> M:
    """The message that `value` holds. Raises WireError naming the field and the reason."""
    if value is None:
        raise WireError(stream.name, "value", "is null")
    try:
        raw = json.loads(value)
    except ValueError as error:
        raise WireError(stream.name, "value", f"is not JSON: {error}") from None
    except RecursionError:
        raise WireError(stream.name, "value", "is nested too deeply") from None
    if not isinstance(raw, dict):
        raise WireError(stream.name, "value", f"is a JSON {type(raw).__name__}, not an object")
    written = raw.get("schema_version", 1)
    current: int = stream.model.model_fields["schema_version"].default
    if not isinstance(written, int) or isinstance(written, bool) or written > current:
        raise WireError(
            stream.name, "schema_version", f"is {written!r}; this version of Vigía reads up to {current}: upgrade it"
        )
    while written < current:
        upgrade = UPGRADES.get((stream.model, written))
        if upgrade is None:
            raise WireError(stream.name, "schema_version", f"{written} has no upgrade to {current}")
        raw = upgrade(raw)
        written += 1
    try:
        # json mode: dates are strings and enums their values, as they were written
        return stream.model.model_validate_json(json.dumps(raw), strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "value"
        raise WireError(stream.name, field, first["msg"]) from None
