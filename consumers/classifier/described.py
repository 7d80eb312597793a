"""Targets that a user describes in words: targets.toml, read and written."""

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from schemas.errors import ConfigError
from schemas.taxonomy import Target

MOST = 20
"""Targets that a model is asked of at once."""

Description = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]


class Described(BaseModel):
    """A target in words. The model has not been trained on it: what it says of it is marked zero-shot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{1,59}$")
    describe: tuple[Description, ...] = Field(min_length=1, max_length=12)
    lang: Literal["en", "es"] | None = Field(default=None, description="of the pieces it is asked of; none: of both")


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    targets: tuple[Described, ...] = Field(default=(), max_length=MOST)


def read(path: Path) -> tuple[Described, ...]:
    """The targets of the file; none when it isn't there. Raises ConfigError naming what is wrong in it."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigError(str(path), error.strerror or str(error)) from None
    try:
        found = _File.model_validate(tomllib.loads(content.decode("utf-8"))).targets
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(str(path), f"is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ConfigError(str(path), f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    names = [one.id for one in found]
    for one in found:
        check(one.id, path)
        if names.count(one.id) > 1:
            raise ConfigError(str(path), f"{one.id} is there twice")
    return found


def check(target: str, where: Path | str) -> None:
    """Raise ConfigError when the id is one of the trained targets'."""
    if target in set(Target):
        raise ConfigError(str(where), f"{target} is a target that the model is trained on", remedy="Take another id")


def make(target: str, describe: Sequence[str], lang: str | None) -> Described:
    """A described target. Raises ConfigError when id, words or language can't be."""
    check(target, "ID")
    try:
        return Described.model_validate({"id": target, "describe": list(describe), "lang": lang})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ConfigError(str(first["loc"][0]), first["msg"]) from None


def write(path: Path, targets: Sequence[Described]) -> None:
    """Write the file anew, whole or not at all. Raises ConfigError when there are too many, or it can't be written."""
    if len(targets) > MOST:
        raise ConfigError(str(path), f"more than {MOST} targets", remedy="`vigia model target remove` one first")
    import tomlkit  # here, since a worker that only reads the file need not wait for it

    table = tomlkit.aot()
    for one in targets:
        table.append(tomlkit.item(one.model_dump(mode="json", exclude_none=True)))
    document = tomlkit.document()
    document.add(tomlkit.comment("Targets described in words; the model is not trained on them: `vigia model target`."))
    document.add("targets", table)
    beside = path.with_name(path.name + ".new")
    try:
        beside.write_text(tomlkit.dumps(document), encoding="utf-8")
        os.replace(beside, path)  # noqa: PTH105, one step
    except OSError as error:
        raise ConfigError(str(path), f"can't be written: {error.strerror or error}") from None
