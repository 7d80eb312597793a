"""`vigia top --once` of a stack whose one worker is this process: its metrics are served for real."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner, Result

from consumers import metrics
from consumers.batch import Plan, Record
from consumers.health import Health, serve
from consumers.outcome import Done
from deploy.cli import console
from deploy.cli.main import app
from deploy.local.home import home_at
from deploy.local.state import Endpoints, PartState, StackState, write_state


def top(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["top", "--every", "0.2", *words], env={"VIGIA_HOME": str(home)})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(console.console, "_width", 220)
    metrics.LAG.clear()  # what other workers of this process left
    metrics.DEAD.clear()
    place, me, now = home_at(tmp_path), psutil.Process(), datetime.now(UTC)
    place.create()

    def part(name: str, **more: Any) -> PartState:
        return PartState.model_validate({"name": name, "since": now, "log": place.logs / f"{name}.log"} | more)

    with serve(Health(), 0) as port:
        own = {"pid": me.pid, "create_time": me.create_time()}
        parts = (
            part("kafka", condition="ready", **own),
            part("classify", condition="ready", port=port, **own),
            part("index", condition="restarting", detail="was killed by [SIGKILL]", restarts=3),
        )
        write_state(place, StackState(**own, started=now, endpoints=Endpoints(), parts=parts))
        yield tmp_path


def test_top_shows_each_part_with_its_lag_latency_errors_and_memory(home: Path) -> None:
    meter = metrics.Meter("classify")
    meter.turned(joined=True, paused=False, lags={0: 1200, 3: 34})
    record = Record("news.articles", 0, 0, b"k", b"v", at_ms=1_000_000)
    meter.gathered([record], 0)
    meter.committed(Plan(((record, Done()),), {0: 1}, {}, ()), 0, {}, now_ms=1_000_400)
    meter.dead("OnlyHere")
    picture = top(home, "--once")
    assert picture.exit_code == 0, picture.output
    rows = {line.split()[0]: line for line in reversed(picture.stdout.splitlines()) if line.split()}
    assert "1,234" in rows["classify"]
    assert "restarting" in rows["index"]
    assert "was killed by [SIGKILL]" in picture.stdout
    assert "OnlyHere 1" in picture.stdout
    assert "MB" in rows["kafka"]
    told = {row["part"]: row for row in json.loads(top(home, "--json").stdout)["parts"]}
    assert told["kafka"]["figures"] is None
    assert told["classify"]["figures"]["lag"] == 1234
    assert told["classify"]["memory_bytes"] > 1_000_000
    assert (told["index"]["restarts"], told["index"]["figures"]) == (3, None)


def test_without_a_stack_it_says_how_to_start_one(tmp_path: Path) -> None:
    assert top(tmp_path, "--once").exit_code == 1
