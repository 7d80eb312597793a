"""Starts the parts as their needs become ready, watches them, brings back what dies, stops all in reverse order."""

import atexit
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import psutil
import structlog

from deploy.local import jars, process
from deploy.local.home import Home, hold, require_space
from deploy.local.parts import ALL, PREPARE, Part, addresses, build, listeners
from deploy.local.ports import claim
from deploy.local.process import Child
from deploy.local.state import Condition, Endpoints, PartState, StackState, leftovers, write_state
from schemas.errors import StackError

_NEEDED_BYTES: Final = 1_000_000_000
_LOOK_S: Final = 0.1
_PROBE_S: Final = 3.0
_STEADY_S: Final = 60.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0

log = structlog.get_logger()


OnEvent: TypeAlias = Callable[[PartState], None]
"""Called with a part's new state whenever its condition changed; from the supervisor's threads, one call at a time."""


class RunningStack:
    """A stack under supervision, made by `start_stack`. Each part has a thread that keeps it; one more stops all."""

    def __init__(
        self,
        home: Home,
        parts: Sequence[Part],
        at: Endpoints,
        prepare: Callable[[Endpoints], None],
        on_event: OnEvent,
        holds: ExitStack,
    ) -> None:
        self.home, self.endpoints = home, at
        self._parts, self._prepare, self._on_event, self._holds = parts, prepare, on_event, holds
        self._changed = threading.Condition(threading.RLock())
        self._states = {part.name: _waiting(part) for part in parts}
        self._children: dict[str, Child] = {}
        self._prepared = False
        self._was_ready = False
        self._failure: StackError | None = None
        self._stopping, self._hurry, self._ended = threading.Event(), threading.Event(), threading.Event()
        self._started = _now()

    @property
    def failure(self) -> StackError | None:
        """Why the stack gave up; None while it has not."""
        return self._failure

    def parts(self) -> tuple[PartState, ...]:
        """Each part as it is now."""
        with self._changed:
            return tuple(self._states.values())

    def part(self, name: str) -> PartState:
        """One part as it is now. Raises KeyError when this stack does not have it."""
        with self._changed:
            return self._states[name]

    def is_ready(self) -> bool:
        """Whether every part does its work and `prepare` has run."""
        with self._changed:
            return self._prepared and all(state.condition == "ready" for state in self._states.values())

    def wait_ready(self, timeout_s: float = 300) -> None:
        """Wait until all parts are ready at once. Raises StackError when one failed for good, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_ready() or self._stopping.is_set(), timeout_s)
            if self._failure is None and not self._stopping.is_set() and not self.is_ready():
                slow = next((s for s in self._states.values() if s.condition != "ready"), None)
                name, path = (slow.name, slow.log) if slow is not None else (PREPARE, None)
                raise StackError(name, f"not ready after {timeout_s:.0f} s", path)
        if self._stopping.is_set():
            self._ended.wait()
            raise self._failure or StackError("stack", "was stopped before it was ready")

    def wait_ended(self, timeout_s: float | None = None) -> bool:
        """Wait until everything has stopped; whether it has. Raises StackError when the stack gave up by itself."""
        ended = self._ended.wait(timeout_s)
        if ended and self._failure is not None:
            raise self._failure
        return ended

    def request_stop(self) -> None:
        """Begin to stop and return; safe in a signal handler. A second call kills what has not stopped yet."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    def stop(self) -> None:
        """Stop every part and wait until all have ended. Does nothing when that has happened already."""
        self._stopping.set()
        self._ended.wait()

    def _run(self) -> None:
        for part in self._parts:
            threading.Thread(target=self._keep, args=(part,), name=f"keep-{part.name}", daemon=True).start()
        threading.Thread(target=self._prepare_once, name=PREPARE, daemon=True).start()
        threading.Thread(target=self._stop_when_asked, name="stop", daemon=True).start()
        atexit.register(self.stop)

    def _keep(self, part: Part) -> None:
        try:
            self._live(part)
        except Exception as error:  # noqa: BLE001 a keeper that died silently would leave its part unwatched
            self._fail(StackError(part.name, f"{type(error).__name__}: {error}", part.log))

    def _live(self, part: Part) -> None:
        """The life of one part: start, watch, bring back, until the stack stops."""
        failures = 0
        while self._wait_for(part.needs):
            began = _now()
            try:
                child = self._start(part)
                trouble = self._until_ready(part, child, began)
                if trouble is None:
                    ready_at = time.monotonic()
                    trouble = self._watch(part, child, began)
                    failures = 0 if time.monotonic() - ready_at > _STEADY_S else failures
                if trouble is None:
                    return
                part.ended(process.end(child, signal_number=part.stop_signal, timeout_s=5, hurry=self._hurry))
                said = process.last_words(child)
                hopeless = child.process.returncode in part.hopeless
            except (StackError, OSError) as error:
                trouble, said, hopeless = getattr(error, "reason", None) or str(error), "", False
            if self._stopping.is_set():
                return
            failures += 1
            if not self._was_ready and (hopeless or failures >= part.attempts):
                self._give_up(part, failures, trouble, said)
                return
            with self._changed:
                restarts = self._states[part.name].restarts + 1
            self._set(part, "restarting", detail=trouble, restarts=restarts, pid=None, create_time=None)
            if self._stopping.wait(min(_FIRST_WAIT_S * 2 ** (failures - 1), _LONGEST_WAIT_S)):
                return

    def _wait_for(self, needs: Sequence[str]) -> bool:
        def met() -> bool:
            conditions = {name: state.condition for name, state in self._states.items()}
            return all(self._prepared if need == PREPARE else conditions[need] == "ready" for need in needs)

        with self._changed:
            self._changed.wait_for(lambda: met() or self._stopping.is_set())
        return not self._stopping.is_set()

    def _start(self, part: Part) -> Child:
        self._set(part, "starting")
        command = part.command()
        with self._changed:
            if self._stopping.is_set():
                raise StackError(part.name, "the stack is stopping")
            child = process.spawn(command, part.env, part.log, part.cwd)
            self._children[part.name] = child
        self._set(part, "starting", pid=child.pid, create_time=child.create_time)
        return child

    def _until_ready(self, part: Part, child: Child, began: datetime) -> str | None:
        """None when it became ready, or the stack stops; else what went wrong."""
        deadline = time.monotonic() + part.start_timeout_s
        while not self._stopping.wait(_LOOK_S):
            status = child.process.poll()
            if status is not None:
                return process.describe_exit(status)
            if _unready(part, child, began) is None:
                self._set(part, "ready", detail="")
                return None
            if time.monotonic() > deadline:
                return f"was not ready within {part.start_timeout_s:.0f} s"
        return None

    def _watch(self, part: Part, child: Child, began: datetime) -> str | None:
        """None when the stack stops; else why the part must be started again."""
        heard = probed = time.monotonic()
        while not self._stopping.wait(_LOOK_S):
            status = child.process.poll()
            if status is not None:
                return process.describe_exit(status)
            if time.monotonic() - probed < _PROBE_S:
                continue
            probed = time.monotonic()
            unready = _unready(part, child, began)
            sick = unready if part.alive is None else part.alive(began)
            if unready is None or sick is None:
                heard = probed
            elif probed - heard > part.patience_s:
                return f"{sick}, for {part.patience_s:.0f} s"
            now = self.part(part.name)
            if (now.condition == "unready", now.detail) != (unready is not None, unready or ""):
                self._set(part, "ready" if unready is None else "unready", detail=unready or "")
        return None

    def _prepare_once(self) -> None:
        servers = [name for name in ("kafka", "elasticsearch") if name in self._states]
        if not self._wait_for(servers):
            return
        try:
            self._prepare(self.endpoints)
        except Exception as error:  # noqa: BLE001 the caller's own code: whatever it raises is why the start failed
            self._fail(StackError(PREPARE, f"{type(error).__name__}: {error}"))
            return
        with self._changed:
            self._prepared = True
        self._notice_readiness()

    def _give_up(self, part: Part, failures: int, trouble: str, said: str) -> None:
        self._set(part, "failed", detail=trouble, pid=None, create_time=None)
        often = f", {failures} times in a row" if failures > 1 else ""
        last = "" if not said else f": {said}" if "\n" not in said else f"; its last lines:\n{said}\n"
        self._fail(StackError(part.name, f"{trouble}{often}{last}", part.log))

    def _fail(self, error: StackError) -> None:
        with self._changed:
            self._failure = self._failure or error
        self._stopping.set()

    def _stop_when_asked(self) -> None:
        self._stopping.wait()
        with self._changed:
            self._changed.notify_all()
        depth = _depths(self._parts)
        for level in sorted(set(depth.values()), reverse=True):
            stoppers = [
                threading.Thread(target=self._stop_part, args=(part,), daemon=True)
                for part in self._parts
                if depth[part.name] == level
            ]
            for stopper in stoppers:
                stopper.start()
            for stopper in stoppers:
                stopper.join()
        self._holds.close()
        self._ended.set()
        atexit.unregister(self.stop)

    def _stop_part(self, part: Part) -> None:
        child = self._children.get(part.name)
        if child is not None:
            status = process.end(
                child, signal_number=part.stop_signal, timeout_s=part.stop_timeout_s, hurry=self._hurry
            )
            part.ended(status)
        if self.part(part.name).condition != "failed":
            self._set(part, "stopped", pid=None, create_time=None)

    def _set(self, part: Part, condition: Condition, **changes: Any) -> None:
        with self._changed:
            before = self._states[part.name]
            since = before.since if before.condition == condition else _now()
            state = before.model_copy(update={"condition": condition, "since": since, **changes})
            self._states[part.name] = state
            self._record()
            if before.condition != condition:
                log.info("part.changed", part=part.name, condition=condition, pid=state.pid, detail=state.detail)
                self._on_event(state)
        self._notice_readiness()

    def _notice_readiness(self) -> None:
        with self._changed:
            self._was_ready = self._was_ready or self.is_ready()
            self._changed.notify_all()

    def _record(self) -> None:
        me = psutil.Process()
        state = StackState(
            pid=me.pid,
            create_time=me.create_time(),
            started=self._started,
            endpoints=self.endpoints,
            parts=tuple(self._states.values()),
        )
        try:
            write_state(self.home, state)
        except OSError as error:  # a full disk: the older state stays readable, and the parts go on
            log.warning("stack.state_unwritten", reason=error.strerror)


def start_stack(
    home: Home,
    *,
    parts: Sequence[str] = ALL,
    prepare: Callable[[Endpoints], None] = lambda endpoints: None,
    extra_env: dict[str, str] | None = None,
    on_event: OnEvent = lambda state: None,
    progress: jars.Progress | None = None,
) -> RunningStack:
    """Start a stack in this home and return while it starts; `wait_ready` waits for it.

    Missing jars are downloaded first (`progress` hears of it), and what a killed stack left running is ended. `prepare`
    runs once, when Kafka and Elasticsearch are ready and before the parts that use them start; `extra_env` goes to the
    Python parts. Raises StackError when another stack has the home, the disk is full or a jar can't be had.
    """
    home.create()
    with ExitStack() as holds:
        holds.enter_context(hold(home))
        require_space(home, _NEEDED_BYTES)
        _clean_up(home)
        jars.ensure(home.jars, progress=progress)
        ports = claim(home, listeners(parts), holds)
        at = addresses(ports)
        built = build(home, parts, ports, extra_env or {})
        return supervise(home, built, at, prepare=prepare, on_event=on_event, holds=holds)


def supervise(
    home: Home,
    parts: Sequence[Part],
    at: Endpoints,
    *,
    prepare: Callable[[Endpoints], None],
    on_event: OnEvent,
    holds: ExitStack,
) -> RunningStack:
    """Start these parts, those that others need first in the list; once all have ended, release what `holds` holds."""
    stack = RunningStack(home, parts, at, prepare, on_event, holds.pop_all())
    try:
        stack._run()
    except BaseException:
        stack.stop()
        raise
    return stack


def _clean_up(home: Home) -> None:
    """End what outlived a killed supervisor; the home's lock must be held, or these would be a running stack's."""
    found = leftovers(home)
    if found:
        log.warning("stack.leftovers", pids=[left.pid for left in found])
        process.end_all(found)
    shutil.rmtree(home.scratch)
    home.create()


def _depths(parts: Sequence[Part]) -> dict[str, int]:
    """How many layers of needs lie under each part: those on top stop first."""
    depth: dict[str, int] = {}
    for part in parts:  # listed after what they need
        base = 1 if PREPARE in part.needs else 0
        depth[part.name] = max((base, *(depth[need] + 1 for need in part.needs if need in depth)))
    return depth


def _unready(part: Part, child: Child, began: datetime) -> str | None:
    """Why the part does not do its work; an answer on its port counts only when it is the child's."""
    reason = part.ready(began)
    if reason is None and part.port is not None and not process.listens(child, part.port):
        return f"another program answers on port {part.port}"
    return reason


def _waiting(part: Part) -> PartState:
    return PartState(name=part.name, condition="waiting", since=_now(), log=part.log, port=part.port)


def _now() -> datetime:
    return datetime.now(UTC)
