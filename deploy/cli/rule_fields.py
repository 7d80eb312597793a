"""A rule's fields as they are given on the command line."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.errors import ConfigError


def fields_of(
    single: Mapping[str, str | None],
    many: Mapping[str, Sequence[str] | None],
    stances: Sequence[str],
    others: Sequence[str],
) -> dict[str, Any]:
    """The fields that were given, as rules.toml has them. Raises ConfigError for a pair that is none."""
    fields: dict[str, Any] = {key: value for key, value in single.items() if value is not None}
    fields |= {key: list(values) for key, values in many.items() if values}
    sides: dict[str, list[str]] = {}
    for pair in stances:
        target, equals, side = pair.partition("=")
        if not equals:
            raise ConfigError("--stance", f"{pair!r} has no side", remedy="Write TARGET=SIDE: us_aid=against")
        sides.setdefault(target, []).append(side)
    if sides:
        fields["stances"] = {target: taken[0] if len(taken) == 1 else taken for target, taken in sides.items()}
    return fields | dict(parsed(pair) for pair in others)


def parsed(pair: str) -> tuple[str, Any]:
    """`key=value`, the value as TOML has it; a word without quotes is text. Raises ConfigError for anything else."""
    key, equals, value = (part.strip() for part in pair.partition("="))
    if not equals or not key.isidentifier():
        raise ConfigError("--set", f"{pair!r} sets nothing", remedy="Write key=value: stories=5")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value
