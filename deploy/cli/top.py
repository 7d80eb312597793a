"""`vigia top`: the embedded stack as it runs: lag, rates, latency, errors, memory."""

import math
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from deploy.cli import console
from deploy.local import gauges, process
from deploy.local.gauges import Figures, Reading, Row
from deploy.local.home import Home, home_at
from deploy.local.parts import CONSUMERS
from deploy.local.state import StackState, running
from schemas.settings import load_settings

COLUMNS = (
    "part", "condition", "lag", "msg/s", "hop p95", "age p95", "batch", "done", "again", "dead", "µs/token", "memory",
    "restarts", "since",
)  # fmt: skip
COLOURS = {"ready": "green", "failed": "bold red", "unready": "red", "restarting": "red", "stopped": "dim"}


def top(
    once: Annotated[bool, typer.Option("--once", help="One picture, after two looks --every seconds apart.")] = False,
    every: Annotated[float, typer.Option(min=0.2, max=60, help="Seconds between two looks.")] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="One picture as one JSON document.")] = False,
) -> None:
    """Watch the running stack: vigia top. Ctrl-C ends it, and nothing else.

    lag: messages ahead on the partitions held; hop: from a message's arrival on its stream to its commit; age: from the
    reading of a piece to here; again: batches of which something was read again; dead: see `vigia dead list`. Exit code
    1 when no stack runs. Without a terminal, one picture.
    """
    home = home_at(load_settings().home)
    state = running(home)
    if state is None:
        console.stderr.print(f"not running in {home.root}; [bold]vigia up[/] starts it")
        raise typer.Exit(1)
    before = readings(state)
    if once or as_json or not console.console.is_terminal:
        time.sleep(every)
        state = running(home) or state
        found = rows(state, before, readings(state))
        if as_json:
            console.print_json({"at": datetime.now(UTC).isoformat(), "parts": [facts(row) for row in found]})
        else:
            console.console.print(picture(found, state))
        return
    _watch(home, state, before, every)


def _watch(home: Home, state: StackState, before: dict[str, Reading], every: float) -> None:
    with Live(console=console.console, screen=True, auto_refresh=False) as live:
        while True:
            now = readings(state)
            live.update(picture(rows(state, before, now), state), refresh=True)
            before = now
            time.sleep(every)
            found = running(home)
            if found is None:
                break
            state = found
    console.stderr.print("the stack has stopped")


def readings(state: StackState) -> dict[str, Reading]:
    """What each worker says now, by its name; those that don't answer are left out."""
    asked = {part.name: gauges.read(part.port) for part in gauges.workers(state.parts, CONSUMERS) if part.port}
    return {name: reading for name, reading in asked.items() if reading is not None}


def rows(state: StackState, before: dict[str, Reading], now: dict[str, Reading]) -> list[Row]:
    """Every part of the stack with its memory, the workers with their figures."""
    return [
        Row(
            part,
            process.memory_bytes(part.pid) if part.pid is not None else 0,
            gauges.figures(before.get(part.name), now[part.name]) if part.name in now else None,
        )
        for part in state.parts
    ]


def picture(found: list[Row], state: StackState) -> Group:
    """The table, what is wrong, and the sums."""
    table = Table(box=None, header_style="bold")
    for name in COLUMNS:
        table.add_column(name, justify="left" if name in {"part", "condition", "since"} else "right", no_wrap=True)
    for row in found:
        table.add_row(*_cells(row))
    notes = [Text.from_markup(note) for note in _notes(found)]
    up = _span(datetime.now(UTC) - state.started)
    memory = _size(sum(row.memory for row in found))
    return Group(table, *notes, Text(f"up {up}, {memory} in all, {datetime.now(UTC):%H:%M:%S} UTC", style="dim"))


def facts(row: Row) -> dict[str, Any]:
    """A row for machines: sizes in bytes, times in seconds."""
    part, of = row.part, row.figures
    return {
        "part": part.name,
        "condition": part.condition,
        "detail": part.detail,
        "since": part.since.isoformat(),
        "restarts": part.restarts,
        "memory_bytes": row.memory,
        "figures": None if of is None else {**vars(of), "errors": dict(of.errors)},
    }


def _cells(row: Row) -> list[str]:
    part, of = row.part, row.figures
    condition = "paused" if of is not None and of.paused and part.condition == "ready" else part.condition
    colour = COLOURS.get(part.condition, "yellow") if condition != "paused" else "yellow"
    return [
        escape(part.name),
        f"[{colour}]{condition}[/]",
        *(_shown(of) if of is not None else [""] * 9),
        _size(row.memory) if row.memory else "",
        str(part.restarts) if part.restarts else "",
        _span(datetime.now(UTC) - part.since),
    ]


def _shown(of: Figures) -> list[str]:
    return [
        "–" if of.lag is None else f"{of.lag:,}",
        "–" if of.rate is None else f"{of.rate:,.1f}",
        _seconds(of.hop_p95),
        _seconds(of.age_p95),
        "–" if of.batch is None else f"{of.batch:.1f}",
        f"{of.done:,}",
        f"{of.retries:,}",
        f"[red]{of.dead:,}[/]" if of.dead else "0",
        "" if of.token_us is None else f"{of.token_us:.0f}",
    ]


def _notes(found: list[Row]) -> list[str]:
    troubles = [
        f"[yellow]{escape(row.part.name)}[/] {escape(row.part.detail)}"
        for row in found
        if row.part.detail and row.part.condition != "ready"
    ]
    dead = [
        f"[red]{escape(row.part.name)}[/] dead letters: "
        + ", ".join(f"{escape(name)} {count:,}" for name, count in row.figures.errors)
        for row in found
        if row.figures is not None and row.figures.errors
    ]
    return troubles + dead


def _seconds(value: float | None) -> str:
    """An upper bound as people say it."""
    if value is None:
        return "–"
    if math.isinf(value):
        return "very long"
    return f"<{value * 1000:.0f} ms" if value < 1 else f"<{value:.0f} s" if value < 120 else f"<{value / 60:.0f} min"


def _size(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def _span(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
