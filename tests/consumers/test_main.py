"""python -m consumers.main as a process: exit codes, signals, logs."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from socket import create_server
from typing import Any

BUSY = """
import time
from threading import Event
from consumers.main import stop_on_signals
stop = Event()
stop_on_signals(stop)
print("ready", flush=True)
while True:
    time.sleep(0.05)
    if stop.is_set():
        print("told", flush=True)
"""


def free_port() -> int:
    with create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def environment(house: Any, **more: str) -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("VIGIA_")},
        "VIGIA_KAFKA__SERVERS": json.dumps(house.settings.kafka.servers),
        "VIGIA_ELASTICSEARCH__URL": house.settings.elasticsearch.url,
        **more,
    }


def worker(stage: str, env: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "consumers.main", stage]
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)


def events(stderr: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stderr.splitlines()]


def test_an_unknown_stage_is_a_usage_error(house: Any) -> None:
    with worker("sing", environment(house)) as process:
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "usage" in events(stderr)[0]["reason"]


def test_a_mistake_in_a_file_or_a_setting_is_exit_two_with_its_place(house: Any, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("[[rules]]\nid = 'one'\n")
    with worker("alert", environment(house, VIGIA_ALERT__RULES_FILE=str(path))) as process:
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    last = events(stderr)[-1]
    assert (last["event"], last["level"], last["stage"]) == ("worker.misconfigured", "error", "alert")
    assert "rules.toml:1" in last["reason"]
    with worker("notify", environment(house, VIGIA_WORKER__BATCH_MESSAGES="none")) as process:
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "batch_messages" in events(stderr)[-1]["reason"]


def test_a_worker_says_whether_it_is_ready_and_stops_on_sigterm_with_zero(house: Any) -> None:
    port = free_port()
    env = environment(house, VIGIA_KAFKA__SERVERS='["127.0.0.1:9"]', VIGIA_WORKER__HEALTH_PORT=str(port))
    with worker("index", env) as process:
        assert answer(port, "/healthz", lambda status: status == 200) == 200
        assert answer(port, "/readyz", lambda status: status == 503) == 503
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert events(stderr)[-1]["event"] == "worker.stopped"


LOGGING = """
import logging, sys, structlog
from consumers.main import log_to_stderr
from schemas.redact import Redactor
log_to_stderr(sys.argv[1], Redactor(("c4nary",)))
log = structlog.get_logger()
log.warning("told", reason="key c4nary", rows=["c4nary"])
logging.getLogger("library").warning("it said %s", "c4nary")
try:
    raise ValueError("c4nary in an error")
except ValueError:
    log.exception("failed")
"""


def test_the_log_has_one_form_or_the_other_and_no_secret() -> None:
    for form in ("json", "text"):
        command = [sys.executable, "-W", "error::UserWarning", "-c", LOGGING, form]
        ended = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True)
        assert "c4nary" not in ended.stderr
        assert ended.stderr.count("***") == 4
        if form == "json":
            told, library, failed = events(ended.stderr)
            assert (told["event"], told["reason"], told["level"]) == ("told", "key ***", "warning")
            assert library["event"] == "it said ***"
            assert "ValueError: *** in an error" in failed["exception"]
        else:
            assert "Traceback" in ended.stderr
            assert not ended.stderr.startswith("{")


def test_an_armed_fault_that_is_none_is_a_usage_error(house: Any) -> None:
    with worker("index", environment(house, VIGIA_FAULT="after_lunch:1")) as process:
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "after_commit" in events(stderr)[-1]["reason"]


def test_a_second_signal_ends_it_at_once() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "told\n"
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert process.wait(timeout=10) == 128 + signal.SIGTERM


def answer(port: int, path: str, wanted: Callable[[int], bool]) -> int:
    deadline = time.monotonic() + 30
    status = 0
    while not wanted(status) and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
                status = response.status
        except urllib.error.HTTPError as error:
            with error:
                status = error.code
        except OSError:
            time.sleep(0.1)
    return status


def test_the_table_of_workers_loads_no_model_and_no_flow() -> None:
    code = (
        "import sys; import consumers.stages, consumers.worker;"
        "print(sorted({'openvino', 'transformers', 'torch', 'prefect'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True)
    assert ended.stdout == "[]\n"
