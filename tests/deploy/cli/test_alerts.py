"""`vigia alerts`, `vigia rules precision`, `vigia route` and `vigia teams`, as a person uses them."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from consumers.archive import create, ensure, open_archive
from deploy.cli.main import app
from schemas.alert import Alert
from schemas.errors import ConfigError, VigiaError
from schemas.identity import alert_id
from schemas.settings import ElasticsearchSettings

RUN = CliRunner()
TEAMS = """
[[people]]
id = "editor"
zone = "America/El_Salvador"
duty = ["mon-fri 07:00-19:00"]
channels = ["mail"]
subscriptions = [{ severity = "medium" }]
"""
RULES = '[[rules]]\nid = "deal"\nname = "The deal"\nseverity = "medium"\n'
CHANNELS = '[notify]\nchannels = [{ name = "mail", url = "https://hooks.example/x" }]\n'


@pytest.fixture
def made(stack: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Alert]:
    """An alert in the running stack's own indices."""
    monkeypatch.setenv("VIGIA_ELASTICSEARCH__URL", stack.endpoints.elasticsearch)
    monkeypatch.setenv("VIGIA_USER", "editor")
    now = datetime.now(UTC)
    alert = Alert.model_validate(
        {
            "alert_id": alert_id("precise", "story"),
            "rule_id": "precise",
            "rule_name": "Rule",
            "severity": "high",
            "story_id": "story",
            "article_id": "0" * 32,
            "title": "A title",
            "url": "https://news.example/a",
            "outlet": "Example",
            "language": "en",
            "published_at": now,
            "observed_at_ms": int(now.timestamp() * 1000),
            "created_at_ms": int(now.timestamp() * 1000),
            "relevance": 0.9,
        }
    )
    with closing(open_archive(ElasticsearchSettings(url=stack.endpoints.elasticsearch))) as es:
        ensure(es)
        create(es, [alert])
        yield alert
        es.es.delete(index=es.indices.alerts, id=alert.alert_id)


def test_an_alert_is_listed_taken_up_judged_and_settled(made: Alert) -> None:
    short = made.alert_id[:12]
    assert f"{short} new" in RUN.invoke(app, ["alerts", "list", "--rule", "precise"]).output
    assert "acknowledged by editor" in RUN.invoke(app, ["alerts", "ack", short, "-m", "calling"]).output
    RUN.invoke(app, ["alerts", "verdict", short, "right", "--as", "analyst"])
    shown = RUN.invoke(app, ["alerts", "resolve", short]).output
    for line in ("editor: ack: calling", "analyst: verdict right", "editor: resolve"):
        assert line in shown
    refused = RUN.invoke(app, ["alerts", "dismiss", short]).exception
    assert isinstance(refused, VigiaError)
    assert "is resolved by editor" in str(refused)
    found = json.loads(RUN.invoke(app, ["rules", "precision", "--json"]).output)
    assert [(p["alerts"], p["precision"]) for p in found if p["rule"] == "precise"] == [(1, 1.0)]
    none = RUN.invoke(app, ["alerts", "list", "--rule", "precise", "--state", "new"])
    assert none.exit_code == 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with rules, channels and teams, in which the commands run."""
    for name, text in (("teams.toml", TEAMS), ("rules.toml", RULES), ("vigia.toml", CHANNELS)):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_route_says_who_would_be_told_when_and_why(folder: Path) -> None:
    answer = RUN.invoke(app, ["route", "deal", "--at", "2026-11-27T23:00-06:00", "--json"])
    assert json.loads(answer.output) == [
        {
            "who": "editor",
            "channel": "mail",
            "when": "Mon 2026-11-30 07:00 CST",
            "why": "editor subscribes to every rule from medium on",
        }
    ]
    assert "at once" in RUN.invoke(app, ["route", "deal", "--at", "2026-11-27T12:00-06:00"]).output
    assert RUN.invoke(app, ["route", "deal", "--severity", "low"]).exit_code == 1
    unknown = RUN.invoke(app, ["route", "gone"]).exception
    assert isinstance(unknown, ConfigError)
    assert "There are: deal" in str(unknown)


def test_teams_are_checked_against_the_channels_and_shown_at_a_moment(folder: Path) -> None:
    assert "1 people and 0 teams are right" in RUN.invoke(app, ["teams", "check"]).output
    assert "on duty" in RUN.invoke(app, ["teams", "list", "--at", "2026-11-27T12:00-06:00"]).output
    (folder / "vigia.toml").write_text("")
    wrong = RUN.invoke(app, ["teams", "check"]).exception
    assert isinstance(wrong, ConfigError)
    assert "no such channel: mail" in str(wrong)
    (folder / "teams.toml").unlink()
    assert "docs/alerts.md" in str(RUN.invoke(app, ["teams", "check"]).exception)
