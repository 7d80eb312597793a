"""`vigia rules`: what the alerts worker looks for."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from consumers.rulebook import load_rules
from deploy.cli import console, precision
from schemas.rule import Rule
from schemas.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="What alerts are made of: rules.toml.")

File = Annotated[Path | None, typer.Argument(help="Another file than the one in the settings (alert.rules_file).")]
app.command()(precision.precision)


@app.callback()
def _noun() -> None:
    """What alerts are made of: rules.toml."""


@app.command()
def check(file: File = None) -> None:
    """Say whether the file is right; else name the line, the field and what to do, with exit code 2."""
    rules = load_rules(file or load_settings().alert.rules_file)
    asleep = sum(not rule.enabled for rule in rules)
    console.console.print(f"{len(rules)} rules are right" + (f", {asleep} of them asleep" if asleep else ""))


@app.command("list")
def list_rules(
    file: File = None, as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False
) -> None:
    """Show each rule and what it asks for."""
    rules = load_rules(file or load_settings().alert.rules_file)
    if as_json:
        console.print_json([rule.model_dump(mode="json") for rule in rules])
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("id", "severity", "name", "asks for"):
        table.add_column(column)
    for rule in rules:
        table.add_row(rule.id, rule.severity if rule.enabled else "asleep", rule.name, asks_for(rule))
    console.console.print(table)


def asks_for(rule: Rule) -> str:
    """The rule's conditions in one line."""
    parts = [f'"{rule.query}"'] if rule.query else []
    parts += [f"{target}: {' or '.join(sides)}" for target, sides in rule.stances.items()]
    for name, values in (
        ("topic", rule.topics),
        ("language", rule.languages),
        ("outlet", rule.outlets),
        ("country", rule.countries),
    ):
        parts += [f"{name}: {' or '.join(values)}"] if values else []
    return "; ".join(parts) or "anything on the beat"
