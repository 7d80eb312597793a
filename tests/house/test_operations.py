"""docs/operations.md names every metric, fault point and column that there is, and none that there isn't."""

import re
from pathlib import Path

from consumers import faults, metrics
from deploy.cli.top import COLUMNS
from schemas.deadletter import DeadLetter

TEXT = (Path(__file__).parents[2] / "docs/operations.md").read_text()


def test_every_metric_is_in_the_table_and_no_other() -> None:
    assert set(re.findall(r"^\| `(vigia_\w+)`", TEXT, re.MULTILINE)) == set(metrics.names())


def test_metrics_in_expressions_exist() -> None:
    named = {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(r"\bvigia_\w+", TEXT)}
    assert named == set(metrics.names())


def test_every_fault_point_is_in_the_table_and_no_other() -> None:
    table = TEXT[TEXT.index("## Fault points") :]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == faults.POINTS


def test_the_columns_of_top_and_the_fields_of_a_letter_are_explained() -> None:
    words = set(re.findall(r"`([^`\n]+)`", TEXT))
    own = {"part", "condition", "memory", "restarts", "since"}  # as `vigia status` shows them
    assert set(COLUMNS) - own <= words
    assert {"error", "reason", "stack_hash", "attempts", "replays", "trace_id"} <= set(DeadLetter.model_fields) & words
