"""Reads and changes feeds.toml, the list of sources; a change keeps every comment and the order."""

import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from schemas.errors import ConfigError
from schemas.feed import Feed, Feeds

NEWLINE = "\n"
TABLE = re.compile(r"^\s*\[\[\s*feeds\s*\]\]")


def load_feeds(path: Path) -> Feeds:
    """The sources that `path` lists. Raises ConfigError naming the file, the line, the field and the remedy."""
    return _parsed(path, _text(path))


def add_feeds(path: Path, feeds: Sequence[Feed]) -> None:
    """Put the sources at the end of the file, which is made when it is not there. Raises ConfigError."""
    text = _text(path) if path.exists() else ""
    tables = (f"\n[[feeds]]\n{''.join(f'{name} = {value}{NEWLINE}' for name, value in _row(feed))}" for feed in feeds)
    changed = (text.rstrip("\n") + "\n" if text else "") + "".join(tables)
    _write(path, changed.lstrip("\n"), Feeds(feeds=(*_parsed(path, text).feeds, *feeds)))


def set_paused(path: Path, feed_id: str, *, paused: bool) -> bool:
    """Pause a source or let it go on; whether that changes anything. Raises ConfigError for an unknown one."""
    text = _text(path)
    feeds = _parsed(path, text).feeds
    position = next((number for number, feed in enumerate(feeds) if feed.id == feed_id), None)
    if position is None:
        raise ConfigError(str(path), f"has no feed {feed_id!r}", remedy="`vigia feeds list` shows them")
    if feeds[position].paused == paused:
        return False
    lines = text.splitlines(keepends=True)
    said, named = _line(text, position, "paused") - 1, _line(text, position, "id") - 1
    if re.match(r"\s*paused\s*=", lines[said]):
        lines[said] = re.sub(r"=\s*(?:true|false)", f"= {str(paused).lower()}", lines[said], count=1)
    else:
        lines.insert(named + 1, f"paused = {str(paused).lower()}\n")
    expected = tuple(
        feed.model_copy(update={"paused": paused}) if number == position else feed for number, feed in enumerate(feeds)
    )
    _write(path, "".join(lines), Feeds(feeds=expected))
    return True


def new_id(url: str, taken: Sequence[str]) -> str:
    """An id for a source, after its host, that no other has."""
    host = (urlsplit(url).hostname or "source").removeprefix("www.").removeprefix("feeds.").removeprefix("rss.")
    stem = re.sub(r"[^a-z0-9-]+", "-", host.rpartition(".")[0] or host).strip("-")[:80] or "source"
    names = (stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _row(feed: Feed) -> Iterator[tuple[str, str]]:
    """The feed's fields as TOML, those that say something."""
    said = feed.model_dump(mode="json", exclude_defaults=True, exclude={"schema_version"})
    for name in sorted(said, key=lambda name: (name != "id", name != "url")):
        yield name, _toml(said[name])


def _toml(value: Any) -> str:
    """A value as TOML writes it; its strings are JSON's but for the DEL character."""
    match value:
        case dict():
            return (
                f"{{ {', '.join(f'{name} = {_toml(inner)}' for name, inner in value.items() if inner is not None)} }}"
            )
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write(path: Path, text: str, expected: Feeds) -> None:
    """Put the text in the file's place at once, if it says what is expected. Raises ConfigError."""
    if _parsed(path, text) != expected:
        raise ConfigError(str(path), "is written in a way that can't be changed here", remedy="Change it by hand")
    target = path.resolve()
    try:
        with tempfile.NamedTemporaryFile("w", dir=target.parent, encoding="utf-8", delete=False) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, file.name)
        else:
            Path(file.name).chmod(0o644)
        Path(file.name).replace(target)
    except OSError as error:
        raise ConfigError(str(path), f"can't be written: {error}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(str(path), "no such file", remedy="Set poll.feeds_file to the list of sources") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"can't be read: {error}") from None


def _parsed(path: Path, text: str) -> Feeds:
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
