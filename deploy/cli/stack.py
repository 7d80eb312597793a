"""`vigia up`, `status`, `down`, `logs`, `doctor`: the embedded stack on this machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

import psutil
import typer
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from deploy.cli import console
from deploy.cli.logs import log_to_file
from deploy.local import jars, process
from deploy.local.doctor import Finding, examine
from deploy.local.home import Home, home_at, is_held
from deploy.local.parts import ALL, with_workers
from deploy.local.state import Endpoints, PartState, StackState, leftovers, running
from deploy.local.supervise import RunningStack, start_stack
from schemas.errors import StackError
from schemas.settings import load_settings

_DETACHED_WAIT_S: Final = 300
_DOWN_WAIT_S: Final = 120
_COLOURS: Final = {"ready": "green", "failed": "bold red", "unready": "red", "restarting": "red", "stopped": "dim"}
_SIGNS: Final = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[bold red]fail[/]"}


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when all is ready; it runs on.")] = False,
    classify: Annotated[int, typer.Option(min=1, help="How many classify workers; each takes a core or two.")] = 1,
    only: Annotated[str, typer.Option(help="Just these parts, such as kafka,elasticsearch.", metavar="PARTS")] = "",
) -> None:
    """Start everything: Kafka, Elasticsearch, Prefect, the runner of the flows and the consumers.

    Nothing has to be installed for it, neither Docker nor Java. The first start downloads about 90 MB of Java
    libraries; each is checked against its SHA-256 at every start, and later starts need no network. All data lies under
    VIGIA_HOME (~/.local/share/vigia), all servers listen on 127.0.0.1 alone. Ctrl-C stops everything and loses nothing;
    a second Ctrl-C does not wait.
    """
    home = _home()
    if detach:
        _detach(home, "--classify", str(classify), "--only", only)
        return
    parts = tuple(only.split(",")) if only else with_workers(classify)
    servers = {"kafka", "elasticsearch"} <= set(parts)
    log_to_file(home)
    with _signals() as stoppable, _downloading() as progress:
        stack = start_stack(home, parts=parts, prepare=_prepare if servers else _nothing, progress=progress)
        stoppable(stack)
    _watch(stack)


def status(as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> None:
    """Show each part: its condition, process, port, memory, restarts, since when. Exit 1 unless all are ready."""
    home = _home()
    state = running(home)
    if state is None:
        if as_json:
            console.print_json({"running": False, "home": str(home.root), "parts": []})
        else:
            console.console.print(f"not running in {home.root}; [bold]vigia up[/] starts it")
        raise typer.Exit(1)
    if as_json:
        console.print_json(_facts(state))
    else:
        console.console.print(_table(state.parts))
        console.console.print(_addresses(state.endpoints))
    if any(part.condition != "ready" for part in state.parts):
        raise typer.Exit(1)


def down() -> None:
    """Stop the stack of this home, wherever it was started, and wait until it has stopped. Nothing is lost."""
    home = _home()
    state = running(home)
    if state is not None:
        psutil.Process(state.pid).send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _DOWN_WAIT_S
        while is_held(home) and time.monotonic() < deadline:
            time.sleep(0.1)
        if is_held(home):
            raise StackError(
                "stack", f"still stopping after {_DOWN_WAIT_S} s: see `vigia status`", home.logs / "stack.log"
            )
        console.console.print("stopped")
        return
    left = leftovers(home)
    process.end_all(left)
    console.console.print(f"ended {len(left)} processes of a killed stack" if left else "not running")


def logs(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(ALL)}, or stack: what the supervisor did.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last ones.")] = 40,
) -> None:
    """Print the last lines of a part's log: vigia logs classify -f."""
    home = _home()
    file = home.logs / f"{name}.log"
    if not file.exists():
        there = ", ".join(sorted(log.stem for log in home.logs.glob("*.log"))) or "none yet"
        raise typer.BadParameter(f"there is no log of {name!r}; there are: {there}", param_hint="NAME")
    _plain(process.tail(file, lines=lines))
    if follow:
        for more in _following(file):
            _plain(more)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False) -> None:
    """Look for what is wrong: this machine, the downloads, the home, each part; exit 1 when something fails.

    It changes nothing. Each row says what was looked at, what was seen, and what to do about it.
    """
    findings = examine(_home(), load_settings().classify.model or _shipped_model())
    if as_json:
        console.print_json(
            [{"what": f.what, "verdict": f.verdict, "seen": f.seen, "remedy": f.remedy} for f in findings]
        )
    else:
        console.console.print(_report(findings))
    if any(finding.verdict == "fail" for finding in findings):
        raise typer.Exit(1)


def _prepare(at: Endpoints) -> None:
    from deploy.prepare import prepare_stack  # the clients take seconds to import: here, while the servers start

    prepare_stack(at)


def _nothing(at: Endpoints) -> None:
    """What there is to prepare on servers that this stack doesn't have."""


def _home() -> Home:
    return home_at(load_settings().home)


def _shipped_model() -> Path:
    import consumers.classifier

    return Path(consumers.classifier.__file__).parent / "shipped"


@contextmanager
def _signals() -> Iterator[Callable[[RunningStack], None]]:
    """Until the yielded function has named a stack, signals interrupt; from then on they stop the stack.

    A closed terminal (SIGHUP) is a reason to stop, too: nobody would be left to watch.
    """
    running: list[RunningStack] = []

    def on_signal(number: int, frame: FrameType | None) -> None:
        if not running:
            raise KeyboardInterrupt
        running[0].request_stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    yield running.append


@contextmanager
def _downloading() -> Iterator[jars.Progress]:
    columns = (TextColumn("Java libraries"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    bar = Progress(*columns, console=console.stderr, transient=True)
    task = bar.add_task("jars")

    def show(done: int, total: int) -> None:
        bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield show
    finally:
        if bar.live.is_started:  # else it would clear a line that it never drew
            bar.stop()


def _watch(stack: RunningStack) -> None:
    """Show the stack until it has ended. Raises StackError when it gave up."""
    announced = False
    with Live(_table(stack.parts()), console=console.stderr, auto_refresh=False) as live:
        while not stack.wait_ended(0.5):
            live.update(_table(stack.parts()), refresh=True)
            if stack.is_ready() and not announced:
                announced = True
                live.console.print(_addresses(stack.endpoints))
        live.update(_table(stack.parts()), refresh=True)


def _detach(home: Home, *options: str) -> None:
    home.create()
    if is_held(home):
        raise StackError("stack", f"already running in {home.root}: `vigia status` shows it, `vigia down` stops it")
    log = home.logs / "up.log"
    log.unlink(missing_ok=True)
    command = (sys.executable, "-m", "deploy.cli.main", "up", *options)
    with log.open("wb") as out:
        child = subprocess.Popen(  # noqa: S603 our own command line
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    with console.stderr.status("starting"):
        deadline = time.monotonic() + _DETACHED_WAIT_S
        while time.monotonic() < deadline and child.poll() is None:
            state = running(home)
            if state is not None and state.pid == child.pid and all(p.condition == "ready" for p in state.parts):
                console.console.print(_addresses(state.endpoints))
                return
            time.sleep(0.2)
    if child.poll() is None:
        raise StackError("stack", f"not ready after {_DETACHED_WAIT_S} s: see `vigia status`", log)
    said = process.tail(log, lines=12).rpartition("error ")[2]
    raise StackError("stack", f"did not start: {said}", log)


def _table(parts: tuple[PartState, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column, side in (("part", "left"), ("condition", "left"), ("pid", "right"), ("port", "right")):
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    for column in ("memory", "restarts", "since"):
        table.add_column(column, justify="right")
    table.add_column("", style="dim")
    for part in parts:
        colour = _COLOURS.get(part.condition, "yellow")
        memory = process.memory_bytes(part.pid) / 1e6 if part.pid is not None else None
        table.add_row(
            part.name,
            f"[{colour}]{part.condition}[/]",
            "" if part.pid is None else str(part.pid),
            "" if part.port is None else str(part.port),
            "" if memory is None else f"{memory:,.0f} MB",
            str(part.restarts) if part.restarts else "",
            _age(part.since),
            escape(part.detail),
        )
    return table


def _addresses(at: Endpoints) -> str:
    rows = [("Kafka", at.kafka), ("Elasticsearch", at.elasticsearch)]
    if at.prefect is not None:
        rows.append(("Prefect", at.prefect.removesuffix("/api")))
    return "\n".join(f"[bold]{name}[/] {where}" for name, where in rows if where is not None)


def _report(findings: list[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(4):
        table.add_column()
    for finding in findings:
        table.add_row(_SIGNS[finding.verdict], finding.what, escape(finding.seen), escape(finding.remedy))
    return table


def _facts(state: StackState) -> dict[str, Any]:
    parts = [
        part.model_dump(mode="json") | {"memory_bytes": process.memory_bytes(part.pid) if part.pid is not None else 0}
        for part in state.parts
    ]
    return state.model_dump(mode="json", exclude={"parts"}) | {"running": True, "parts": parts}


def _age(since: datetime) -> str:
    seconds = int((datetime.now(UTC) - since).total_seconds())
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds} s"


def _following(file: Path) -> Iterator[str]:
    """What is added to a log from now on; goes on in the new file when the log is rotated."""
    skip = True
    while True:
        with file.open(encoding="utf-8", errors="replace") as source:
            if skip:
                source.seek(0, os.SEEK_END)
            skip = False
            while os.path.samestat(os.fstat(source.fileno()), file.stat()):
                if more := source.read():
                    yield more.removesuffix("\n")
                time.sleep(0.2)


def _plain(text: str) -> None:
    console.console.print(text, markup=False, highlight=False, soft_wrap=True)
