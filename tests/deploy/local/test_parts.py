from pathlib import Path

import pytest

from deploy.local import parts
from deploy.local.home import Home, home_at
from schemas.errors import StackError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Dsurprise=true")
    monkeypatch.setenv("VIGIA_NOTIFY__TIMEOUT_S", "7")
    return home_at(tmp_path / "home", tmp_path / "cache")


def built(home: Home, *names: str) -> dict[str, parts.Part]:
    ports = {listener: 10_000 + number for number, listener in enumerate(parts.listeners(names))}
    return {part.name: part for part in parts.build(home, names, ports, {"VIGIA_POLL__TICK_S": "5"})}


def test_more_classify_workers_each_have_their_own_log_and_health_port(home: Home) -> None:
    names = parts.with_workers(3)
    assert [name for name in names if name.startswith("classify")] == ["classify", "classify-2", "classify-3"]
    stack = built(home, *names)
    workers = [stack[name] for name in ("classify", "classify-2", "classify-3")]
    assert len({worker.log for worker in workers}) == len({worker.port for worker in workers}) == 3
    assert {tuple(worker.command())[-1] for worker in workers} == {"classify"}
    assert [worker.env["VIGIA_WORKER__HEALTH_PORT"] for worker in workers] == [str(worker.port) for worker in workers]


def test_python_parts_inherit_settings_and_are_led_to_this_stack(home: Home) -> None:
    stack = built(home, *parts.ALL)
    env = stack["notify"].env
    assert env["VIGIA_NOTIFY__TIMEOUT_S"] == "7"
    assert env["VIGIA_POLL__TICK_S"] == "5"
    assert env["VIGIA_HOME"] == str(home.root)
    assert env["VIGIA_KAFKA__SERVERS"] == f'["127.0.0.1:{stack["kafka"].port}"]'
    assert env["VIGIA_ELASTICSEARCH__URL"] == f"http://127.0.0.1:{stack['elasticsearch'].port}"
    assert env["VIGIA_PREFECT__API_URL"] == env["PREFECT_API_URL"] == f"http://127.0.0.1:{stack['prefect'].port}/api"


def test_servers_get_neither_settings_nor_surprises_of_the_caller_s(home: Home) -> None:
    for name in ("kafka", "elasticsearch"):
        env = built(home, *parts.ALL)[name].env
        assert "JAVA_TOOL_OPTIONS" not in env
        assert [key for key in env if key.startswith("VIGIA_")] == ["VIGIA_STACK"]


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (("kafka", "zorro"), "zorro: no such part; there are kafka, elasticsearch"),
        (("kafka", "classify"), "classify: needs elasticsearch, which this stack leaves out"),
        (("kafka", "elasticsearch", "runner"), "runner: needs prefect, which this stack leaves out"),
    ],
)
def test_a_stack_that_cannot_work_is_refused(home: Home, names: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(StackError, match=complaint):
        built(home, *names)
