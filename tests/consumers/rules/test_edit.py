"""rules.toml is changed where it must be, and nowhere else."""

import tomllib
from datetime import UTC, datetime

import pytest

from consumers.rules.edit import added, changed, removed
from schemas.errors import ConfigError

TEXT = """# What we watch.

[[rules]]
id = "one"          # the first
name = "One"
enabled = true      # for now

# Below: what the desk asked for.
[[rules]]
id = "two"
name = "Two"
stances = { us_aid = ["favor", "against"] }
"""


def test_a_field_that_is_there_is_changed_in_its_place() -> None:
    assert changed(TEXT, "one", "enabled", False) == TEXT.replace("enabled = true ", "enabled = false ")


def test_a_new_field_stands_in_its_own_rule() -> None:
    until = datetime(2026, 11, 25, 8, tzinfo=UTC)
    after = changed(TEXT, "one", "muted_until", until)
    assert after.replace("muted_until = 2026-11-25T08:00:00Z\n", "") == TEXT
    assert tomllib.loads(after)["rules"][0]["muted_until"] == until


def test_a_field_is_taken_out_and_comments_stay() -> None:
    after = removed(changed(TEXT, "two", "enabled", False), "two", "enabled")
    assert tomllib.loads(after) == tomllib.loads(TEXT)
    assert "# Below: what the desk asked for." in after


def test_a_rule_is_added_at_the_end() -> None:
    rule = {"id": "three", "name": 'Say "no"', "topics": ["asylum_tps"], "stances": {"us_aid": "against"}}
    after = added(TEXT, rule)
    assert after.startswith(TEXT)
    assert tomllib.loads(after)["rules"][-1] == rule
    assert tomllib.loads(added("", rule))["rules"] == [rule]


@pytest.mark.parametrize("text", [TEXT, 'rules = [{ id = "one", name = "One" }]\n'])
def test_what_cannot_be_changed_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="no rule has this id"):
        changed(text, "nine", "enabled", False)
    with pytest.raises(ConfigError):
        added(text, {"id": "one", "name": "One"}) if text == TEXT else changed(text, "one", "tags", ["a"])
