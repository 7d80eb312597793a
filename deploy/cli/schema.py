"""`vigia schema`: the JSON Schema files of what flows, for those who read the streams in another language."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

import schemas
from deploy.cli import console
from schemas.alert import Alert
from schemas.article import Article
from schemas.classification import Classification, Indexed
from schemas.compatibility import breaks
from schemas.deadletter import DeadLetter, LetterMark
from schemas.errors import ConfigError
from schemas.feed import Feed, FeedState
from schemas.ops import OpsAlert
from schemas.rule import Rules

app = typer.Typer(no_args_is_help=True, help="The JSON Schema files of everything that flows.")

MODELS: tuple[type[BaseModel], ...] = (
    Article,
    Classification,
    Indexed,
    Alert,
    OpsAlert,
    DeadLetter,
    LetterMark,
    Rules,
    Feed,
    FeedState,
)
FOLDER = Path(schemas.__file__).parent / "jsonschema"


@app.callback()
def _noun() -> None:
    """The JSON Schema files of everything that flows."""


def file_of(model: type[BaseModel]) -> Path:
    """Where the model's JSON Schema is kept."""
    return FOLDER / f"{model.__name__.lower()}.json"


def rendered(model: type[BaseModel]) -> str:
    """The model's JSON Schema as it is written to its file."""
    return json.dumps(model.model_json_schema(mode="validation"), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


@app.command()
def write(
    release: Annotated[
        Path | None,
        typer.Option(help="The folder of the schemas last released."),
    ] = None,
) -> None:
    """Write the JSON Schema files; with --release, refuse a change that messages of that release would not survive."""
    if release is not None:
        broken = [b for model in MODELS for b in incompatibilities(model, release)]
        if broken:
            raise ConfigError(
                str(release),
                "; ".join(broken),
                remedy="Give the field a default, or raise schema_version with an upgrade in schemas/wire.py",
            )
    FOLDER.mkdir(exist_ok=True)
    for model in MODELS:
        file_of(model).write_text(rendered(model))
    console.stderr.print(f"{len(MODELS)} schemas written to {FOLDER}")


@app.command()
def check() -> None:
    """Say whether the committed files are those that the models give; exit 1 when one is stale."""
    stale = [m.__name__ for m in MODELS if not file_of(m).is_file() or file_of(m).read_text() != rendered(m)]
    if stale:
        console.stderr.print(f"stale: {', '.join(stale)}. Run `vigia schema write`")
        raise typer.Exit(1)
    console.console.print(f"{len(MODELS)} schemas are current")


def incompatibilities(model: type[BaseModel], release: Path) -> list[str]:
    """What a message of the last release could hold that the model now refuses, each with the model's name."""
    file = release / file_of(model).name
    if not file.is_file():
        return []
    old: dict[str, Any] = json.loads(file.read_text())
    return [f"{model.__name__} {b}" for b in breaks(old, model.model_json_schema(mode="validation"))]
