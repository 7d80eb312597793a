"""`vigia teams`: who is told of what, as teams.toml says."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from deploy.cli import console
from deploy.cli.moment import parse_moment
from schemas.alert import Severity
from schemas.errors import ConfigError
from schemas.settings import load_settings
from schemas.team import Person, Teams

app = typer.Typer(no_args_is_help=True, help="Who is told of what: teams.toml.")


@app.callback()
def _noun() -> None:
    """Who is told of what: teams.toml. `vigia route RULE` says where one rule's alerts go."""


@app.command()
def check() -> None:
    """Say whether the file is right; else what is wrong and where, with exit code 2."""
    teams = _loaded()
    subscriptions = sum(len(reader.subscriptions) for reader in teams.readers.values())
    console.console.print(
        f"{len(teams.people)} people and {len(teams.teams)} teams are right, with {subscriptions} subscriptions"
    )


@app.command("list")
def list_teams(
    at: Annotated[str, typer.Option(help="The moment: 2026-11-27T23:00-06:00, UTC when unsaid; now.")] = "0m",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show people and teams: whether they are on duty at a moment, and what they subscribe to."""
    teams, moment = _loaded(), parse_moment(at, now=datetime.now(UTC))
    if as_json:
        console.print_json(teams.model_dump(mode="json"))
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("who", "is", "at their place", "now", "channels", "subscribes to"):
        table.add_column(column)
    for reader in teams.readers.values():
        heard = reader.hears_from(Severity.LOW, moment)
        duty = "on duty" if heard == moment else f"until {heard.astimezone(reader.tz):%a %H:%M} held"
        wants = "; ".join(
            f"{', '.join((*s.rules, *s.tags)) or 'all'} from {s.severity}" + (f" ({s.digest})" if s.digest else "")
            for s in reader.subscriptions
        )
        kind = "person" if isinstance(reader, Person) else "team"
        place = f"{moment.astimezone(reader.tz):%a %H:%M %Z}"
        table.add_row(reader.id, kind, place, duty, ", ".join(reader.channels), wants)
    console.console.print(table)


def _loaded() -> Teams:
    from consumers.alerts.roster import load_teams

    settings = load_settings().notify
    teams = load_teams(settings)
    if teams is None:
        raise ConfigError(
            str(settings.teams_file),
            "no such file",
            remedy="Every alert goes to every channel; docs/alerts.md shows one",
        )
    return teams
