"""`vigia flow run briefing`: a day or a week, told here, into a file, or to a team's channels."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from deploy.cli import console
from deploy.cli.running import running_settings
from schemas.errors import ConfigError, DeliveryRefused, Unavailable

if TYPE_CHECKING:
    from flows.briefing import Briefed
    from schemas.settings import Settings


def briefing(
    team: Annotated[str | None, typer.Option(help="A team or person of teams.toml: its language and zone.")] = None,
    period: Annotated[str, typer.Option(help="day, or week.")] = "day",
    until: Annotated[str | None, typer.Option(help="Where the day or week ends; none: now.")] = None,
    to: Annotated[
        Path | None, typer.Option(help="A file: HTML, or text when it ends in .txt; none: text, here.")
    ] = None,
    send: Annotated[bool, typer.Option("--send", help="To the team's channels, mail among them.")] = False,
    language: Annotated[str | None, typer.Option(help="en or es, rather than the team's.")] = None,
    zone: Annotated[str | None, typer.Option(help="A time zone such as America/El_Salvador.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Tell of a day or week: vigia flow run briefing --team desk --period week --to week.html.

    The stories that mattered, who moved against the week before, the sides taken on each target, who is new and what
    was quiet. A day is compared with the seven days before it. What each line rests on is in docs/briefing.md. Exit 1
    when a channel did not take it.
    """
    from flows.briefing import brief, write
    from flows.briefings.period import Period
    from schemas.message import Language
    from schemas.moment import parse_moment
    from schemas.rendering.plaintext import plaintext

    if period not in set(Period):
        raise ConfigError(repr(period), "is no period", remedy=f"Choose {' or '.join(Period)}")
    if language is not None and language not in set(Language):
        raise ConfigError(repr(language), "is no language of briefings", remedy=f"Choose {' or '.join(Language)}")
    if send and team is None:
        raise ConfigError("--send", "needs a --team", remedy="Its channels are those in teams.toml")
    now, settings = datetime.now(UTC), running_settings()
    done = brief(
        settings,
        period=Period(period),
        until=parse_moment(until, now=now) if until else now,
        team=team,
        language=Language(language) if language else None,
        zone=_zone(zone) if zone else None,
    )
    if to is not None:
        write(done.message, to)
    if as_json:
        console.print_json(done.message.model_dump(mode="json"))
    elif to is None and not send:
        console.console.print(plaintext(done.message), markup=False, highlight=False, soft_wrap=True)
    else:
        told = f"{done.message.title}{f': {to}' if to else ''}"
        console.console.print(told, markup=False, highlight=False, soft_wrap=True)
    if send and not _sent(done, settings, now):
        raise typer.Exit(1)


def _sent(done: "Briefed", settings: "Settings", now: datetime) -> bool:
    """Whether every channel took it; what each said goes to stderr."""
    from consumers.channels.send import check, send

    check(settings.notify)
    there = {channel.name: channel for channel in settings.notify.channels}
    strangers = sorted(set(done.reader.channels) - set(there))
    if strangers or not done.reader.channels:
        reason = f"names channels that are not there: {', '.join(strangers)}" if strangers else "has no channels"
        raise ConfigError(f"team {done.reader.id}", reason, remedy=f"notify.channels has {', '.join(there) or 'none'}")
    failed = 0
    for name in done.reader.channels:
        try:
            send(done.message, there[name], settings=settings.notify, now=now)
        except (Unavailable, DeliveryRefused) as error:
            failed += 1
            console.fail(error)
        else:
            console.stderr.print(f"{name}: sent", markup=False, highlight=False)
    return not failed


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ConfigError(repr(name), "is no time zone", remedy="Write it as America/El_Salvador") from None
