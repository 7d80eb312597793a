"""The supervisor over small real processes; the servers themselves are in test_recovery.py."""

import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from deploy.local.home import Home, home_at
from deploy.local.parts import PREPARE, Part
from deploy.local.state import Endpoints, PartState, read_state
from deploy.local.supervise import RunningStack, supervise
from schemas.errors import StackError

Start = Callable[..., RunningStack]

SLEEP = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
NOTES_ITS_END = """
import pathlib, signal, sys, time
def leave(*_):
    with open("order", "a") as out: out.write(sys.argv[1] + "\\n")
    sys.exit()
signal.signal(signal.SIGTERM, leave)
print("listening", flush=True)
time.sleep(600)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = home_at(tmp_path / "home", tmp_path / "cache")
    made.create()
    return made


@pytest.fixture
def start(home: Home) -> Iterator[Start]:
    """Starts a stack of the given parts; at the end it is stopped, come what may."""
    started: list[RunningStack] = []

    def begin(*parts: Part, prepare: Callable[[Endpoints], None] = lambda at: None) -> RunningStack:
        running = supervise(home, parts, Endpoints(), prepare=prepare, on_event=lambda state: None, holds=ExitStack())
        started.append(running)
        return running

    yield begin
    for running in started:
        running.request_stop()
        running.request_stop()
        running.stop()


def part(home: Home, name: str, code: str, *arguments: str, says: str = "") -> Part:
    """A Python process; ready once its log holds `says`."""
    log = home.logs / f"{name}.log"
    return Part(
        name=name,
        command=lambda: (sys.executable, "-c", code, *arguments),
        env={},
        log=log,
        cwd=home.root,
        ready=lambda since: None if says in log.read_text() else "has not said so",
    )


def until(condition: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def process_of(state: PartState) -> psutil.Process:
    assert state.pid is not None
    return psutil.Process(state.pid)


def test_a_part_that_always_fails_ends_the_start_with_its_last_lines_and_leaves_nothing_running(
    home: Home, start: Start
) -> None:
    broken = part(home, "broken", "import sys; sys.exit('the disk is upside down')", says="never")
    running = start(part(home, "sound", SLEEP), broken)
    sound: list[psutil.Process] = []
    until(lambda: running.part("sound").condition == "ready")
    sound.append(process_of(running.part("sound")))
    said = r"broken: exited with 1, 3 times in a row: the disk is upside down"
    with pytest.raises(StackError, match=said) as caught:
        running.wait_ready(30)
    assert (caught.value.part, caught.value.log) == ("broken", broken.log)
    assert broken.log.read_text().count("upside down") == 3
    assert not sound[0].is_running()
    known = read_state(home)
    assert known is not None
    assert [(state.name, state.condition, state.pid) for state in known.parts] == [
        ("sound", "stopped", None),
        ("broken", "failed", None),
    ]


def test_the_last_lines_are_those_of_this_run_not_of_an_earlier_one(home: Home, start: Start) -> None:
    broken = part(home, "broken", "import sys; sys.exit('now')", says="never")
    broken.log.write_text("before\n" * 3)
    with pytest.raises(StackError, match="now") as caught:
        start(broken).wait_ready(30)
    assert "before" not in str(caught.value)
    assert broken.log.read_text().startswith("before")


def test_a_part_that_says_that_trying_again_is_hopeless_is_believed(home: Home, start: Start) -> None:
    event = '{"event": "worker.misconfigured", "reason": "rules.toml: no such file"}'
    code = f"import sys; print({event!r}); sys.exit(2)"
    misconfigured = replace(part(home, "alert", code, says="never"), hopeless=frozenset({2}))
    with pytest.raises(StackError, match=r"^alert: exited with 2: rules\.toml: no such file \(log: "):
        start(misconfigured).wait_ready(30)
    assert misconfigured.log.read_text().count("misconfigured") == 1


def test_a_part_that_never_becomes_ready_is_given_up(home: Home, start: Start) -> None:
    slow = replace(part(home, "slow", SLEEP, says="never"), start_timeout_s=0.5, attempts=2)
    with pytest.raises(StackError, match="slow: was not ready within 0 s, 2 times in a row"):
        start(slow).wait_ready(30)


def test_an_answer_on_a_part_s_port_counts_only_when_the_part_gives_it(home: Home, start: Start) -> None:
    listen = "import socket, time; s = socket.create_server(('127.0.0.1', {})); print('up', flush=True); time.sleep(99)"
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        port = foreign.getsockname()[1]
        deaf = replace(part(home, "deaf", SLEEP), port=port, start_timeout_s=0.5, attempts=1)
        with pytest.raises(StackError, match="deaf: was not ready within 0 s"):
            start(deaf).wait_ready(30)
    sound = replace(part(home, "sound", listen.format(port), says="up"), port=port)
    start(sound).wait_ready(30)


def test_a_part_waits_for_what_it_needs_and_stops_before_it(home: Home, start: Start) -> None:
    prepared: list[str] = []
    below = part(home, "kafka", NOTES_ITS_END, "kafka", says="listening")
    above = replace(part(home, "above", NOTES_ITS_END, "above", says="listening"), needs=("kafka", PREPARE))
    running = start(below, above, prepare=lambda at: prepared.append(below.log.read_text()))
    running.wait_ready(20)
    assert prepared == ["listening\n"]
    assert process_of(running.part("kafka")).create_time() < process_of(running.part("above")).create_time()
    running.stop()
    assert (home.root / "order").read_text().split() == ["above", "kafka"]


def test_a_preparation_that_fails_ends_the_start(home: Home, start: Start) -> None:
    def refuse(at: Endpoints) -> None:
        raise ConnectionRefusedError("nobody is in")

    needy = replace(part(home, "needy", SLEEP), needs=(PREPARE,))
    with pytest.raises(StackError, match="prepare: ConnectionRefusedError: nobody is in"):
        start(needy, prepare=refuse).wait_ready(20)
    assert not needy.log.exists()


def test_a_killed_part_is_started_again_and_the_others_are_left_alone(home: Home, start: Start) -> None:
    running = start(part(home, "one", SLEEP), part(home, "two", SLEEP))
    running.wait_ready(20)
    one, two = running.part("one"), running.part("two")
    process_of(one).kill()
    until(lambda: running.part("one").restarts == 1)
    running.wait_ready(20)
    assert running.part("one").pid != one.pid
    assert (running.part("two").pid, running.part("two").restarts) == (two.pid, 0)


def test_a_part_that_dies_at_every_start_later_on_is_tried_again_for_ever(home: Home, start: Start) -> None:
    switch = home.root / "broken"
    code = (
        f"import pathlib, sys, time; pathlib.Path({str(switch)!r}).exists() and sys.exit(1); print('up', flush=True)\n"
    )
    flaky = part(home, "flaky", code + "time.sleep(600)", says="up")
    running = start(replace(flaky, attempts=2, ready=lambda since: "broken" if switch.exists() else flaky.ready(since)))
    running.wait_ready(20)
    switch.touch()
    process_of(running.part("flaky")).kill()
    until(lambda: running.part("flaky").restarts >= 3)
    assert running.failure is None
    switch.unlink()
    running.wait_ready(30)


def test_a_part_that_hangs_is_replaced_and_one_that_only_cannot_work_is_not(home: Home, start: Start) -> None:
    trouble: set[str] = set()
    hanging = replace(
        part(home, "hanging", DEAF, says="deaf"),
        ready=lambda since: "does not answer" if "hanging" in trouble else None,
        patience_s=1,
    )
    waiting = replace(
        part(home, "waiting", SLEEP),
        ready=lambda since: "the broker is away" if "waiting" in trouble else None,
        alive=lambda since: None,
        patience_s=1,
    )
    running = start(hanging, waiting)
    running.wait_ready(20)
    pid = running.part("waiting").pid
    trouble |= {"hanging", "waiting"}
    until(lambda: running.part("hanging").restarts == 1, 30)
    trouble.discard("hanging")
    state = running.part("waiting")
    assert (state.condition, state.detail, state.pid) == ("unready", "the broker is away", pid)
    trouble.discard("waiting")
    running.wait_ready(20)
    assert running.part("waiting").pid == pid


def test_a_part_that_ignores_the_request_to_stop_is_killed_with_its_children(home: Home, start: Start) -> None:
    child = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n" + DEAF
    running = start(replace(part(home, "deaf", child, says="deaf"), stop_timeout_s=0.5))
    running.wait_ready(20)
    leader = process_of(running.part("deaf"))
    family = [leader, *leader.children()]
    assert len(family) == 2
    running.stop()
    until(lambda: not any(member.is_running() and member.status() != psutil.STATUS_ZOMBIE for member in family))


def test_a_second_request_to_stop_does_not_wait(home: Home, start: Start) -> None:
    running = start(replace(part(home, "deaf", DEAF, says="deaf"), stop_timeout_s=600))
    running.wait_ready(20)
    running.request_stop()
    assert not running.wait_ended(0.5)
    running.request_stop()
    assert running.wait_ended(10)


def test_a_stop_during_the_start_leaves_nothing_running(home: Home, start: Start) -> None:
    running = start(part(home, "slow", SLEEP, says="never"))
    until(lambda: running.part("slow").pid is not None)
    slow = process_of(running.part("slow"))
    running.stop()
    assert not slow.is_running()
    with pytest.raises(StackError, match="was stopped before it was ready"):
        running.wait_ready(1)


def test_a_child_does_not_get_the_terminal_s_signals(home: Home, start: Start) -> None:
    running = start(part(home, "one", SLEEP))
    running.wait_ready(20)
    pid = running.part("one").pid
    assert pid is not None
    import os

    assert os.getsid(pid) == pid != os.getsid(0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
