"""`vigia rules precision`: how often each rule was right."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from deploy.cli import console
from deploy.cli.alerts import opened
from deploy.cli.moment import parse_moment


def precision(
    since: Annotated[str, typer.Option(help="Alerts made since: 90d, or a date.")] = "90d",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """How often each rule was right, by the verdicts given with `vigia alerts verdict`, and how sure that is.

    The interval is Wilson's, at 95 %. Exit code 1 when there are no alerts.
    """
    from consumers.alerts.precision import precision as measured

    with opened() as es:
        found = measured(es, parse_moment(since, now=datetime.now(UTC)))
    if as_json:
        console.print_json(
            [
                {
                    "rule": p.rule_id,
                    "alerts": p.alerts,
                    "right": p.right,
                    "not_relevant": p.not_relevant,
                    "wrong_stance": p.wrong_stance,
                    "precision": p.share,
                    "low": p.interval[0],
                    "high": p.interval[1],
                }
                for p in found
            ]
        )
    else:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("rule", "alerts", "right", "not relevant", "wrong stance", "precision", "95 % interval"):
            table.add_column(column)
        for p in found:
            share = "–" if p.share is None else f"{p.share:.2f}"
            low, high = p.interval
            table.add_row(
                p.rule_id, str(p.alerts), str(p.right), str(p.not_relevant), str(p.wrong_stance), share,
                f"{low:.2f}–{high:.2f}" if p.judged else "–",
            )  # fmt: skip
        console.console.print(table)
    if not found:
        console.stderr.print("No alerts in that time. An earlier --since shows more.")
        raise typer.Exit(1)
