"""What is known of a running stack, on disk, so that other commands find it: run/stack.json."""

import os
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.local.home import Home
from deploy.local.process import find, is_alive

Condition: TypeAlias = Literal["waiting", "starting", "ready", "unready", "restarting", "stopped", "failed"]
"""waiting for what it needs; starting until first ready; unready: alive, but says that it cannot work just now."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Endpoints(_Record):
    """Where a stack's servers answer; None for a part that this stack does not have."""

    kafka: str | None = None
    elasticsearch: str | None = None
    prefect: str | None = None

    def environment(self) -> dict[str, str]:
        """The settings that lead any process of Vigía (and Prefect's own commands) to this stack."""
        found: dict[str, str] = {}
        if self.kafka is not None:
            found["VIGIA_KAFKA__SERVERS"] = f'["{self.kafka}"]'
        if self.elasticsearch is not None:
            found["VIGIA_ELASTICSEARCH__URL"] = self.elasticsearch
        if self.prefect is not None:
            found["VIGIA_PREFECT__API_URL"] = found["PREFECT_API_URL"] = self.prefect
        return found


class PartState(_Record):
    """One part: `since` is when `condition` began, `create_time` (seconds since the epoch) tells a reused pid apart."""

    name: str
    condition: Condition
    since: datetime
    log: Path
    port: int | None = None
    pid: int | None = None
    create_time: float | None = None
    restarts: int = 0
    detail: str = ""


class StackState(_Record):
    """The whole stack and the process that watches it."""

    pid: int
    create_time: float
    started: datetime
    endpoints: Endpoints
    parts: tuple[PartState, ...]


def write_state(home: Home, state: StackState) -> None:
    """Replace the home's state in one step: a reader, or a crash, sees the old one or the new one."""
    write_atomically(_file(home), state.model_dump_json(indent=1))


def read_state(home: Home) -> StackState | None:
    """The state last written; None before the first start, or when the file is damaged.

    It may be that of a stack that has ended or was killed: `running` tells.
    """
    try:
        return StackState.model_validate_json(_file(home).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def running(home: Home) -> StackState | None:
    """The state of the home's stack while one runs: its supervisor lives and has not stopped every part."""
    state = read_state(home)
    if state is None or all(part.condition in {"stopped", "failed"} for part in state.parts):
        return None
    return state if is_alive(state.pid, state.create_time) else None


def endpoints(home: Home) -> Endpoints | None:
    """Where the home's stack answers, when one is running (starting included)."""
    state = running(home)
    return state.endpoints if state is not None else None


def leftovers(home: Home) -> list[psutil.Process]:
    """Processes of a stack of this home that outlived their supervisor; meaningless while the home's lock is held.

    Those on record (pid and start time must both match) and those that carry the home's mark: a supervisor killed
    between starting a child and writing it down leaves only the mark.
    """
    state = read_state(home)
    parts = state.parts if state is not None else ()
    recorded = [(part.pid, part.create_time) for part in parts if part.pid is not None and part.create_time is not None]
    return find(recorded, mark=str(home.root))


def write_atomically(file: Path, text: str) -> None:
    """Write a small file so that it is never seen half written, and hidden from other users."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)


def _file(home: Home) -> Path:
    return home.run / "stack.json"
