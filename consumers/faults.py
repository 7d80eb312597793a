"""Points of the loop at which a test has the worker die: `VIGIA_FAULT=after_effect:3` kills it at the third hit.

`POINT:N[:kill|raise|sleep=SECONDS]`, several with commas between them. Nothing happens, and nothing is looked up,
unless the variable is set; `main` arms them.
"""

import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from schemas.errors import ConfigError

VARIABLE = "VIGIA_FAULT"

POINTS = ("after_poll", "after_handle", "after_send", "after_effect", "before_commit", "after_commit")
"""In the order of the loop: messages are here; the handler's own effect stands; what it emits and the dead letters are
acknowledged; each `then` is called; the offsets are about to be committed; they are."""

_FAULT = re.compile(r"(?P<point>[a-z_]+):(?P<nth>[1-9]\d{0,6})(?::(?P<action>kill|raise|sleep=(?P<seconds>[\d.]+)))?")


class FaultRaised(RuntimeError):
    """What the action `raise` raises."""


@dataclass(frozen=True)
class Fault:
    """What happens at the n-th hit of a point."""

    point: str
    nth: int
    action: str = "kill"
    seconds: float = 0.0


def _nothing(point: str) -> None:
    """No fault is armed."""


hit: Callable[[str], None] = _nothing
"""Called by the loop at each point; does nothing until `arm` was given a fault."""


def parse(text: str) -> list[Fault]:
    """The faults that a value of the variable names. Raises ConfigError."""
    return [_fault(part.strip()) for part in text.split(",") if part.strip()]


def _fault(text: str) -> Fault:
    found = _FAULT.fullmatch(text)
    if found is None or found["point"] not in POINTS:
        raise ConfigError(VARIABLE, f"{text!r} is no fault", remedy=f"Write POINT:N; points are {', '.join(POINTS)}")
    try:
        seconds = float(found["seconds"] or 0)
    except ValueError:
        raise ConfigError(VARIABLE, f"{found['seconds']!r} is no number of seconds") from None
    return Fault(found["point"], int(found["nth"]), (found["action"] or "kill").partition("=")[0], seconds)


def arm(text: str | None) -> list[Fault]:
    """Have these faults happen in this process; the faults. Raises ConfigError."""
    global hit
    faults = parse(text or "")
    hit = _armed(faults) if faults else _nothing
    return faults


def _armed(faults: list[Fault]) -> Callable[[str], None]:
    hits: Counter[str] = Counter()

    def armed(point: str) -> None:
        hits[point] += 1
        for fault in faults:
            if (fault.point, fault.nth) == (point, hits[point]):
                _act(fault)

    return armed


def _act(fault: Fault) -> None:
    # written at once, as a killed process flushes nothing: a run counts from it how often a point was hit
    os.write(sys.stderr.fileno(), f'{{"event": "fault.hit", "point": "{fault.point}", "n": {fault.nth}}}\n'.encode())
    match fault.action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "sleep":
            time.sleep(fault.seconds)
        case _:
            raise FaultRaised(f"{fault.point}:{fault.nth}")
