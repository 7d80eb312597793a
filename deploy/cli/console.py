"""What a person sees: one console for results, one for everything else, and errors with their remedy."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

console = Console()
"""Results: goes to stdout."""

stderr = Console(stderr=True)
"""Progress, warnings, errors."""


def fail(error: Exception) -> None:
    """One error, as a person reads it."""
    stderr.print(f"[bold red]error[/] {escape(str(error))}", highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on stdout, for machines: never coloured or wrapped."""
    print(json.dumps(value, ensure_ascii=False, default=str))


@contextmanager
def progress() -> Iterator[Progress]:
    """A progress display on stderr for work that takes more than a second or two."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=stderr,
        transient=True,
    ) as display:
        yield display
