"""Whom a briefing is for: a team or a person of teams.toml, or nobody in particular."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from schemas.errors import ConfigError
from schemas.message import Language
from schemas.team import Teams

ANYBODY = "everyone"
COMMON = ZoneInfo("UTC")


@dataclass(frozen=True)
class Reader:
    """Who reads it, in which language, by which clock, and the channels that it goes to."""

    id: str = ANYBODY
    name: str = ""
    language: Language = Language.ENGLISH
    zone: ZoneInfo = COMMON
    channels: tuple[str, ...] = ()


def read_teams(file: Path) -> Teams:
    """The teams in the file. Raises ConfigError when there is none, or when it has a mistake."""
    try:
        return Teams.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(str(file), reason, remedy="Write one, or leave --team out") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(file), f"is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "teams"
        raise ConfigError(f"{file}: {place}", first["msg"]) from None


def reader(teams: Teams, name: str) -> Reader:
    """The team or person of that id. Raises ConfigError naming those there are."""
    found = teams.readers.get(name)
    if found is None:
        there = ", ".join(sorted(teams.readers)) or "nobody"
        raise ConfigError("team", f"there is no {name!r}", remedy=f"teams.toml has {there}")
    language = Language(found.language) if found.language else Language.ENGLISH
    return Reader(found.id, found.name or found.id, language, found.tz, found.channels)
