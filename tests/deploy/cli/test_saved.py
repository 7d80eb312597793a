"""Searches kept in a file, and what `vigia search` makes of its first word."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli import saved, search
from deploy.cli.search import app
from schemas.errors import ConfigError
from schemas.question import Question
from schemas.taxonomy import Stance, Target


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Question]:
    """What would be asked of the index."""
    questions: list[Question] = []
    monkeypatch.setattr(search, "answer", lambda question, **_: questions.append(question))
    return questions


def run(*arguments: str, at: Path) -> Any:
    return CliRunner(env={"VIGIA_SEARCHES": str(at)}).invoke(app, arguments, catch_exceptions=False)


def test_a_kept_search_is_asked_again_with_what_is_given_beside_it(tmp_path: Path, asked: list[Question]) -> None:
    path = tmp_path / "searches.toml"
    path.write_text("# ours\n[searches.old]\nwords = 'x'  # why\n")
    run("save", "aid", "ayuda", "|", "aid", "--stance", "us_aid=against", "--since", "7d", "--lang", "ES", at=path)
    run("run", "aid", "--since", "2d", at=path)
    expected = Question(words="ayuda | aid", stances={Target.US_AID: Stance.AGAINST}, since="7d", languages=("es",))
    assert asked == [expected, expected.model_copy(update={"since": "2d"})]
    assert saved.read(path) == {"old": Question(words="x"), "aid": expected}
    assert "# ours" in path.read_text()
    listed = run("list", at=path).stdout
    assert "aid: words ayuda | aid, stances us_aid=against, languages es, since 7d" in listed
    run("drop", "aid", at=path)
    assert list(saved.read(path)) == ["old"]
    assert "# why" in path.read_text()


def test_words_need_no_verb(tmp_path: Path, asked: list[Question]) -> None:
    path = tmp_path / "none.toml"
    run("deportation", "flights", at=path)
    run("--semantic", "vuelos", at=path)
    run(at=path)
    run("find", "run", at=path)
    assert [(q.words, q.semantic) for q in asked] == [
        ("deportation flights", None),
        (None, "vuelos"),
        (None, None),
        ("run", None),
    ]
    assert "Spanish asked" in run("--help", at=path).stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[searches.a]\ncolour = 'red'\n", "searches.a.colour"),
        ("[searches.a]\nby = 'size'\n", "searches.a.by"),
        ("searches = 1\n", "no table"),
        ("[searches.a\n", "not TOML"),
        ("[searches.b]\n", "There are: b"),
    ],
)
def test_a_search_that_is_wrong_or_absent_is_named(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "searches.toml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=said):
        saved.get(path, "a")


@pytest.mark.parametrize("arguments", [("save",), ("run",), ("save", "--since", "7d"), ("save", "No Name")])
def test_a_search_needs_a_name_to_be_kept(tmp_path: Path, asked: list[Question], arguments: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"names no search|is no name"):
        run(*arguments, at=tmp_path / "searches.toml")
    assert asked == []
