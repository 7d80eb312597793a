"""What a job may use of the processor and of memory: past that it is told so, and ended when it does not hear it."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

TOLD_AT = 0.9
"""The share of its CPU time at which a job is told; the rest is what it has to hear it."""

STATM = Path("/proc/self/statm")


class OutOfTime(BaseException):
    """A job's CPU time is up: no Exception, so that no library takes it for a fault in the bytes and goes on."""


@contextmanager
def cpu_within(seconds: float, *, or_end: bool = True) -> Iterator[None]:
    """Let what runs inside use `seconds` of CPU. Raises OutOfTime shortly before that.

    What does not hear it, since it is in a library's C code, ends this process by SIGPROF when `or_end`. For the main
    thread, and one at a time.
    """
    told = signal.signal(signal.SIGVTALRM, _tell)
    signal.setitimer(signal.ITIMER_VIRTUAL, TOLD_AT * seconds)
    if or_end:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGVTALRM, told)


@contextmanager
def memory_within(added: int, *, at_most: int) -> Iterator[None]:
    """Let this process take `added` bytes of address space more than it has, and no more than `at_most` in all.

    What asks for more gets a MemoryError.
    """
    resource.setrlimit(resource.RLIMIT_AS, (min(_held() + added, at_most), at_most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (at_most, at_most))


def _held() -> int:
    return int(STATM.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _tell(number: int, frame: FrameType | None) -> None:
    raise OutOfTime
