"""The rules commands say what is asked for, and where a file is wrong."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.cli.main import app
from schemas.errors import ConfigError

ROOT = Path(__file__).parents[3]
RUN = CliRunner()


@pytest.mark.parametrize("file", ["rules.toml", "deploy/demo/rules.toml"])
def test_the_rules_that_are_shipped_are_right(file: str) -> None:
    result = RUN.invoke(app, ["rules", "check", str(ROOT / file)])
    assert result.exit_code == 0
    assert "rules are right" in result.output


def test_each_rule_is_listed_with_what_it_asks_for() -> None:
    result = RUN.invoke(app, ["rules", "list", str(ROOT / "deploy/demo/rules.toml")], env={"COLUMNS": "200"})
    assert "deal-criticised" in result.output
    assert "deportation_deal: against" in result.output


def test_a_wrong_rule_is_named_by_line_and_field(tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text('[[rules]]\nid = "a"\nname = "A"\nseverity = "urgent"\n')
    result = RUN.invoke(app, ["rules", "check", str(file)])
    assert isinstance(result.exception, ConfigError)
    assert f"{file}:4" in str(result.exception)
    assert "severity" in str(result.exception)


RULES = (
    '# Ours.\n\n[[rules]]\nid = "one"\nname = "One"   # first\n\n# The other.\n[[rules]]\nid = "two"\nname = "Two"\n'
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    return path


def test_a_rule_is_put_to_sleep_muted_and_woken_and_the_file_stays_as_it_was(file: Path) -> None:
    for command, said in (("disable", "asleep"), ("enable", "medium"), ("mute", "muted"), ("enable", "medium")):
        assert RUN.invoke(app, ["rules", command, "two", "--file", str(file)]).exit_code == 0
        assert said in RUN.invoke(app, ["rules", "list", str(file)], env={"COLUMNS": "200"}).output.splitlines()[2]
    assert file.read_text() == RULES
    assert isinstance(RUN.invoke(app, ["rules", "mute", "nine", "--file", str(file)]).exception, ConfigError)


def test_a_rule_is_added_of_any_kind_and_a_wrong_one_changes_nothing(file: Path) -> None:
    arguments = ["rules", "add", "burst", "--file", str(file), "--name", "A burst", "--kind", "spike"]
    arguments += ["--topic", "asylum_tps", "--stance", "us_aid=against", "--set", "window_hours=4"]
    assert RUN.invoke(app, [*arguments, "--dry-run"]).exit_code == 0
    assert file.read_text() == RULES
    assert RUN.invoke(app, arguments).exit_code == 0
    after = file.read_text()
    assert after.startswith(RULES)
    added = json.loads(RUN.invoke(app, ["rules", "list", str(file), "--json"]).stdout)[-1]
    assert (added["kind"], added["window_hours"], added["stances"]) == ("spike", 4, {"us_aid": ["against"]})
    for wrong in (arguments, ["rules", "add", "x", "--file", str(file), "--name", "X", "--topic", "football"]):
        assert isinstance(RUN.invoke(app, wrong).exception, ConfigError)
    assert file.read_text() == after


def test_a_rule_is_shown_whole(file: Path) -> None:
    shown = RUN.invoke(app, ["rules", "show", "one", "--file", str(file)])
    assert "max_age_hours = 48" in shown.output
    assert json.loads(RUN.invoke(app, ["rules", "show", "one", "--file", str(file), "--json"]).stdout)["id"] == "one"
