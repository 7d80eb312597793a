"""The rights in deploy/security name every index there is and nobody else's; docs/security.md names what is shipped."""

import json
import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from schemas.indices import INDICES
from schemas.settings import ElasticsearchSettings, KafkaSettings

ROOT = Path(__file__).parents[2]
ROLES: dict[str, Any] = json.loads((ROOT / "deploy/security/elasticsearch-role.json").read_text())
TEXT = (ROOT / "docs/security.md").read_text()

MONTH = INDICES.month(datetime(2026, 11, 24, tzinfo=UTC))
BASES = (MONTH, INDICES.stories, INDICES.alerts, INDICES.feedback)
READ = {INDICES.news, *BASES, *(INDICES.grown(base, 7) for base in BASES)}
WRITTEN = {INDICES.write(base) for base in BASES}


def names(role: str) -> list[str]:
    return [name for rights in ROLES[role]["indices"] for name in rights["names"]]


@pytest.mark.parametrize(("role", "wanted"), [("vigia-worker", READ | WRITTEN), ("vigia-reader", READ)])
def test_a_role_reaches_each_of_our_indices_and_no_other(role: str, wanted: set[str]) -> None:
    patterns = names(role)
    reached = {name for name in wanted if any(fnmatchcase(name, pattern) for pattern in patterns)}
    assert reached == wanted
    idle = [pattern for pattern in patterns if not any(fnmatchcase(name, pattern) for name in wanted)]
    assert idle == []
    others = ("*", "newsletter", "alerts2", ".security-7", "stories-other", "write-other", "feedbacks")
    assert [name for name in others if any(fnmatchcase(name, pattern) for pattern in patterns)] == []


def test_the_templates_make_no_index_that_the_worker_may_not_write() -> None:
    made = [pattern for body in INDICES.templates().values() for pattern in body["index_patterns"]]
    assert set(made) <= set(names("vigia-worker"))


def test_a_reader_can_change_nothing() -> None:
    assert {right for rights in ROLES["vigia-reader"]["indices"] for right in rights["privileges"]} == {
        "read",
        "view_index_metadata",
    }


def test_the_page_explains_every_setting_of_a_connection_and_no_other() -> None:
    for table, model in (("kafka", KafkaSettings), ("elasticsearch", ElasticsearchSettings)):
        told = set(re.findall(rf"`{table}\.(\w+)`", TEXT))
        assert told | {"replication", "timeout_s"} == set(model.model_fields) | {"replication", "timeout_s"}


def test_the_page_leads_to_files_that_are_there() -> None:
    for file in re.findall(r"`((?:deploy|tests|schemas)/[\w./-]+)`", TEXT):
        assert (ROOT / file).exists(), file
