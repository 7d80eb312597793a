"""Files of pieces: whole or absent, and no cell that a spreadsheet would run."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.cli.export import FORMULA, columns, safe, write
from schemas.errors import ConfigError


def piece(**changes: Any) -> dict[str, Any]:
    return {
        "article_id": "a",
        "story_id": "s",
        "title": '=HYPERLINK("http://evil.example")',
        "outlet": "@outlet",
        "byline": "\tsomeone",
        "topics": ["economic_aid", "human_rights"],
        "stance": {"us_aid": "against"},
        "stance_score": {"us_aid": -0.8},
        "stance_confidence": {"us_aid": 0.75},
        "voices": [{"speaker": "+1 Ana"}, {"speaker": "+1 Ana"}, {"speaker": "Eva"}],
        "entities": [{"id": "cecot", "name": "-CECOT"}],
        "source": {"kind": "government", "state_media": True},
        "signature": [1, 2],
    } | changes


def test_a_spreadsheet_takes_no_cell_for_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "found.csv"
    assert write([piece(), piece(title="two\nlines, and a comma")], path) == 2
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == columns()
    assert not [cell for row in rows for cell in row.values() if cell.startswith(FORMULA)]
    first = rows[0]
    assert first["title"] == '\'=HYPERLINK("http://evil.example")'
    assert (first["stance_us_aid"], first["confidence_us_aid"], first["stance_deportation_deal"]) == (
        "against",
        "0.75",
        "",
    )
    assert (first["voices"], first["topics"]) == ("'+1 Ana; Eva", "economic_aid; human_rights")
    assert (first["source_kind"], first["source_state_media"]) == ("government", "True")
    assert rows[1]["title"] == "two\nlines, and a comma"


@given(st.text())
def test_any_text_is_made_safe_and_can_be_had_back(text: str) -> None:
    assert not safe(text).startswith(FORMULA)
    assert safe(text).removeprefix("'" if text.startswith(FORMULA) else "") == text


@pytest.mark.parametrize("name", ["found.jsonl", "found.ndjson"])
def test_lines_are_whole_documents_without_what_says_nothing_to_a_reader(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert write([piece(), piece(copies=3)], path) == 2
    first, second = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    assert first["stance_score"] == {"us_aid": -0.8}
    assert second["copies"] == 3
    assert "signature" not in first


def test_a_story_s_copies_are_a_column_and_nothing_found_is_a_header(tmp_path: Path) -> None:
    write([piece(copies=3)], tmp_path / "stories.csv")
    assert (tmp_path / "stories.csv").read_text().splitlines()[0].endswith(",entities,copies")
    assert write([], tmp_path / "none.csv") == 0
    assert (tmp_path / "none.csv").read_text().strip() == ",".join(columns())


def test_a_file_that_could_not_be_finished_is_not_there(tmp_path: Path) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield piece()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(broken(), tmp_path / "found.csv")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigError, match=r"\.csv, \.jsonl, \.ndjson"):
        write([], tmp_path / "found.xlsx")
    with pytest.raises(ConfigError, match="can't be written"):
        write([], tmp_path / "nowhere" / "found.csv")
