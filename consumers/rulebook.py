"""rules.toml: read, checked, and read again when it changes."""

import tomllib
from pathlib import Path
from tempfile import NamedTemporaryFile

import structlog
from pydantic import ValidationError

from schemas.errors import ConfigError
from schemas.rule import Rule, Rules

log = structlog.get_logger()


def load_rules(path: Path) -> tuple[Rule, ...]:
    """The rules that the file holds. Raises ConfigError naming the line, the field and the remedy."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(str(path), "no such file", remedy="Name it in VIGIA_ALERT__RULES_FILE") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"can't be read: {error}") from None
    return rules_in(text, path)


def rules_in(text: str, path: Path) -> tuple[Rule, ...]:
    """The rules that a text holds, which is or will be at `path`. Raises ConfigError as `load_rules` does."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), f"is not TOML: {error}") from None
    try:
        return Rules.model_validate(raw).rules
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        line = _line(text, first["loc"])
        # after the rule's number stands its kind, which the file's reader doesn't look for
        field = ".".join(str(part) for n, part in enumerate(first["loc"]) if n != 2)
        raise ConfigError(
            f"{path}:{line}", f"{field}: {first['msg']}", remedy="Each kind and field is described in docs/rules.md"
        ) from None


def save_rules(path: Path, text: str) -> tuple[Rule, ...]:
    """Put a changed text in the file's place, whole or not at all. Raises ConfigError when it has a mistake."""
    rules = rules_in(text, path)
    try:
        mode = path.stat().st_mode if path.exists() else None
        with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
            new.write(text)
        if mode is not None:
            Path(new.name).chmod(mode)
        Path(new.name).replace(path)
    except OSError as error:
        raise ConfigError(str(path), f"can't be written: {error}") from None
    return rules


def _line(text: str, loc: tuple[int | str, ...]) -> int:
    """The line to look at: that of the field, else that of its rule, else the first."""
    lines = text.splitlines()
    number = next((part for part in loc if isinstance(part, int)), None)
    if number is None:
        return 1
    heads = [i for i, line in enumerate(lines) if line.strip().startswith("[[rules]]")]
    if number >= len(heads):
        return 1
    end = heads[number + 1] if number + 1 < len(heads) else len(lines)
    wanted = {str(part) for part in loc[loc.index(number) + 1 :]}
    for i in range(end - 1, heads[number], -1):
        if lines[i].partition("=")[0].strip() in wanted:
            return i + 1
    return heads[number] + 1


class Rulebook:
    """The rules in force. A change of the file takes effect at the next call; a broken change is logged, not taken."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._state()
        self._rules = load_rules(path)

    def rules(self) -> tuple[Rule, ...]:
        """The rules as the file last had them without a mistake."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                self._rules = load_rules(self._path)
            except ConfigError as error:
                log.warning("rules.unreadable", file=str(self._path), reason=str(error))
            else:
                log.info("rules.read", file=str(self._path), rules=len(self._rules))
        return self._rules

    def _state(self) -> tuple[int, int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
