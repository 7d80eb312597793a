"""`vigia classify` and `vigia model eval`, on the shipped model."""

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from consumers.classifier.training.recipe import PASSAGES, PIECES
from consumers.classifier.training.voices import TEXTS
from deploy.cli import model

app = typer.Typer()
app.command()(model.classify)
app.add_typer(model.app, name="model")

PIECE = """US deports 200 Salvadorans to San Salvador under the migration accord
“These transfers are a brutal violation of due process,” said Ana Prueba, a lawyer for the families.
"""


def test_a_text_on_standard_input_is_read_with_its_evidence() -> None:
    run = CliRunner().invoke(app, ["classify", "-"], input=PIECE)
    assert run.exit_code == 0, run.output
    assert "on the beat" in run.output
    assert "deportation and returns" in run.output
    assert "These transfers are a brutal violation of due process" in run.output


def test_the_json_says_the_same_without_the_text(tmp_path: Path) -> None:
    path = tmp_path / "piece.txt"
    path.write_text(PIECE, encoding="utf-8")
    run = CliRunner().invoke(app, ["classify", str(path), "--json"])
    said = json.loads(run.output)
    assert said["relevant"] is True
    assert said["article"]["title"] == PIECE.splitlines()[0]
    assert "text" not in said["article"]
    assert {p["part"] for p in said["passages"]} == {"title", "text"}


def test_a_text_in_another_language_says_so_and_fails() -> None:
    run = CliRunner().invoke(
        app, ["classify", "-"], input="Les deux gouvernements ont parlé hier de la migration à Paris."
    )
    assert run.exit_code == 1
    assert "language" in run.output


def test_a_file_that_is_not_there_is_named() -> None:
    run = CliRunner().invoke(app, ["classify", "nowhere.txt"])
    assert run.exit_code == 1
    assert "nowhere.txt" in str(run.exception)


def test_voices_are_measured_with_their_counts() -> None:
    files = [str(f) for f in sorted(TEXTS.glob("*-dev.jsonl"))]
    run = CliRunner().invoke(app, ["model", "eval", "--voices", *files, "--json"])
    table = json.loads(run.output)["figures"]
    assert set(table) == {"all", "en", "es"}
    assert set(table["all"]) == {"quotes", "voices", "sides", "entities"}
    assert table["all"]["voices"]["recall"] > 0.9
    shown = CliRunner().invoke(app, ["model", "eval", "--voices", *files])
    assert "Precision, recall" in shown.output


def test_voices_and_names_are_shown() -> None:
    run = CliRunner().invoke(app, ["classify", "-"], input=PIECE)
    assert "Ana Prueba, a lawyer for the families: “These transfers" in run.output
    assert "place: United States (1), San Salvador (1)" in run.output


def test_figures_come_for_all_and_by_language_with_their_intervals() -> None:
    few = sorted(PASSAGES.glob("*.jsonl"))
    files = [str(next(f for f in few if f.name.startswith(language))) for language in ("en-", "es-")]
    run = CliRunner().invoke(app, ["model", "eval", *files, "--samples", "20", "--json"])
    table = json.loads(run.output)["figures"]
    assert {"all", "en", "es"} <= set(table)
    for row in (table["all"], table["en"], table["es"]):
        assert 0 <= row["relevance"]["low"] <= row["relevance"]["value"] <= row["relevance"]["high"] <= 1
    assert table["all"]["relevance"]["support"] == sum(table[part]["relevance"]["support"] for part in ("en", "es"))


def test_whole_pieces_are_measured_as_articles_are_read() -> None:
    files = [str(min(PIECES.glob(f"{language}-*.jsonl"))) for language in ("en", "es")]
    run = CliRunner().invoke(app, ["model", "eval", *files, "--pieces", "--samples", "20", "--json"])
    table = json.loads(run.output)["figures"]
    assert {"all", "en", "es"} <= set(table)
    assert table["all"]["relevance"]["value"] > 0.5
