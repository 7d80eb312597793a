"""What a job may use: told in time, ended when it does not hear, and never given more memory than it may have."""

import re
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from flows.feeds.budget import OutOfTime, cpu_within


def test_a_job_is_told_when_its_cpu_time_is_up_though_a_library_catches_everything() -> None:
    def deaf() -> None:
        with suppress(Exception):
            re.match("(a*)*b", "a" * 60)

    started = time.process_time()
    with pytest.raises(OutOfTime), cpu_within(0.3):
        deaf()
    assert 0.2 < time.process_time() - started < 0.3


def test_a_job_in_time_leaves_nothing_behind() -> None:
    with cpu_within(0.2):
        pass
    assert signal.getitimer(signal.ITIMER_PROF) == signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def ran(lines: str) -> tuple[int, str, float]:
    """How a program of its own ended, what it wrote, and the CPU that it used."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", f"from flows.feeds.budget import *\n{lines}"],
        capture_output=True,
        text=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.returncode, done.stdout, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_what_hears_nothing_is_ended() -> None:
    *_, idle = ran("pass")
    ended, _, used = ran("from itertools import repeat\nwith cpu_within(0.5): sum(repeat(1, 10**11))")
    assert ended == -signal.SIGPROF
    assert used - idle < 1


def test_more_memory_than_a_job_may_have_is_refused_and_the_next_has_it_again() -> None:
    ended, wrote, _ = ran(
        "for size in (300, 100, 300, 100):\n"
        "    try:\n"
        "        with memory_within(200_000_000, at_most=2_000_000_000): bytes(size * 1_000_000)\n"
        "    except MemoryError: print(size)\n"
    )
    assert (ended, wrote.split()) == (0, ["300", "300"])
