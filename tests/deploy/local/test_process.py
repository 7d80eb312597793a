import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import psutil
import pytest

from deploy.local import process

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")


@pytest.fixture
def sleeper() -> Iterator[psutil.Process]:
    with subprocess.Popen(SLEEP, env={process.MARK: "/some/home"}) as started:
        yield psutil.Process(started.pid)
        started.kill()


def test_a_process_on_record_is_found_by_its_pid_and_start_time(sleeper: psutil.Process) -> None:
    assert process.find([(sleeper.pid, sleeper.create_time())], mark="/other") == [sleeper]


def test_a_stranger_who_got_the_pid_is_left_alone(sleeper: psutil.Process) -> None:
    assert process.find([(sleeper.pid, sleeper.create_time() - 60)], mark="/other") == []


def test_a_process_that_nobody_wrote_down_is_found_by_its_mark(sleeper: psutil.Process) -> None:
    assert process.find([], mark="/some/home") == [sleeper]
    process.end_all([sleeper])
    assert not process.is_alive(sleeper.pid, sleeper.create_time())


def test_a_log_that_has_grown_too_long_is_put_aside_at_the_next_start(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_bytes(b"old\n" * 3_000_000)
    child = process.spawn((sys.executable, "-c", "print('new')"), {}, log, tmp_path)
    assert process.end(child, signal_number=15, timeout_s=0, hurry=Event()) in {0, -15}
    assert (tmp_path / "part.log.1").stat().st_size == 12_000_000
    assert log.stat().st_size < 100


def test_the_tail_of_a_huge_log_reads_only_its_end(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_text("x" * 1_000_000 + "\nlast but one\nlast\n")
    assert process.tail(log, lines=2) == "last but one\nlast"
    assert process.tail(tmp_path / "none", lines=2) == ""


def test_memory_counts_the_whole_family_and_nothing_of_the_dead() -> None:
    assert process.memory_bytes(os.getpid()) > 10_000_000
    with subprocess.Popen(SLEEP) as child:
        child.kill()
        child.wait()
        assert process.memory_bytes(child.pid) == 0


@pytest.mark.parametrize(("status", "words"), [(1, "exited with 1"), (-9, "was killed by SIGKILL")])
def test_an_exit_status_is_said_in_words(status: int, words: str) -> None:
    assert process.describe_exit(status) == words
