"""Searches that are kept in a TOML file, `[searches.NAME]`: read, added and dropped with its comments kept."""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import ValidationError
from tomlkit.exceptions import TOMLKitError

from schemas.errors import ConfigError
from schemas.question import Question


def read(path: Path) -> dict[str, Question]:
    """The searches of the file by name, none when there is no file. Raises ConfigError naming the one that is wrong."""
    kept = _document(path).unwrap().get("searches", {})
    if not isinstance(kept, dict):
        raise ConfigError(str(path), "`searches` is no table", remedy="Write [searches.NAME] above each search")
    return {name: question(f"{path}: searches.{name}", fields) for name, fields in kept.items()}


def get(path: Path, name: str) -> Question:
    """One of them. Raises ConfigError naming those that there are."""
    kept = read(path)
    if name not in kept:
        raise ConfigError(
            repr(name), f"is no search in {path}", remedy=f"There are: {', '.join(kept) or 'none'}. Save one first"
        )
    return kept[name]


def keep(path: Path, name: str, asked: Question) -> None:
    """Add a search, or put it in place of the one of that name. Raises ConfigError."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
        raise ConfigError(repr(name), "is no name", remedy="Use lower case letters, digits and hyphens")
    read(path)
    document = _document(path)
    if "searches" not in document:
        document["searches"] = tomlkit.table(is_super_table=True)
    table = tomlkit.table()
    for key, value in plain(asked).items():
        table[key] = value
    document["searches"][name] = table
    _write(path, document)


def drop(path: Path, name: str) -> None:
    """Take a search out. Raises ConfigError when there is none of that name."""
    get(path, name)
    document = _document(path)
    del document["searches"][name]
    _write(path, document)


def question(where: str, fields: Mapping[str, Any]) -> Question:
    """A question of these fields. Raises ConfigError with the field that is wrong."""
    try:
        return Question.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{where}.{field}" if field else where, first["msg"]) from None
    except TypeError as error:
        raise ConfigError(where, str(error)) from None


def plain(asked: Question) -> dict[str, Any]:
    """What a question asks, without what it leaves open."""
    return asked.model_dump(mode="json", exclude_defaults=True)


def _document(path: Path) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8")) if path.exists() else tomlkit.document()
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"is not TOML: {error}") from None
    except OSError as error:
        raise ConfigError(str(path), f"can't be read: {error.strerror}") from None


def _write(path: Path, document: tomlkit.TOMLDocument) -> None:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as draft:
        draft.write(tomlkit.dumps(document))
        draft.flush()
        os.fsync(draft.fileno())
    Path(draft.name).replace(path)
