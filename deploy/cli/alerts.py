"""`vigia alerts`: what the rules found, as it comes, and what people do with it."""

import getpass
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli import console
from deploy.cli.history import listed, with_history
from deploy.cli.moment import parse_moment
from deploy.cli.render import alert_text
from deploy.cli.running import running_settings
from schemas.alert import Action, Alert, AlertRecord, AlertState, Severity, Verdict
from schemas.errors import Unavailable
from schemas.indices import INDICES
from schemas.queries import newest_alerts

if TYPE_CHECKING:
    from consumers.archive import Client

app = typer.Typer(no_args_is_help=True, help="What the rules found, and what became of it.")

PAGE = 1000
OVERLAP = timedelta(seconds=30)
"""Alerts are made by one worker, but become searchable a little later and not in strict order."""

Id = Annotated[str, typer.Argument(metavar="ALERT", help="The alert's id, or enough of its beginning.")]
Note = Annotated[str, typer.Option("--note", "-m", help="Why, for those who read the history.")]
By = Annotated[str | None, typer.Option("--as", help="Who you are; VIGIA_USER, else your login, when left out.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@app.callback()
def _noun() -> None:
    """What the rules found, with the sentence that caused it; who took it up, and what came of it."""


@app.command("list")
def list_alerts(
    since: Annotated[str, typer.Option(help="7d, 36h, or a date: 2026-11-24.")] = "24h",
    limit: Annotated[int, typer.Option(min=1, max=PAGE)] = 20,
    state: Annotated[list[AlertState] | None, typer.Option(help="Any of these.")] = None,
    rule: Annotated[list[str] | None, typer.Option(help="A rule's id; any of these.")] = None,
    severity: Annotated[list[Severity] | None, typer.Option(help="Any of these.")] = None,
    as_json: AsJson = False,
) -> None:
    """The newest alerts: the rule, the piece, the sentence. Exit code 1 when there are none."""
    from consumers.alerts import acting  # here, since the client takes a second that `vigia --help` need not

    moment = parse_moment(since, now=datetime.now(UTC))
    with opened() as es:
        found = acting.read(
            es, since=moment, states=state or (), rules=rule or (), severities=severity or (), size=limit
        )
    if as_json:
        console.print_json([alert.model_dump(mode="json") for alert in found])
    else:
        for alert in reversed(found):
            console.console.print(listed(alert))
    if not found:
        console.stderr.print("No such alerts in that time. An earlier --since shows more.")
        raise typer.Exit(1)


@app.command()
def show(alert: Id, as_json: AsJson = False) -> None:
    """One alert with its history: who was told and when, who did what, and why."""
    from consumers.alerts import acting

    with opened() as es:
        record = acting.show(es, alert)
    _print(record, as_json)


@app.command()
def ack(alert: Id, note: Note = "", who: By = None, as_json: AsJson = False) -> None:
    """Take an alert up: nobody is told of it any further. vigia alerts ack 3f9c -m "calling the ministry"."""
    _act(alert, Action.ACK, note, who, as_json)


@app.command()
def resolve(alert: Id, note: Note = "", who: By = None, as_json: AsJson = False) -> None:
    """Say that an alert is dealt with."""
    _act(alert, Action.RESOLVE, note, who, as_json)


@app.command()
def dismiss(alert: Id, note: Note = "", who: By = None, as_json: AsJson = False) -> None:
    """Say that an alert needs nothing done."""
    _act(alert, Action.DISMISS, note, who, as_json)


@app.command()
def reopen(alert: Id, note: Note = "", who: By = None, as_json: AsJson = False) -> None:
    """Take a resolved or dismissed alert up again."""
    _act(alert, Action.REOPEN, note, who, as_json)


@app.command()
def note(
    alert: Id, text: Annotated[str, typer.Argument(help="What to add.")], who: By = None, as_json: AsJson = False
) -> None:
    """Add to an alert's history, whatever its state."""
    _act(alert, Action.NOTE, text, who, as_json)


@app.command()
def verdict(
    alert: Id,
    verdict: Annotated[Verdict, typer.Argument(help="Whether the rule was right to alert.")],
    note: Note = "",
    who: By = None,
    as_json: AsJson = False,
) -> None:
    """Say whether the rule was right; the last verdict counts. `vigia rules precision` adds them up."""
    _act(alert, Action.VERDICT, note, who, as_json, verdict)


@app.command()
def watch() -> None:
    """Print each alert as it comes, until Ctrl-C."""
    with opened() as es:
        for alert in follow(es, datetime.now(UTC)):
            console.console.print(alert_text(alert))


@contextmanager
def opened() -> Iterator["Client"]:
    """The running Elasticsearch, for as long as the block runs."""
    from consumers import archive

    with closing(archive.open_archive(running_settings().elasticsearch)) as es:
        yield es


def _act(alert: str, action: Action, note: str, who: str | None, as_json: bool, verdict: Verdict | None = None) -> None:
    from consumers.alerts import acting

    name = who or os.environ.get("VIGIA_USER") or getpass.getuser()
    with opened() as es:
        record = acting.act(es, alert, action, who=name, at=datetime.now(UTC), note=note, verdict=verdict)
    _print(record, as_json)


def _print(record: AlertRecord, as_json: bool) -> None:
    if as_json:
        console.print_json(record.model_dump(mode="json"))
    else:
        console.console.print(with_history(record))


def read(es: "Client", since: datetime, limit: int) -> list[Alert]:
    """The alerts made since a moment, the newest first. Raises Unavailable."""
    from consumers import archive

    body = newest_alerts(limit, since_ms=int(since.timestamp() * 1000))
    hits = archive.search(es, body, index=INDICES.alerts)["hits"]["hits"]
    known = Alert.model_fields.keys()
    return [Alert.model_validate({k: v for k, v in hit["_source"].items() if k in known}) for hit in hits]


def follow(es: "Client", since: datetime, *, every_s: float = 1.0) -> Iterator[Alert]:
    """Each alert made after a moment, once, as it comes; goes on through an outage of Elasticsearch."""
    begun, seen = since, dict[str, int]()
    while True:
        try:
            fresh = [alert for alert in reversed(read(es, since - OVERLAP, PAGE)) if alert.alert_id not in seen]
        except Unavailable:
            fresh = []
        for alert in fresh:
            seen[alert.alert_id] = alert.created_at_ms
            if alert.created_at_ms >= begun.timestamp() * 1000:
                yield alert
        if seen:
            since = datetime.fromtimestamp(max(seen.values()) / 1000, tz=UTC)
        oldest = (since - OVERLAP).timestamp() * 1000
        seen = {alert_id: at for alert_id, at in seen.items() if at >= oldest}
        time.sleep(every_s)
