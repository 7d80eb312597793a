"""teams.toml: read, checked against the channels that there are, and read again when it changes."""

import tomllib
from pathlib import Path

import structlog
from pydantic import ValidationError

from schemas.errors import ConfigError
from schemas.settings import NotifySettings
from schemas.team import Teams

log = structlog.get_logger()


def load_teams(settings: NotifySettings) -> Teams | None:
    """The teams of the file that the settings name; None when there is none and nobody named it.

    Raises ConfigError naming the place and the remedy.
    """
    path = settings.teams_file
    if not path.exists() and "teams_file" not in settings.model_fields_set:
        return None
    teams = read_teams(path)
    known = {channel.name for channel in settings.channels}
    if strangers := sorted(teams.channels_named() - known):
        there = ", ".join(sorted(known)) or "none"
        raise ConfigError(str(path), f"no such channel: {', '.join(strangers)}", remedy=f"notify.channels has {there}")
    return teams


def read_teams(path: Path) -> Teams:
    """The teams that a file holds. Raises ConfigError."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(str(path), "no such file", remedy="Name it in VIGIA_NOTIFY__TEAMS_FILE") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), f"is not TOML: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"can't be read: {error}") from None
    try:
        return Teams.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = _place(raw, first["loc"])
        raise ConfigError(str(path), f"{place}{first['msg']}", remedy="docs/alerts.md shows an example") from None


def _place(raw: object, loc: tuple[int | str, ...]) -> str:
    """Where the mistake is, with ids in place of numbers: people editor, duty: …"""
    parts: list[str] = []
    for part in loc:
        raw = raw[part] if isinstance(raw, dict | list) and _has(raw, part) else None  # type: ignore[index]
        named = raw.get("id") if isinstance(raw, dict) and isinstance(part, int) else None
        parts.append(str(named if named is not None else part + 1 if isinstance(part, int) else part))
    return f"{' '.join(parts)}: " if parts else ""


def _has(raw: dict[str, object] | list[object], part: int | str) -> bool:
    return part in raw if isinstance(raw, dict) else isinstance(part, int) and part < len(raw)


class Roster:
    """The teams in force. A change of the file takes effect at the next call; a broken change is logged, not taken."""

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings
        self._seen = self._state()
        self._teams = load_teams(settings)

    def teams(self) -> Teams | None:
        """The teams as the file last had them without a mistake; None without a file."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                self._teams = load_teams(self._settings)
            except ConfigError as error:
                log.warning("teams.unreadable", reason=str(error))
            else:
                log.info("teams.read", file=str(self._settings.teams_file))
        return self._teams

    def _state(self) -> tuple[int, int, int] | None:
        try:
            stat = self._settings.teams_file.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
