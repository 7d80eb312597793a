"""The flow commands, on a real broker and index."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from deploy.local.supervise import RunningStack
from schemas.errors import ConfigError

Call = Callable[..., Result]


@pytest.fixture
def call(stack: RunningStack, tmp_path: Path) -> Call:
    feeds = tmp_path / "feeds.toml"
    feeds.write_text('[[feeds]]\nid = "one"\nurl = "http://127.0.0.1:1/feed"\noutlet = "One"\n')
    env = {
        "VIGIA_HOME": str(tmp_path / "home"),
        "VIGIA_KAFKA__SERVERS": json.dumps([stack.endpoints.kafka]),
        "VIGIA_ELASTICSEARCH__URL": stack.endpoints.elasticsearch or "",
        "VIGIA_POLL__FEEDS_FILE": str(feeds),
        "VIGIA_POLL__ALLOW_NETWORKS": '["127.0.0.1/32"]',
        "COLUMNS": "200",
    }
    return lambda *words: CliRunner().invoke(app, ["flow", "run", *words], env=env)


def parsed(result: Result) -> Any:
    return json.loads(result.stdout[result.stdout.index("{") :])


def test_a_poll_says_what_failed_and_ends_with_1(call: Call) -> None:
    result = call("poll", "one", "--force")
    assert result.exit_code == 1
    assert "one: failed" in result.stdout
    assert "1 sources polled: 0 new articles" in result.stdout


def test_a_backfill_of_saved_pages_is_counted(call: Call, tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    page = (
        "<html><head><link rel='canonical' href='http://127.0.0.1:1/a'><title>Signed</title>"
        "<meta property='article:published_time' content='2026-03-10'></head><body><article><p>"
    )
    text = "The two governments signed the agreement. " * 10
    (tmp_path / "saved/a.html").write_text(f"{page}{text}</p></article></body></html>")
    options = ("backfill", "one", "--since", "2020-01-01", "--folder", str(tmp_path / "saved"), "--json")
    first, second = call(*options, "--until", f"{datetime.now(UTC).year + 1}-01-01"), call(*options)
    assert (first.exit_code, parsed(first)["published"]) == (0, 1)
    assert (parsed(second)["published"], parsed(second)["known"]) == (0, 1)
    (tmp_path / "saved/b.html").write_text("<html><title>Nowhere</title>")
    told = call("backfill", "one", "--folder", str(tmp_path / "saved"))
    assert "1 known already" in told.stdout
    assert "1 broken" in told.stdout
    assert "b.html: does not say which page it was" in told.stderr
    both = call("backfill", "one", "--folder", str(tmp_path), "--archives")
    assert "from one place at a time" in str(both.exception)


def test_a_replay_says_what_would_be_sent_and_names_a_wrong_origin(call: Call) -> None:
    result = call("replay", "stream", "--since", "1m", "--dry-run", "--json")
    assert set(parsed(result)) == {"read", "sent", "passed", "refused"}
    wrong = call("replay", "nowhere")
    assert isinstance(wrong.exception, ConfigError)
    assert "Choose dead, stream, index" in str(wrong.exception)


def test_retention_has_nothing_to_drop_in_a_young_index(call: Call) -> None:
    result = call("retention", "--keep-months", "600", "--dry-run")
    assert result.stdout == "nothing is older than 600 months\n"
