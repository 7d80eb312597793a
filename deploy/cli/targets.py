"""`vigia model target`: targets of stance that a user describes in words."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from deploy.cli import console
from schemas.errors import ConfigError
from schemas.settings import Settings, load_settings

if TYPE_CHECKING:
    from consumers.classifier.described import Described

app = typer.Typer(no_args_is_help=True, help="Targets of stance described in words, which no model was trained on.")


@app.command()
def add(
    target: Annotated[str, typer.Argument(metavar="ID", help="Its name: small letters, digits and _.")],
    describe: Annotated[
        list[str], typer.Option(help="What the target is, in words; give several, in both languages if you can.")
    ],
    lang: Annotated[str | None, typer.Option(help="Ask it of pieces in this language alone: en or es.")] = None,
) -> None:
    """Describe a target: from then on `vigia classify` and the worker say which side pieces seem to take on it.

    [bold]vigia model target add tps_extension --describe "extending TPS for Salvadorans" --describe "la prórroga del
    TPS para los salvadoreños"[/]

    What is said of it is marked zero-shot and kept apart from the trained targets: how often it is right on targets
    never trained on is shown with it. A target that is there already is described anew.
    """
    from consumers.classifier import described, model

    settings = load_settings()
    path = settings.classify.targets_file
    made = described.make(target, describe, lang)
    others = [one for one in described.read(path) if one.id != target]
    model.load(settings.classify).with_described([made])
    described.write(path, [*others, made])
    console.console.print(f"{target} is in {path}; workers ask it once they are started anew", highlight=False)
    console.console.print(f"zero-shot: {_quality(settings)}", highlight=False, style="yellow")


@app.command("list")
def list_targets(as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> None:
    """The targets described in words, and how good what is said of them may be. Exit code 1 when there are none."""
    from consumers.classifier import described, zeroshot

    settings = load_settings()
    found = described.read(settings.classify.targets_file)
    if as_json:
        quality = zeroshot.quality(_report(settings))
        console.print_json({"targets": [one.model_dump(mode="json") for one in found], "quality": quality})
    elif found:
        console.console.print(_grid(found))
        console.console.print(f"zero-shot: {_quality(settings)}", highlight=False, style="yellow")
    else:
        console.stderr.print(f"none in {settings.classify.targets_file}: `vigia model target add`", highlight=False)
    if not found:
        raise typer.Exit(1)


@app.command()
def remove(target: Annotated[str, typer.Argument(metavar="ID", help="As `vigia model target list` shows it.")]) -> None:
    """Ask a target no more; what was said of it stays where it is."""
    from consumers.classifier import described

    path = load_settings().classify.targets_file
    found = described.read(path)
    if target not in {one.id for one in found}:
        raise ConfigError(target, f"is not in {path}", remedy="`vigia model target list` shows what is")
    described.write(path, [one for one in found if one.id != target])
    console.console.print(f"{target} is no longer asked", highlight=False)


def _grid(found: "tuple[Described, ...]") -> Table:
    grid = Table("target", "language", "described as")
    for one in found:
        grid.add_row(one.id, one.lang or "both", "\n".join(one.describe))
    return grid


def _report(settings: Settings) -> Path:
    from consumers.classifier.manifest import SHIPPED

    return (settings.classify.model or SHIPPED) / "report.json"


def _quality(settings: Settings) -> str:
    from consumers.classifier import zeroshot

    return zeroshot.told(zeroshot.quality(_report(settings)))
