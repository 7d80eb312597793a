import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.local import ports
from deploy.local.home import Home, home_at


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Usual ports that are free on this machine now, whatever else runs on it."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(2)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        found = {name: one.getsockname()[1] for name, one in zip(("kafka", "prefect"), sockets, strict=True)}
    monkeypatch.setattr(ports, "USUAL", found)
    return found


def home(path: Path, name: str = "home") -> Home:
    made = home_at(path / name, path / "cache")
    made.create()
    return made


def claimed(at: Home) -> dict[str, int]:
    with ExitStack() as claims:
        return ports.claim(at, ("kafka", "prefect"), claims)


def test_the_usual_ports_are_taken_when_they_are_free(tmp_path: Path, usual: dict[str, int]) -> None:
    assert claimed(home(tmp_path)) == usual


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 the stranger's choice, not ours
def test_a_port_that_somebody_listens_on_is_left_to_him(tmp_path: Path, usual: dict[str, int], address: str) -> None:
    with socket.create_server((address, usual["kafka"])):
        found = claimed(home(tmp_path))
    assert found["kafka"] != usual["kafka"]
    assert found["prefect"] == usual["prefect"]


def test_a_home_keeps_its_ports_although_the_usual_ones_have_become_free(tmp_path: Path, usual: dict[str, int]) -> None:
    at = home(tmp_path)
    with socket.create_server(("127.0.0.1", usual["kafka"])):
        first = claimed(at)
    assert claimed(at) == first
    assert ports.remembered_ports(at) == first


def test_two_homes_that_start_at_once_choose_different_ports(tmp_path: Path, usual: dict[str, int]) -> None:
    with ExitStack() as claims:
        one = ports.claim(home(tmp_path, "one"), ("kafka", "prefect"), claims)
        two = ports.claim(home(tmp_path, "two"), ("kafka", "prefect"), claims)
    assert one == usual
    assert not set(one.values()) & set(two.values())


def test_a_damaged_memory_of_ports_is_no_obstacle(tmp_path: Path, usual: dict[str, int]) -> None:
    at = home(tmp_path)
    (at.run / "ports.json").write_text('{"kafka": 90')
    assert claimed(at) == usual
