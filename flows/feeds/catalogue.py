"""Reads feeds.toml, the list of sources."""

import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from schemas.errors import ConfigError
from schemas.feed import Feed, Feeds

TABLE = re.compile(r"^\s*\[\[\s*feeds\s*\]\]")


def load_feeds(path: Path) -> Feeds:
    """The sources that `path` lists. Raises ConfigError naming the file, the line, the field and the remedy."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(str(path), "no such file", remedy="Set poll.feeds_file to the list of sources") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"can't be read: {error}") from None
    try:
        return Feeds.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), f"is not TOML: {error}", remedy="Correct that line") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise _faulty(path, text, first["loc"], first["msg"]) from None


def _faulty(path: Path, text: str, where: tuple[int | str, ...], reason: str) -> ConfigError:
    field = ".".join(str(part) for part in where[2:]) or ".".join(str(part) for part in where)
    others = (name for name in Feed.model_fields if name not in {"schema_version", "id"})
    known = ", ".join(("id", *others))
    remedy = f"A feed's fields are {known}"
    if len(where) < 2 or not isinstance(where[1], int):
        return ConfigError(f"{path}: {field}", reason, remedy=remedy)
    return ConfigError(
        f"{path}:{_line(text, where[1], field)}: {_name(text, where[1])}: {field}", reason, remedy=remedy
    )


def _line(text: str, position: int, field: str) -> int:
    """The line of a field of the feed at that position in the file, else the line where that feed begins."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if TABLE.match(line)]
    if position >= len(starts):
        return 1
    end = starts[position + 1] if position + 1 < len(starts) else len(lines)
    for number in range(starts[position], end):
        if re.match(rf"\s*{re.escape(field)}\s*=", lines[number]):
            return number + 1
    return starts[position] + 1


def _name(text: str, position: int) -> str:
    feeds: list[dict[str, Any]] = tomllib.loads(text)["feeds"]
    found = feeds[position].get("id") if isinstance(feeds[position], dict) else None
    return f"feed {found!r}" if isinstance(found, str) else f"feed {position + 1}"
