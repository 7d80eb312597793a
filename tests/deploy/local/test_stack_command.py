"""`vigia up`, `status`, `down`, `logs` and `doctor`, as a person runs them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner, Result

from deploy.cli import console
from deploy.cli.main import app
from deploy.local import jars
from deploy.local.home import home_at
from deploy.local.state import running
from deploy.local.supervise import RunningStack
from schemas.errors import StackError

VIGIA = (sys.executable, "-m", "deploy.cli.main")


def vigia(home: Path, *arguments: str, **environment: str) -> Result:
    """One command, in this process: starting Python anew for each would take longer than all of them."""
    return CliRunner().invoke(app, arguments, env={"VIGIA_HOME": str(home), **environment})


def findings(home: Path, **environment: str) -> dict[str, tuple[str, str]]:
    rows = json.loads(vigia(home, "doctor", "--json", **environment).stdout)
    return {row["what"]: (row["verdict"], row["seen"]) for row in rows}


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.console, "_width", 200)


@pytest.fixture
def foreground(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`vigia up` of a broker alone, in a home of its own, ready."""
    env = {**os.environ, "VIGIA_HOME": str(tmp_path)}
    with subprocess.Popen(
        [*VIGIA, "up", "--only", "kafka"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not ((state := running(home_at(tmp_path))) and state.parts[0].condition == "ready"):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_up_runs_until_it_is_told_to_stop_and_ends_well(
    foreground: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    children = psutil.Process(foreground.pid).children(recursive=True)
    assert len(children) == 1
    foreground.send_signal(number)
    assert foreground.wait(30) == 0
    assert not children[0].is_running()
    assert running(home_at(tmp_path)) is None


def test_down_stops_what_up_started_in_another_terminal(foreground: subprocess.Popen[str], tmp_path: Path) -> None:
    told = vigia(tmp_path, "down")
    assert (told.exit_code, told.stdout) == (0, "stopped\n")
    assert foreground.wait(5) == 0
    assert vigia(tmp_path, "status").exit_code == 1


def test_down_ends_what_a_killed_up_left_running_and_doctor_has_seen_it(
    foreground: subprocess.Popen[str], tmp_path: Path
) -> None:
    (orphan,) = psutil.Process(foreground.pid).children()
    foreground.kill()
    foreground.wait()
    assert findings(tmp_path)["left over"] == ("warn", f"process {orphan.pid} of a killed stack")
    assert vigia(tmp_path, "down").stdout == "ended 1 processes of a killed stack\n"
    assert not orphan.is_running()
    assert vigia(tmp_path, "down").stdout == "not running\n"


def test_a_detached_start_returns_when_all_is_ready_and_runs_on(tmp_path: Path) -> None:
    try:
        told = vigia(tmp_path, "up", "--detach", "--only", "kafka")
        assert told.exit_code == 0
        assert told.stdout.startswith("Kafka 127.0.0.1:")
        assert vigia(tmp_path, "status").exit_code == 0
        again = vigia(tmp_path, "up", "--detach", "--only", "kafka")
        assert "already running" in str(again.exception)
    finally:
        assert vigia(tmp_path, "down").stdout == "stopped\n"


def test_a_detached_start_that_fails_says_why(tmp_path: Path) -> None:
    told = vigia(tmp_path, "up", "--detach", "--only", "kafka,zorro")
    assert isinstance(told.exception, StackError)
    assert "zorro: no such part; there are kafka, elasticsearch" in str(told.exception)


def test_status_shows_each_part_to_people_and_to_machines(stack: RunningStack) -> None:
    shown = vigia(stack.home.root, "status")
    assert shown.exit_code == 0
    for part in stack.parts():
        row = next(line.split() for line in shown.stdout.splitlines() if line.startswith(part.name))
        assert row[1:4] == ["ready", str(part.pid), str(part.port)]
    document = json.loads(vigia(stack.home.root, "status", "--json").stdout)
    assert document["running"] is True
    assert document["endpoints"]["kafka"] == stack.endpoints.kafka
    assert all(part["memory_bytes"] > 50_000_000 for part in document["parts"])


def test_status_fails_when_nothing_runs(tmp_path: Path) -> None:
    assert vigia(tmp_path, "status").exit_code == 1
    assert json.loads(vigia(tmp_path, "status", "--json").stdout)["running"] is False


def test_logs_prints_the_last_lines_and_names_what_there_is(stack: RunningStack) -> None:
    told = vigia(stack.home.root, "logs", "kafka", "-n", "1")
    assert told.stdout == stack.part("kafka").log.read_text().splitlines()[-1] + "\n"
    wrong = vigia(stack.home.root, "logs", "zorro")
    said = " ".join(wrong.stderr.replace("│", " ").split())
    assert (wrong.exit_code, "there are: elasticsearch, kafka" in said) == (2, True)


def test_logs_follows_a_log_through_its_rotation(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    file = logs / "kafka.log"
    file.write_text("before\n")
    env = {**os.environ, "VIGIA_HOME": str(tmp_path)}
    with subprocess.Popen([*VIGIA, "logs", "kafka", "-f"], env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "before\n"
        time.sleep(0.5)
        file.replace(logs / "kafka.log.1")
        file.write_text("after\n")
        assert process.stdout.readline() == "after\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130


def test_doctor_finds_a_sound_stack_sound(stack: RunningStack) -> None:
    seen = findings(stack.home.root)
    assert {
        name: seen[name][0] for name in ("Python", "Java", "jars", "stack", "kafka", "elasticsearch")
    } == dict.fromkeys(("Python", "Java", "jars", "stack", "kafka", "elasticsearch"), "ok")
    assert seen["kafka"][1] == f"answers on port {stack.part('kafka').port}"


def test_doctor_counts_missing_and_damaged_jars(tmp_path: Path) -> None:
    first = tmp_path / "cache" / "jars" / jars.locked()[0].file
    first.parent.mkdir(parents=True)
    first.write_bytes(b"not a jar")
    verdict, seen = findings(tmp_path / "home", VIGIA_CACHE=str(tmp_path / "cache"))["jars"]
    total = len(jars.locked())
    assert (verdict, seen.split(" in ")[0]) == ("warn", f"{total - 1} of {total} missing, 1 damaged")


def test_doctor_fails_for_a_missing_model_and_shows_the_last_trouble_of_a_log(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "kafka.log").write_text("fine\n2026 ERROR the disk is upside down\nfine again\n")
    told = vigia(tmp_path, "doctor", "--json", VIGIA_CLASSIFY__MODEL=str(tmp_path / "nowhere"))
    rows = {row["what"]: row for row in json.loads(told.stdout)}
    assert told.exit_code == 1
    assert rows["model"]["verdict"] == "fail"
    assert "model.toml" in rows["model"]["seen"]
    assert rows["log of kafka"]["seen"] == "2026 ERROR the disk is upside down"


def test_doctor_changes_nothing(tmp_path: Path) -> None:
    vigia(tmp_path / "home", "doctor", VIGIA_CACHE=str(tmp_path / "cache"))
    assert list(tmp_path.iterdir()) == []
