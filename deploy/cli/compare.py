"""`vigia model compare`: what would change in the archive under another model."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from deploy.cli import console
from deploy.cli.running import running_settings
from schemas.errors import ConfigError
from schemas.inert import plain

if TYPE_CHECKING:
    from consumers.compare import Compared


def compare(
    candidate: Annotated[Path, typer.Argument(help="The other model's folder.", exists=True, file_okay=False)],
    since: Annotated[str, typer.Option(help="Pieces published since: 30d, 36h, or a date.")] = "30d",
    per_minute: Annotated[float, typer.Option(min=1, help="Pieces read in a minute at most.")] = 600,
    again: Annotated[bool, typer.Option("--again", help="Begin anew, though one is unfinished.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Read the archive with another model and show which labels would change. Nothing is changed.

    One that was stopped goes on where it was. To apply: set classify.model to the folder (its generation must be
    higher), start the workers anew, then [bold]vigia flow run replay --origin index --since …[/]: documents keep the
    model that read them, and no alerts are made of the past.
    """
    from consumers.archive import open_archive
    from consumers.classifier.model import load
    from consumers.compare import Compared, resumed
    from consumers.compare import compare as run
    from schemas.moment import parse_moment

    settings, now = running_settings(), datetime.now(UTC)
    model = load(settings.classify.model_copy(update={"model": candidate, "threads": 1}))
    kept = settings.home / "compare" / f"{model.ref.sha256[:16]}.json"
    progress = None if again else resumed(kept)
    if progress is not None and not progress.done:
        console.stderr.print(
            f"going on after {progress.pieces} pieces, since {progress.since:%Y-%m-%d}", highlight=False
        )
    else:
        start = parse_moment(since, now=now)
        progress = Compared(model=model.ref.id, sha256=model.ref.sha256, since=start, until=now)
    with closing(open_archive(settings.elasticsearch)) as es, console.progress() as display:
        task = display.add_task("pieces", total=None)
        now_ms = int(now.timestamp() * 1000)
        for seen in run(es, model, progress, now_ms=now_ms, kept=kept, per_minute=per_minute):
            display.update(task, completed=seen.pieces)
    if as_json:
        console.print_json(progress.model_dump(mode="json", exclude={"after"}))
    else:
        show(progress)
    if not progress.pieces:
        raise ConfigError("--since", "no piece in the index is that new", remedy="Go further back: --since 365d")


def show(found: "Compared") -> None:
    """The changes by label, with examples."""
    out = console.console
    out.print(
        f"{found.model}: {found.pieces} pieces since {found.since:%Y-%m-%d}, {found.changed} would change, "
        f"{found.same_model} were read by this model already, {found.unreadable} can't be read",
        highlight=False,
        soft_wrap=True,
    )
    grid = Table("change", "pieces", "such as")
    for change, count in sorted(found.changes.items(), key=lambda item: (-item[1], item[0])):
        grid.add_row(change, str(count), Text("\n".join(plain(one) for one in found.examples[change][:2])))
    if found.changes:
        out.print(grid)
