"""A canary in every secret setting; then no output of ours holds one: settings shown, logs, answers, letters, `ps`."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from socket import create_server
from typing import Any

import psutil
import pytest
from pydantic import BaseModel, SecretStr

from consumers.batch import Record
from consumers.handling import dead_letter
from consumers.outcome import Poison
from schemas import channel
from schemas.redact import redactor_of
from schemas.settings import Settings, load_settings
from schemas.streams import ARTICLES
from schemas.wire import encode

CANARY = "c4nary"
CHANNELS: list[dict[str, Any]] = [
    {
        "name": "hook",
        "kind": "webhook",
        "url": f"https://u:{CANARY}@hook.example/{CANARY}",
        "secret": "whsec_YzRuYXJ5YzRuYXJ5",
    },
    {"name": "slack", "kind": "slack", "url": f"https://hooks.slack.example/{CANARY}-slack"},
    {"name": "teams", "kind": "teams", "url": f"https://teams.example/{CANARY}-teams?sig={CANARY}-sig"},
    {"name": "discord", "kind": "discord", "url": f"https://discord.example/{CANARY}-discord"},
    {"name": "telegram", "kind": "telegram", "token": f"1:{CANARY}-telegram", "chat": "@beat"},
    {
        "name": "mail",
        "kind": "email",
        "host": "127.0.0.1",
        "username": "desk",
        "password": f"{CANARY}-mail",
        "sender": "a@b.example",
        "to": ["c@d.example"],
    },
    {"name": "apprise", "kind": "apprise", "url": f"tgram://123456789:{CANARY}apprise/1"},
]


def free_port() -> int:
    with create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def secrets_in(value: Any, name: str = "") -> Iterator[str]:
    """The name of every secret setting that holds something."""
    if isinstance(value, SecretStr):
        yield name
    elif isinstance(value, BaseModel):
        for field in type(value).model_fields:
            yield from secrets_in(getattr(value, field), f"{name}.{field}" if name else field)
    elif isinstance(value, tuple):
        for inner in value:
            yield from secrets_in(inner, f"{name}.{getattr(inner, 'kind', '')}")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Settings with a canary in each secret, and servers that are not there."""
    nobody = free_port()
    CHANNELS[0]["retiring_secrets"] = ["whsec_b2xkLWM0bmFyeS1vbGQ="]
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("VIGIA_")},
        "VIGIA_HOME": str(tmp_path / "home"),
        "VIGIA_KAFKA__SERVERS": json.dumps([f"127.0.0.1:{nobody}"]),
        "VIGIA_KAFKA__SECURITY": "SASL_PLAINTEXT",
        "VIGIA_KAFKA__USERNAME": "desk",
        "VIGIA_KAFKA__PASSWORD": f"{CANARY}-kafka",
        "VIGIA_KAFKA__KEY_PASSWORD": f"{CANARY}-key",
        "VIGIA_ELASTICSEARCH__URL": f"http://127.0.0.1:{nobody}",
        "VIGIA_ELASTICSEARCH__API_KEY": f"{CANARY}-elasticsearch",
        "VIGIA_ELASTICSEARCH__KEY_PASSWORD": f"{CANARY}-eskey",
        "VIGIA_PREFECT__API_URL": f"http://desk:{CANARY}-prefect@127.0.0.1:{nobody}/api",
        "VIGIA_NOTIFY__CHANNELS": json.dumps(CHANNELS),
        "VIGIA_WORKER__HEALTH_PORT": str(free_port()),
    }


@pytest.fixture
def settings(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def hits(text: str, settings: Settings) -> list[str]:
    """The canaries that the text holds, and the secrets whose canary is in base64."""
    return [secret for secret in (CANARY, *redactor_of(settings).secrets) if secret in text]


def test_every_secret_setting_has_a_canary(settings: Settings) -> None:
    kinds = [
        kind
        for kind in vars(channel).values()
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind.__name__.endswith("Channel")
    ]
    known = {
        f"notify.channels.{kind.__name__.removesuffix('Channel').lower()}.{field}"
        for kind in kinds
        for field, about in kind.model_fields.items()
        if "SecretStr" in str(about.annotation)
    }
    tables = {"kafka.password", "kafka.key_password", "elasticsearch.api_key", "elasticsearch.key_password"}
    assert {name.rstrip(".") for name in secrets_in(settings)} == known | tables


def test_settings_are_shown_without_a_secret(environment: dict[str, str], settings: Settings) -> None:
    for more in ([], ["--json"]):
        command = [sys.executable, "-m", "deploy.cli.main", "config", "show", *more]
        shown = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
        assert "kafka" in shown.stdout
        assert hits(shown.stdout + shown.stderr, settings) == []


def test_a_worker_whose_servers_are_away_shows_no_secret(
    environment: dict[str, str], settings: Settings, tmp_path: Path
) -> None:
    """Its log, its probes, its metrics and its command line."""
    port, log = environment["VIGIA_WORKER__HEALTH_PORT"], tmp_path / "log"
    with (
        log.open("w") as stderr,
        subprocess.Popen([sys.executable, "-m", "consumers.main", "index"], env=environment, stderr=stderr) as process,
    ):
        try:
            deadline = time.monotonic() + 60
            while "worker.waiting" not in log.read_text() and time.monotonic() < deadline:
                time.sleep(0.1)
            seen = [asked(port, path) for path in ("/healthz", "/readyz", "/metrics")]
            seen.append(" ".join(psutil.Process(process.pid).cmdline()))
        finally:
            process.terminate()
            process.wait(60)
    assert "vigia_" in seen[2]
    assert "elasticsearch is unavailable" in log.read_text()
    assert hits("\n".join([*seen, log.read_text()]), settings) == []


def asked(port: str, path: str) -> str:
    try:
        with closing(urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5)) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()
    except OSError as error:
        return str(error)


def test_a_mistake_in_a_setting_is_told_without_a_secret(environment: dict[str, str], settings: Settings) -> None:
    broken = environment | {"VIGIA_KAFKA__SECURITY": f"{CANARY}-kafka", "VIGIA_KAFKA__REPLICATION": f"{CANARY}-kafka"}
    for command in (["consumers.main", "notify"], ["deploy.cli.main", "config", "show"]):
        ended = subprocess.run(
            [sys.executable, "-m", *command], env=broken, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 2, ended.stderr
        assert "kafka" in ended.stdout + ended.stderr
        assert hits(ended.stdout + ended.stderr, settings) == []


def test_a_dead_letter_tells_its_reason_without_a_secret(settings: Settings) -> None:
    reason = "; ".join(redactor_of(settings).secrets)
    letter = dead_letter(
        Record(ARTICLES.name, 0, 0, b"key", b"{"),
        Poison("ValueError", f"refused by {reason} at https://desk:{CANARY}@hook.example/"),
        stage="notify",
        attempts=1,
        at_ms=0,
        max_bytes=100_000,
        redactor=redactor_of(settings),
    )
    assert "refused by ***" in letter.reason
    assert hits(encode(letter).decode(), settings) == []
