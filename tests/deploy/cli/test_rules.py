"""The rules commands say what is asked for, and where a file is wrong."""

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
