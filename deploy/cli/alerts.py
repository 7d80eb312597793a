"""`vigia alerts`: what the rules found, newest first, and as it comes."""

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from deploy.cli import console
from deploy.cli.moment import parse_moment
from deploy.cli.render import alert_text
from deploy.cli.running import running_settings
from schemas.alert import Alert
from schemas.errors import Unavailable
from schemas.indices import INDICES
from schemas.queries import newest_alerts

if TYPE_CHECKING:
    from consumers.archive import Client

app = typer.Typer(no_args_is_help=True, help="What the rules found, with the sentence that caused it.")

PAGE = 1000
OVERLAP = timedelta(seconds=30)
"""Alerts are made by one worker, but become searchable a little later and not in strict order."""


@app.callback()
def _noun() -> None:
    """What the rules found, with the sentence that caused it."""


@app.command("list")
def list_alerts(
    since: Annotated[str, typer.Option(help="7d, 36h, or a date: 2026-11-24.")] = "24h",
    limit: Annotated[int, typer.Option(min=1, max=PAGE)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """The newest alerts: the rule, the piece, the sentence. Exit code 1 when there are none."""
    from consumers import archive  # here, since the client takes a second that `vigia --help` need not

    moment = parse_moment(since, now=datetime.now(UTC))
    with closing(archive.open_archive(running_settings().elasticsearch)) as es:
        archive.refresh(es, INDICES.alerts)
        found = read(es, moment, limit)
    if as_json:
        console.print_json([alert.model_dump(mode="json") for alert in found])
    else:
        for alert in reversed(found):
            console.console.print(alert_text(alert))
    if not found:
        console.stderr.print("No alerts in that time. An earlier --since shows more.")
        raise typer.Exit(1)


@app.command()
def watch() -> None:
    """Print each alert as it comes, until Ctrl-C."""
    from consumers import archive

    with closing(archive.open_archive(running_settings().elasticsearch)) as es:
        for alert in follow(es, datetime.now(UTC)):
            console.console.print(alert_text(alert))


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
