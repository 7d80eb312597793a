"""`vigia feedback`, `vigia model feedback export` and `vigia model compare`, as an analyst uses them."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from consumers.archive import ensure, open_archive, put, refresh
from consumers.classifier.manifest import SHIPPED
from consumers.classifier.model import load
from consumers.classifier.reading import classify_articles
from consumers.documents import Document
from consumers.index import document
from deploy.cli.main import app
from deploy.cli.model import as_article
from schemas.errors import ConfigError
from schemas.settings import ClassifySettings, ElasticsearchSettings

RUN = CliRunner()
TEXT = """US deports 200 Salvadorans to San Salvador under the migration accord
“These transfers are a brutal violation of due process,” said Ana Prueba, a lawyer for the families.
"""


@pytest.fixture
def piece(stack: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """The id of a classified piece in the running stack's own indices."""
    monkeypatch.setenv("VIGIA_ELASTICSEARCH__URL", stack.endpoints.elasticsearch)
    monkeypatch.setenv("VIGIA_HOME", str(tmp_path))
    monkeypatch.setenv("VIGIA_USER", "desk")
    article = as_article(TEXT, source="corrected")
    (said,) = classify_articles([article], model=load(ClassifySettings()), now_ms=1)
    with closing(open_archive(ElasticsearchSettings(url=stack.endpoints.elasticsearch))) as es:
        ensure(es)
        home = es.indices.month(article.published_at)
        put(es, [Document(home, said.article_id, said.version, document(said, "story", [], datetime.now(UTC)))])
        refresh(es, es.indices.news)
        yield said.article_id
        es.es.delete(index=home, id=said.article_id, refresh=True)
        es.es.indices.delete(index=es.indices.feedback, ignore_unavailable=True)


def test_a_correction_is_made_of_a_shown_passage_and_exported(piece: str, tmp_path: Path) -> None:
    shown = RUN.invoke(app, ["feedback", "show", piece]).output
    assert "brutal" in shown
    assert RUN.invoke(app, ["feedback", "list"]).exit_code == 1

    side = ["--stance", "deportation_deal=absent", "--stance", "us_aid=against", "--topic", "economic_aid"]
    made = RUN.invoke(app, ["feedback", "add", piece, "--passage", "2", *side, "-m", "a test"])
    assert made.exit_code == 0, made.output
    (listed,) = json.loads(RUN.invoke(app, ["feedback", "list", "--json"]).output)
    assert (listed["by"], listed["note"], listed["passage"]) == ("desk", "a test", 2)
    assert listed["labels"]["topics"] == ["economic_aid"]
    assert listed["said"]["topics"] != ["economic_aid"]

    out = tmp_path / "corrections.jsonl"
    assert RUN.invoke(app, ["model", "feedback", "export", str(out)]).exit_code == 0
    (row,) = map(json.loads, out.read_text(encoding="utf-8").splitlines())
    assert row["stances"]["us_aid"] == "against"
    assert "deportation_deal" not in row["stances"]
    assert RUN.invoke(app, ["model", "eval", str(out), "--samples", "10", "--json"]).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--passage", "9", "--not-relevant"], "the piece has 2"),
        (["--passage", "1"], "corrects nothing"),
        (["--passage", "1", "--not-relevant", "--topic", "economic_aid"], "no labels"),
    ],
)
def test_a_correction_that_cant_be_is_refused(piece: str, arguments: list[str], word: str) -> None:
    run = RUN.invoke(app, ["feedback", "add", piece, *arguments])
    assert isinstance(run.exception, ConfigError)
    assert word in str(run.exception)


def test_the_model_that_read_the_archive_would_change_nothing(piece: str) -> None:
    run = RUN.invoke(app, ["model", "compare", str(SHIPPED), "--since", "1d", "--json"])
    assert run.exit_code == 0, run.output
    found = json.loads(run.stdout)
    assert found["done"]
    assert found["pieces"] >= found["same_model"] >= 1
    assert found["changed"] <= found["pieces"] - found["same_model"]
    assert "pieces since" in RUN.invoke(app, ["model", "compare", str(SHIPPED), "--since", "1d"]).output
