"""Child processes: started in a session of their own, ended for certain, found again after a crash."""

import json
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

import psutil

MARK: Final = "VIGIA_STACK"
"""Environment variable of every child, and so of its children: the root of the home that it belongs to."""

_SAME_START_S: Final = 2.0
_KEEP_LOG_BYTES: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Child:
    """A process that we started; `log_offset` is where its own output begins in `log`."""

    process: subprocess.Popen[bytes]
    create_time: float
    log: Path
    log_offset: int

    @property
    def pid(self) -> int:
        """Also the number of its process group."""
        return self.process.pid


def spawn(command: Sequence[str], env: Mapping[str, str], log: Path, cwd: Path) -> Child:
    """Start a process in its own session, so that a Ctrl-C reaches its supervisor alone; output is added to `log`."""
    _rotate(log)
    with log.open("ab") as out:
        offset = out.tell()
        process = subprocess.Popen(  # noqa: S603 our own command lines
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    try:
        create_time = psutil.Process(process.pid).create_time()
    except psutil.NoSuchProcess:
        create_time = 0.0
    return Child(process, create_time, log, offset)


def end(child: Child, *, signal_number: int, timeout_s: float, hurry: Event) -> int:
    """Ask a child to stop, wait, then kill what is left of its session; the exit status, negative for a signal.

    Setting `hurry` cuts the wait short.
    """
    process = child.process
    if process.poll() is None:
        process.send_signal(signal_number)
        waited = 0.0
        while waited < timeout_s and not hurry.is_set():
            try:
                process.wait(0.1)
                break
            except subprocess.TimeoutExpired:
                waited += 0.1
    _kill_group(child.pid)
    return process.wait()


def listens(child: Child, port: int) -> bool:
    """Whether the child, or a process that it started, has this port: an answer there may be another program's."""
    try:
        own = psutil.Process(child.pid)
        family = [own, *own.children(recursive=True)]
        links = [link for member in family for link in member.net_connections(kind="tcp")]
    except psutil.Error:
        return False
    return any(link.status == psutil.CONN_LISTEN and link.laddr.port == port for link in links)


def describe_exit(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exited with {status}"
    return f"was killed by {signal.Signals(-status).name}"


def tail(log: Path, *, lines: int, offset: int = 0) -> str:
    """The last lines of a log, from `offset` on, at most 64 kB; empty when there is none."""
    try:
        with log.open("rb") as source:
            end_of_file = source.seek(0, os.SEEK_END)
            source.seek(max(offset, end_of_file - 65_536))
            text = source.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-lines:])


def last_words(child: Child) -> str:
    """Why a child says that it ended: the `reason` of its last line when that is a JSON event, else its last lines."""
    said = tail(child.log, lines=8, offset=child.log_offset)
    try:
        event = json.loads(said.rpartition("\n")[2])
    except ValueError:
        return said
    return str(event["reason"]) if isinstance(event, dict) and "reason" in event else said


def is_alive(pid: int, create_time: float) -> bool:
    """Whether the process that had this pid at that time still runs."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - create_time) < _SAME_START_S and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def find(recorded: Iterable[tuple[int, float]], *, mark: str) -> list[psutil.Process]:
    """Live processes among those recorded (pid, start time), and all others that carry this mark but ourselves."""
    found = {pid: psutil.Process(pid) for pid, create_time in recorded if is_alive(pid, create_time)}
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                found[process.pid] = process
        except psutil.Error:
            continue
    return list(found.values())


def end_all(found: Sequence[psutil.Process], *, timeout_s: float = 10) -> None:
    """End them: politely, since they have data to write, then for certain."""
    for process in found:
        _signal(process, signal.SIGTERM)
    _, stubborn = psutil.wait_procs(found, timeout=timeout_s)
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=timeout_s)


def memory_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants; 0 when it is gone."""
    try:
        process = psutil.Process(pid)
        return sum(_resident(member) for member in (process, *process.children(recursive=True)))
    except psutil.Error:
        return 0


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        return


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _KEEP_LOG_BYTES:
        log.replace(log.with_name(log.name + ".1"))
