"""`vigia route`: who would be told of a rule's alerts, when, and why."""

from datetime import UTC, datetime, tzinfo
from typing import Annotated

import typer
from rich.table import Table

from deploy.cli import console
from deploy.cli.moment import parse_moment
from schemas.alert import Severity
from schemas.errors import ConfigError
from schemas.settings import load_settings


def route(
    rule: Annotated[str, typer.Argument(help="The id of a rule in rules.toml.")],
    at: Annotated[str, typer.Option(help="The moment: 2026-11-27T23:00-06:00, UTC when unsaid; now.")] = "0m",
    severity: Annotated[Severity | None, typer.Option(help="Another severity than the rule's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Say who would be told of an alert of that rule, by which channel, when, and why; sends nothing.

    Exit code 1 when nobody would: then the alert stands in `vigia alerts list` alone.
    """
    from consumers.alerts.roster import load_teams
    from consumers.alerts.routing import Subject, escalated
    from consumers.alerts.routing import route as routed
    from consumers.rulebook import load_rules

    settings = load_settings()
    rules = {one.id: one for one in load_rules(settings.alert.rules_file)}
    if rule not in rules:
        there = ", ".join(sorted(rules)) or "none"
        raise ConfigError(f"rule {rule!r}", "no such rule", remedy=f"There are: {there}")
    chosen = rules[rule].model_copy(update={"severity": severity or rules[rule].severity})
    subject, moment = Subject.of_rule(chosen), parse_moment(at, now=datetime.now(UTC))
    teams, every = load_teams(settings.notify), [channel.name for channel in settings.notify.channels]
    targets = routed(subject, teams, every, moment, apart=settings.ops.channel)
    rows = [(t.recipient, t.channel, _when(t.due, t.zone, dropped=t.dropped), t.why) for t in targets]
    rows += [
        (e.target.recipient, e.target.channel, f"{e.step:g} min after the first told", e.target.why)
        for e in escalated(subject, teams, moment)
    ]
    if as_json:
        console.print_json([dict(zip(("who", "channel", "when", "why"), row, strict=True)) for row in rows])
    else:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("who", "channel", "when", "why"):
            table.add_column(column)
        for who, *rest in rows:
            table.add_row(who or "whoever reads it", *rest)
        console.console.print(table)
    if not targets:
        console.stderr.print(f"Nobody subscribes to {rule} at {subject.severity}: see {settings.notify.teams_file}.")
        raise typer.Exit(1)


def _when(due: datetime | None, zone: tzinfo, *, dropped: bool) -> str:
    if dropped:
        return "never"
    if due is None:
        return "at once"
    return f"{due.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"
