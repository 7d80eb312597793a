"""Rules and what they found, as lines for a terminal."""

from datetime import UTC, datetime

from rich.text import Text

from deploy.cli import console
from schemas.alert import Alert
from schemas.inert import plain
from schemas.rule import FirstSeen, Follow, Rule, Shift, Silence, Spike, Threshold

SHOWN = 20
"""Alerts listed by `test` and `diff`; --json lists all."""


def when(alert: Alert) -> datetime:
    """The moment that the alert is about."""
    return alert.window.end if alert.window else alert.published_at


def per_day(alerts: list[Alert]) -> dict[str, int]:
    """How many alerts each day (UTC) has."""
    days = [f"{when(alert).astimezone(UTC):%Y-%m-%d}" for alert in alerts]
    return {day: days.count(day) for day in sorted(set(days))}


def bars(days: dict[str, int]) -> None:
    """A bar a day, the longest 30 wide."""
    most = max(days.values(), default=1)
    for day, count in days.items():
        console.console.print(f"  {day} {count:>4}  {'▇' * max(1, round(30 * count / most))}", highlight=False)


def show_alerts(
    alerts: list[Alert], *, most: int = SHOWN, mark: str = "  ", style: str = "", state: bool = False
) -> None:
    """A line an alert: when, the piece, how many pieces it stands for."""
    for alert in alerts[:most]:
        others = f" · {len(alert.thread)} pieces" if len(alert.thread) > 1 else ""
        said = f" · {alert.state}" if state else ""
        line = Text(
            f"{mark}{when(alert):%m-%d %H:%M} {plain(alert.title)} · {plain(alert.outlet)}{others}{said}", style
        )
        console.console.print(line)
        if alert.window and alert.reason:
            for cause in alert.reason.causes[:3]:
                console.console.print(
                    Text(f"      {cause.kind} {plain(cause.value)}: {cause.now} of {cause.of_now}", style="dim")
                )
    if len(alerts) > most:
        console.console.print(Text(f"{mark}and {len(alerts) - most} more (--json lists all)", style=style))


def asks_for(rule: Rule) -> str:
    """The rule's conditions in one line."""
    parts = [f'"{rule.query}"'] if rule.query else []
    parts += [f"{target}: {' or '.join(sides)}" for target, sides in rule.stances.items()]
    for name, values in (
        ("topic", rule.topics),
        ("voice", rule.voices),
        ("entity", rule.entities),
        ("language", rule.languages),
        ("outlet", rule.outlets),
        ("country", rule.countries),
        ("feed", rule.feeds),
    ):
        parts += [f"{name}: {' or '.join(values)}"] if values else []
    scope = "; ".join(parts) or "anything on the beat"
    match rule:
        case Threshold():
            return f"{rule.stories} stories within {rule.window_hours:g} h of: {scope}"
        case Spike():
            return f"more than usual within {rule.window_hours:g} h of: {scope}"
        case Shift():
            return f"the stance on {rule.target} of each {rule.of} moves, in: {scope}"
        case FirstSeen():
            return f"a new {' or '.join(rule.of)} in: {scope}"
        case Silence() if rule.carried_by is not None:
            return f"a story of {rule.carried_by} others is missing: {scope}"
        case Silence():
            return f"nothing comes: {scope}"
        case Follow():
            return f"what joins {rule.story}: {scope}"
        case _:
            return scope
