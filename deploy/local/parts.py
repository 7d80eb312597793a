"""The parts of the embedded stack: what each is started with, what it needs, and how one sees that it works."""

import http.client
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from deploy.local import broker, jre, node, orchestrator
from deploy.local.home import Home
from deploy.local.process import MARK
from deploy.local.state import Endpoints
from schemas.errors import StackError

CONSUMERS: Final = ("classify", "index", "alert", "notify", "ops")
ALL: Final = ("kafka", "elasticsearch", "prefect", "runner", *CONSUMERS)
"""Every part, in the order in which they are shown."""

_SILENT: Final = "does not answer"

PREPARE: Final = "prepare"
"""What parts may need beside other parts: that the caller's `prepare` hook has run."""

LISTENERS: Final = {
    "kafka": ("kafka", "kafka-controller"),
    "elasticsearch": ("elasticsearch", "elasticsearch-transport"),
    "runner": (),
}
"""The listeners of each part; any other part has one, of its own name."""

Probe: TypeAlias = Callable[[datetime], str | None]
"""Says why a part does not do well; None: it does. Given when its process was started. Takes seconds, never raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One child process and how to keep it."""

    name: str
    command: Callable[[], Sequence[str]]
    """Gives the command line just before each start, having installed what it needs. Raises StackError."""
    env: Mapping[str, str]
    log: Path
    cwd: Path
    ready: Probe
    """Why it can't do its work now."""
    alive: Probe | None = None
    """Why it should be restarted, once that has lasted for `patience_s`. None: as `ready`."""
    needs: tuple[str, ...] = ()
    port: int | None = None
    ended: Callable[[int], None] = field(default=lambda status: None)
    """Called with the exit status of each of its processes."""
    stop_signal: int = signal.SIGTERM
    stop_timeout_s: float = 20
    start_timeout_s: float = 120
    attempts: int = 3
    """Failed starts in a row, before it was ever ready, after which the stack gives up."""
    hopeless: frozenset[int] = frozenset()
    """Exit statuses that say that another try would end in the same way, such as for a wrong setting."""
    patience_s: float = 60


def addresses(ports: Mapping[str, int]) -> Endpoints:
    """The endpoints of a stack whose listeners have these ports."""
    kafka, elasticsearch, prefect = (ports.get(name) for name in ("kafka", "elasticsearch", "prefect"))
    return Endpoints(
        kafka=f"127.0.0.1:{kafka}" if kafka else None,
        elasticsearch=f"http://127.0.0.1:{elasticsearch}" if elasticsearch else None,
        prefect=f"http://127.0.0.1:{prefect}/api" if prefect else None,
    )


def build(home: Home, names: Sequence[str], ports: Mapping[str, int], extra_env: Mapping[str, str]) -> tuple[Part, ...]:
    """The named parts. Raises StackError when one is unknown, or needs one that is not among them."""
    for name in names:
        if name not in ALL and not re.fullmatch(r"classify-\d+", name):
            raise StackError(name, f"no such part; there are {', '.join(ALL)}")
    ours = _python_environment(home, addresses(ports), extra_env)
    makers: dict[str, Callable[[], Part]] = {
        "kafka": lambda: _kafka(home, ports),
        "elasticsearch": lambda: _elasticsearch(home, ports),
        "prefect": lambda: _prefect(home, ports["prefect"], ours),
        "runner": lambda: _runner(home, ports.get("prefect", 0), ours),
    }
    built = tuple(makers[name]() if name in makers else _consumer(home, name, ports[name], ours) for name in names)
    for part in built:
        missing = [need for need in part.needs if need not in names and need != PREPARE]
        if missing:
            raise StackError(part.name, f"needs {', '.join(missing)}, which this stack leaves out")
    return built


def listeners(names: Sequence[str]) -> tuple[str, ...]:
    """The listeners that these parts need ports for."""
    return tuple(listener for name in names for listener in LISTENERS.get(name, (name,)))


def with_workers(classify: int) -> tuple[str, ...]:
    """Every part, with so many `classify` workers: classify, classify-2, …; they share one consumer group."""
    more = tuple(f"classify-{number}" for number in range(2, classify + 1))
    return tuple(name for part in ALL for name in ((part, *more) if part == "classify" else (part,)))


def _kafka(home: Home, ports: Mapping[str, int]) -> Part:
    port = ports["kafka"]
    return Part(
        name="kafka",
        command=lambda: broker.command(home, port=port, controller_port=ports["kafka-controller"]),
        env=jre.environment() | {MARK: str(home.root)},
        log=home.logs / "kafka.log",
        cwd=home.data,
        ready=lambda since: None if broker.answers(port) else _SILENT,
        port=port,
        ended=broker.archive(home).keep,
        stop_timeout_s=60,
    )


def _elasticsearch(home: Home, ports: Mapping[str, int]) -> Part:
    port = ports["elasticsearch"]
    return Part(
        name="elasticsearch",
        command=lambda: node.command(home, port=port, transport_port=ports["elasticsearch-transport"]),
        env=jre.environment() | {MARK: str(home.root)},
        log=home.logs / "elasticsearch.log",
        cwd=home.data,
        ready=lambda since: None if node.answers(port) else _SILENT,
        port=port,
        ended=node.archive(home).keep,
        stop_timeout_s=60,
    )


def _prefect(home: Home, port: int, env: Mapping[str, str]) -> Part:
    return Part(
        name="prefect",
        command=lambda: orchestrator.command(port),
        env=env,
        log=home.logs / "prefect.log",
        cwd=Path.cwd(),
        ready=lambda since: None if orchestrator.answers(port) else _SILENT,
        port=port,
    )


def _runner(home: Home, prefect_port: int, env: Mapping[str, str]) -> Part:
    return Part(
        name="runner",
        command=lambda: (sys.executable, "-m", "flows.serve"),
        env=env,
        log=home.logs / "runner.log",
        cwd=Path.cwd(),
        ready=lambda since: orchestrator.unserved(prefect_port, since),
        alive=lambda since: None,  # while Prefect is away it waits, and is right to
        needs=("prefect", PREPARE),
        stop_timeout_s=30,
    )


def _consumer(home: Home, stage: str, port: int, env: Mapping[str, str]) -> Part:
    return Part(
        name=stage,
        command=lambda: (sys.executable, "-m", "consumers.main", stage.partition("-")[0]),
        env={**env, "VIGIA_WORKER__HEALTH_PORT": str(port)},
        log=home.logs / f"{stage}.log",
        cwd=Path.cwd(),
        ready=lambda since: _says(port, "/readyz"),
        alive=lambda since: _says(port, "/healthz"),
        needs=("kafka", "elasticsearch", PREPARE),
        port=port,
        hopeless=frozenset({2}),
        stop_timeout_s=30,
    )


def _python_environment(home: Home, endpoints: Endpoints, extra_env: Mapping[str, str]) -> dict[str, str]:
    return {
        **os.environ,
        **orchestrator.environment(home),
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(home.scratch),  # Prefect's runner leaves a folder in it
        "VIGIA_HOME": str(home.root),
        MARK: str(home.root),
        **endpoints.environment(),
        **extra_env,
    }


def _says(port: int, path: str) -> str | None:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        if answer.status == 200:
            return None
        return str(json.loads(answer.read())["reason"])
    except (OSError, http.client.HTTPException):
        return _SILENT
    except (ValueError, LookupError, TypeError):
        return f"answers {path} with an error"
    finally:
        link.close()
