"""`vigia config`: which settings are in force."""

from typing import Annotated, Any

import typer

from deploy.cli import console
from schemas.redact import Redactor, redactor_of
from schemas.settings import config_file, load_settings

app = typer.Typer(no_args_is_help=True, help="Which settings are in force, and where they come from.")


@app.callback()
def _noun() -> None:
    """Which settings are in force, and where they come from."""


@app.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> None:
    """Print every setting in force, secrets masked.

    The environment wins over the file: VIGIA_POLL__TICK_S=30 sets poll.tick_s. The file is the one named by
    VIGIA_CONFIG, else vigia.toml in the working directory.
    """
    found = load_settings()
    # SecretStr dumps as asterisks; what a URL hides, such as a login for Prefect, does not
    settings = _cleaned(found.model_dump(mode="json"), redactor_of(found))
    if as_json:
        console.print_json(settings)
        return
    file = config_file()
    console.console.print(f"# {file}{'' if file.is_file() else ' (not there: defaults and environment)'}", style="dim")
    for line in _lines(settings):
        console.console.print(line, highlight=False, markup=False, soft_wrap=True)


def _cleaned(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        return redactor.clean(value)
    if isinstance(value, dict):
        return {name: _cleaned(inner, redactor) for name, inner in value.items()}
    return [_cleaned(inner, redactor) for inner in value] if isinstance(value, list) else value


def _lines(value: dict[str, object], prefix: str = "") -> list[str]:
    lines = []
    for name, inner in value.items():
        if isinstance(inner, dict):
            lines += _lines(inner, f"{prefix}{name}.")
        else:
            lines.append(f"{prefix}{name} = {inner!r}")
    return lines
