"""`vigia model target` and what `vigia classify` then says; `--stance` of `vigia feedback add`."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from deploy.cli import feedback, model
from schemas.errors import ConfigError
from schemas.taxonomy import Stance, Target

app = typer.Typer()
app.command()(model.classify)
app.add_typer(model.app, name="model")

PIECE = """Congress urged to extend TPS for Salvadorans
“Ending TPS would be cruel, and extending it is the only decent choice,” said Ana Prueba, a lawyer for the families.
"""
WORDS = ["--describe", "extending TPS for Salvadorans", "--describe", "la prórroga del TPS para los salvadoreños"]


@pytest.fixture(autouse=True)
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "targets.toml"
    monkeypatch.setenv("VIGIA_CLASSIFY__TARGETS_FILE", str(path))
    return path


def test_a_target_is_described_listed_asked_and_removed(own_file: Path) -> None:
    run = CliRunner().invoke(app, ["model", "target", "add", "tps_extension", *WORDS])
    assert run.exit_code == 0, run.output
    assert "zero-shot: macro-F1 of the side on targets never trained on" in " ".join(run.output.split())

    listed = json.loads(CliRunner().invoke(app, ["model", "target", "list", "--json"]).output)
    assert [one["id"] for one in listed["targets"]] == ["tps_extension"]
    assert listed["quality"]

    said = json.loads(CliRunner().invoke(app, ["classify", "-", "--json"], input=PIECE).output)
    assert {one["target"] for one in said["zero_shot"]} <= {"tps_extension"}
    assert {one["target"] for one in said["stances"]} <= set(Target)

    assert CliRunner().invoke(app, ["model", "target", "remove", "tps_extension"]).exit_code == 0
    assert CliRunner().invoke(app, ["model", "target", "list"]).exit_code == 1
    plain = json.loads(CliRunner().invoke(app, ["classify", "-", "--json"], input=PIECE).output)
    assert plain["zero_shot"] == []
    assert plain["stances"] == said["stances"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["add", "us_aid", *WORDS], "trained on"),
        (["add", "TPS!", *WORDS], "id"),
        (["add", "tps", *WORDS, "--lang", "fr"], "lang"),
        (["remove", "tps"], "is not in"),
    ],
)
def test_what_cant_be_is_refused_and_nothing_is_stored(arguments: list[str], word: str, own_file: Path) -> None:
    run = CliRunner().invoke(app, ["model", "target", *arguments])
    assert isinstance(run.exception, ConfigError)
    assert word in str(run.exception)
    assert not own_file.exists()


def test_sides_are_pairs_and_absent_takes_one_away() -> None:
    assert feedback.parse_sides(["us_aid=absent", "deportation_deal=against"]) == {
        Target.US_AID: None,
        Target.DEPORTATION_DEAL: Stance.AGAINST,
    }
    for pair, listed in (("aid=favor", "us_aid"), ("us_aid=pro", "absent")):
        with pytest.raises(ConfigError, match=listed):
            feedback.parse_sides([pair])
