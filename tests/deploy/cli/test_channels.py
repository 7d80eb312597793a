"""`vigia channels`: what is listed, tried and told, and that no token shows."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.channels import app
from schemas.errors import ConfigError

CHANNELS = """
[[notify.channels]]
name = "feeds"
kind = "atom"
folder = "feeds"
language = "es"

[[notify.channels]]
name = "inside"
kind = "discord"
url = "http://127.0.0.1:9/canary-token"

[[notify.channels]]
name = "field"
kind = "telegram"
token = "1:canary-token"
chat = "@beat"
"""


@pytest.fixture(autouse=True)
def _config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIGIA_CONFIG", raising=False)
    Path("vigia.toml").touch(mode=0o600)
    Path("vigia.toml").write_text(CHANNELS)


def test_channels_are_listed_without_their_tokens() -> None:
    listed = CliRunner().invoke(app, ["list", "--json"])
    rows = json.loads(listed.output)
    assert [(row["name"], row["kind"], row["to"]) for row in rows] == [
        ("feeds", "atom", "feeds"),
        ("inside", "discord", "127.0.0.1"),
        ("field", "telegram", "@beat by api.telegram.org"),
    ]
    table = CliRunner().invoke(app, ["list"])
    assert "canary" not in listed.output + table.output


def test_without_channels_it_says_how_to_add_one() -> None:
    Path("vigia.toml").write_text("")
    listed = CliRunner().invoke(app, ["list"])
    assert (listed.exit_code, "docs/delivery.md" in listed.output) == (1, True)


def test_a_test_message_is_taken_or_it_is_told_why_not() -> None:
    good = CliRunner().invoke(app, ["test", "feeds"])
    assert (good.exit_code, "took the test message" in good.output) == (0, True)
    assert "Mensaje de prueba" in Path("feeds/test.xml").read_text()
    bad = CliRunner().invoke(app, ["test", "inside"])
    assert (bad.exit_code, "allow_networks" in bad.output) == (1, True)
    assert "canary" not in bad.output


def test_a_name_that_is_none_and_a_kind_that_has_no_feeds_are_settings_to_correct() -> None:
    for command, said in ((["test", "gone"], "There is feeds, inside, field"), (["serve", "inside"], "kind discord")):
        failed = CliRunner().invoke(app, command)
        assert isinstance(failed.exception, ConfigError)
        assert said in str(failed.exception)
