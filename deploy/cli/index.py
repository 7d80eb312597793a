"""`vigia index`: what the index holds, and its move into a new version of its mapping."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from deploy.cli import console
from deploy.cli.running import running_settings
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from flows.archive import Standing
    from flows.migrate import Progress

app = typer.Typer(no_args_is_help=True, help="What Elasticsearch holds for us, and by which version of its mapping.")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@app.callback()
def _noun() -> None:
    """What Elasticsearch holds for us, and by which version of its mapping."""


@app.command()
def status(as_json: AsJson = False) -> None:
    """Each month, the alerts and the map of stories: documents, size, version of the mapping.

    Exit code 1 when one was made by an older version than this Vigía's: `vigia index migrate` moves it.
    """
    from flows.archive import open_archive, standing
    from flows.migrate import newest, outdated

    with open_archive(running_settings().elasticsearch) as es:
        found = standing(es)
    if as_json:
        console.print_json(
            [
                {"name": s.name, "index": s.index, "version": s.version, "newest": newest(s.name),
                 "documents": s.documents, "bytes": s.bytes, "held": s.held, "filling": s.next}
                for s in found
            ]
        )  # fmt: skip
    else:
        table = Table("name", "documents", "size", "mapping", "")
        for one in found:
            mapping = f"{one.version}" if one.version == newest(one.name) else f"{one.version} of {newest(one.name)}"
            table.add_row(one.name, f"{one.documents:,}", f"{one.bytes / 1e6:,.1f} MB", mapping, _note(one))
        console.console.print(table if found else "Elasticsearch holds nothing of ours yet: vigia up")
    if outdated(found):
        console.stderr.print("Pieces in months of an older mapping lack its newer fields: vigia index migrate")
        raise typer.Exit(1)


def _note(one: "Standing") -> str:
    if one.held:
        return "writers wait: run vigia index migrate"
    return f"{one.next} is being filled: vigia index migrate goes on" if one.next else ""


@app.command()
def migrate(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these, such as news-2026.11.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be migrated, and do nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Move what an older version of the mapping made into the newest, while searches and workers go on.

    The documents are copied in the order of their last change into a new index; for the last of them writers wait, a
    second or less, and the names then change hands in one step. Stopped or killed, it goes on when it is run again.
    About as much free disk is needed as the largest month takes. Labels that only the model can give, such as an
    embedding, come by `vigia flow run replay index`.
    """
    from consumers import archive as writers
    from flows.archive import open_archive, standing
    from flows.migrate import migrate as move
    from flows.migrate import outdated

    settings = running_settings()
    with open_archive(settings.elasticsearch) as es:
        found = standing(es)
    if unknown := set(names or ()) - {one.name for one in found}:
        known = ", ".join(one.name for one in found) or "none"
        raise ConfigError(", ".join(sorted(unknown)), "is no index of ours", remedy=f"There are: {known}")
    due = [one for one in outdated(found) if not names or one.name in names]
    if dry_run:
        for one in due:
            console.console.print(f"{one.name}: {one.documents} documents would be migrated", markup=False)
        return
    with closing(writers.open_archive(settings.elasticsearch)) as client:
        writers.ensure(client)  # months begun meanwhile are of the newest version
    with console.progress() as display:
        tasks = {one.name: display.add_task(one.name, total=one.documents) for one in due}

        def told(progress: "Progress") -> None:
            display.update(tasks[progress.name], completed=progress.copied, total=progress.total)

        done = move(settings, only=[one.name for one in due], told=told) if due else []
    if as_json:
        console.print_json([one.__dict__ for one in done])
        return
    for moved in done:
        console.console.print(
            f"{moved.name}: {moved.documents} documents, mapping {moved.version}; writers waited {moved.held_s:.1f} s"
        )
    if not done:
        console.console.print("Nothing to migrate: all is of the newest mapping")
