"""Which port each part listens on: the one it had, else the usual one, else a free one."""

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from deploy.local.home import Home
from deploy.local.state import write_atomically

USUAL: Final = {
    "kafka": 9092,
    "kafka-controller": 9093,
    "elasticsearch": 9200,
    "elasticsearch-transport": 9300,
    "prefect": 4200,
    "classify": 9610,
    "index": 9611,
    "alert": 9612,
    "notify": 9613,
    "ops": 9614,
}
"""The port of each listener when nothing else has it; all on 127.0.0.1."""

_MORE: Final = 9615
"""Where listeners without a usual port begin, such as those of more workers."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        # As servers do, so that a port whose last connections linger in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def claim(home: Home, listeners: Sequence[str], claims: ExitStack) -> dict[str, int]:
    """A port for each listener, written down so that the home's next start takes the same ones.

    A part listens only seconds after its port was chosen. Until `claims` is closed, no other stack that shares the
    cache chooses the same port.
    """
    remembered = remembered_ports(home)
    locks = home.cache / "ports"
    locks.mkdir(mode=0o700, parents=True, exist_ok=True)
    ports: dict[str, int] = {}
    for listener in listeners:
        for port in _candidates(USUAL.get(listener, _MORE), remembered.get(listener)):
            if port not in ports.values() and is_free(port) and _reserve(locks / str(port), claims):
                ports[listener] = port
                break
    write_atomically(_file(home), json.dumps(remembered | ports, indent=1))
    return ports


def remembered_ports(home: Home) -> dict[str, int]:
    """The ports of the home's last start; empty before the first one, or when the file is not readable."""
    try:
        known = json.loads(_file(home).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {name: port for name, port in known.items() if isinstance(port, int)}


def _file(home: Home) -> Path:
    return home.run / "ports.json"


def _candidates(usual: int, remembered: int | None) -> Iterator[int]:
    if remembered is not None:
        yield remembered
    # Below the ports that the system hands out by itself: there, any program's next connection might take it first.
    yield from range(usual, usual + 1000, 10)
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        yield port


def _reserve(file: Path, claims: ExitStack) -> bool:
    lock = FileLock(file, timeout=0, is_singleton=False)
    try:
        lock.acquire()
    except Timeout:
        return False
    claims.callback(lock.release)
    return True
