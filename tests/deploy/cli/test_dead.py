"""`vigia dead` on a real broker, as a person runs it."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.cli import console
from deploy.cli.main import app
from deploy.local.supervise import RunningStack
from flows.publish import Publisher, ensure
from schemas.deadletter import DeadLetter
from schemas.errors import ConfigError
from schemas.settings import KafkaSettings
from schemas.streams import ARTICLES, DEADLETTER

Call = Callable[..., Result]


@pytest.fixture
def kafka(stack: RunningStack) -> KafkaSettings:
    return KafkaSettings(servers=(stack.endpoints.kafka or "",))


@pytest.fixture
def call(stack: RunningStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setattr(console.console, "_width", 250)
    env = {"VIGIA_HOME": str(tmp_path), "VIGIA_KAFKA__SERVERS": json.dumps([stack.endpoints.kafka])}
    return lambda *words: CliRunner().invoke(app, ["dead", *words], env=env)


def put(kafka: KafkaSettings, article: str, **changes: Any) -> None:
    value = json.dumps({"schema_version": 9, "article_id": article}).encode()
    fields: dict[str, Any] = {
        "stage": "classify",
        "stream": ARTICLES.name,
        "partition": 0,
        "offset": 3,
        "key": article.encode(),
        "value": value,
        "value_bytes": len(value),
        "error": "WireError",
        "reason": "news.articles: schema_version: is 9 \x1b[31m[bold]",
        "attempts": 2,
        "at_ms": int(datetime.now(UTC).timestamp() * 1000),
    }
    ensure(kafka, (ARTICLES, DEADLETTER))
    with Publisher(kafka) as publisher:
        publisher.send(DEADLETTER, [DeadLetter.model_validate(fields | changes)])


def listed(call: Call, article: str, *more: str) -> list[dict[str, Any]]:
    result = call("list", "--article", article, "--json", *more)
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout)["letters"])


def test_a_letter_is_listed_shown_put_back_once_and_dropped_with_a_reason(call: Call, kafka: KafkaSettings) -> None:
    article = uuid.uuid4().hex
    put(kafka, article)
    put(kafka, article, stage="index", stream="news.classified", error="KeyError", at_ms=1_000)
    first, second = listed(call, article)
    assert [first["error"], second["error"]] == ["WireError", "KeyError"]
    assert [r["id"] for r in listed(call, article, "--since", "1h")] == [first["id"]]
    assert [r["id"] for r in listed(call, article, "--stage", "index", "--stream", "news.classified")] == [second["id"]]

    table = call("list", "--article", article).stdout
    assert f"{ARTICLES.name}:0:3" in table
    assert "\x1b[31m" not in table
    assert "[bold]" in table
    shown = json.loads(call("show", first["id"], "--json").stdout)
    assert (shown["attempts"], json.loads(shown["value"])["article_id"]) == (2, article)
    assert json.loads(call("show", first["id"], "--raw").stdout)["schema_version"] == 9

    filters = ("--article", article, "--error", "WireError")
    assert "1 would be put back" in call("replay", *filters, "--dry-run").stdout
    assert len(listed(call, article)) == 2
    assert "1 put back" in call("replay", *filters).stdout
    assert "0 put back" in call("replay", *filters).stdout
    assert "1 dropped" in call("drop", second["id"], "--why", "a test of ours").stdout
    assert listed(call, article) == []
    marked = {row["mark"]: row for row in listed(call, article, "--marked")}
    assert set(marked) == {"replayed", "dropped"}
    assert marked["dropped"]["why"] == "a test of ours"
    assert marked["dropped"]["marked_by"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("replay",), "--all"),
        (("drop", "--why", "x"), "--all"),
        (("drop", "0-1", "--why", " "), "empty"),
        (("list", "--since", "soon"), "no moment"),
    ],
)
def test_what_is_not_said_clearly_is_refused(call: Call, words: tuple[str, ...], said: str) -> None:
    error = call(*words).exception
    assert isinstance(error, ConfigError)
    assert said in str(error)


def test_a_letter_that_is_not_there_is_named(call: Call) -> None:
    error = call("show", "0-999999999").exception
    assert isinstance(error, ConfigError)
    assert "0-999999999" in str(error)
