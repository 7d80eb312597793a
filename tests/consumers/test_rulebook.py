"""rules.toml: read, checked, read again."""

import os
import tomllib
from pathlib import Path

import pytest

from consumers.rulebook import Rulebook, load_rules
from schemas.errors import ConfigError

RULE = '[[rules]]\nid = "one"\nname = "One"\n'


def test_the_rules_that_ship_are_right() -> None:
    rules = load_rules(Path(__file__).parents[2] / "rules.toml")
    assert len(rules) >= 5
    assert all(rule.enabled for rule in rules)


def test_the_outlets_that_the_shipped_rules_name_are_in_the_catalogue() -> None:
    root = Path(__file__).parents[2]
    known = {feed["outlet"] for feed in tomllib.loads((root / "feeds.toml").read_text(encoding="utf-8"))["feeds"]}
    assert {outlet for rule in load_rules(root / "rules.toml") for outlet in rule.outlets} <= known


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        (RULE + 'severity = "urgent"\n', 4, "severity"),
        (RULE + '\n[[rules]]\nid = "two"\nname = "Two"\ntopics = ["football"]\n', 8, "topics"),
        (RULE + 'stances = { us_aid = "maybe" }\n', 4, "stances"),
        (RULE + RULE, 1, "used twice"),
        (RULE + 'colour = "red"\n', 4, "colour"),
        ('[[rules]]\nid = "two"\n', 1, "name"),
        ("rules = 3\n", 1, "rules"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_field(tmp_path: Path, text: str, line: int, field: str) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_rules(path)
    assert f"rules.toml:{line}: " in str(caught.value)
    assert field in str(caught.value)
    assert caught.value.remedy


def test_what_is_no_toml_or_not_there_is_said(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    with pytest.raises(ConfigError, match="no such file"):
        load_rules(path)
    path.write_text("[[rules\n")
    with pytest.raises(ConfigError, match=r"is not TOML.*line 1"):
        load_rules(path)


def test_a_change_takes_effect_and_a_broken_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(RULE)
    book = Rulebook(path)
    assert [r.id for r in book.rules()] == ["one"]
    path.write_text(RULE + RULE.replace("one", "two"))
    assert [r.id for r in book.rules()] == ["one", "two"]
    path.write_text("[[rules")
    assert [r.id for r in book.rules()] == ["one", "two"]
    path.unlink()
    assert [r.id for r in book.rules()] == ["one", "two"]
    replacement = tmp_path / "new.toml"
    replacement.write_text(RULE.replace("one", "three"))
    os.replace(replacement, path)  # noqa: PTH105 - what editors do
    assert [r.id for r in book.rules()] == ["three"]
