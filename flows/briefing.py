"""The flow that tells each team of its day or week: the stories, who moved, the balance, new voices, what was quiet."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact

from flows import logs
from flows.archive import open_archive
from flows.briefings.compose import compose
from flows.briefings.gather import gather
from flows.briefings.period import Period, windows
from flows.briefings.reader import Reader, read_teams, reader
from flows.polling import clock
from schemas.errors import ConfigError
from schemas.indices import INDICES, Indices
from schemas.message import Language, Message
from schemas.rendering.markup import page
from schemas.rendering.plaintext import plaintext
from schemas.settings import Settings, load_settings

log = structlog.get_logger(__name__)

FOLDER = "briefings"


@dataclass(frozen=True)
class Briefed:
    """A briefing, and whom it is for."""

    reader: Reader
    message: Message


def brief(
    settings: Settings,
    *,
    period: Period,
    until: datetime,
    team: str | None = None,
    language: Language | None = None,
    zone: ZoneInfo | None = None,
    indices: Indices = INDICES,
) -> Briefed:
    """The briefing of the day or week that ends at `until`, in the team's language and zone unless others are given.

    Raises ConfigError for a team that isn't there, Unavailable when Elasticsearch is away.
    """
    who = reader(read_teams(settings.notify.teams_file), team) if team else Reader()
    who = replace(who, language=language or who.language, zone=zone or who.zone)
    spans = windows(period, until, who.zone)
    with open_archive(settings.elasticsearch) as es:
        findings = gather(es, spans, indices=indices)
    message = compose(findings, spans, reader=who.id, name=who.name, language=who.language)
    return Briefed(who, message)


def write(message: Message, file: Path) -> None:
    """Write it as HTML, or as text into a file that ends in `.txt`. Raises ConfigError when that can't be done."""
    text = plaintext(message) if file.suffix == ".txt" else page(message)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(str(file), f"could not be written: {reason}", remedy="Choose another --to") from None


def keep(message: Message, who: Reader, home: Path) -> tuple[Path, Path]:
    """Write it as HTML and as text under the home, named after the reader, the period and the local day it ends."""
    period = message.kind.partition(".")[2]
    name = f"{who.id}-{period}-{message.at.astimezone(who.zone):%Y-%m-%d}"
    files = (home / FOLDER / f"{name}.html", home / FOLDER / f"{name}.txt")
    for file in files:
        write(message, file)
    return files


@flow(name="briefing", retries=0, persist_result=False, description="Tell the teams of their day or week")
def briefing(team: str | None = None, period: Period = Period.DAY) -> list[dict[str, Any]]:
    """Make the briefing of one team, or of each in teams.toml; without that file, one for everybody."""
    logs.configure()
    settings, now = load_settings(), clock()
    names: list[str | None] = [team]
    file = settings.notify.teams_file
    if team is None and file.is_file():
        names = [one.id for one in read_teams(file).teams] or [None]
    made = []
    for name in names:
        done = brief(settings, period=period, until=now, team=name)
        html, text = keep(done.message, done.reader, settings.home)
        create_markdown_artifact(
            key=f"briefing-{period.value}-{done.reader.id}",
            markdown=f"```\n{plaintext(done.message).replace('```', '')}\n```",
            description=done.message.title,
        )
        get_run_logger().info("%s: %s (%s)", done.reader.id, done.message.title, html)
        log.info("briefing.made", team=done.reader.id, period=period.value, pieces=done.message.data["pieces"])
        made.append({"team": done.reader.id, "html": str(html), "text": str(text), **done.message.data})
    return made
