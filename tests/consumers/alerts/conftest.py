"""Alerts that wait to be told."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from consumers.archive import create
from schemas.alert import Alert, Severity
from schemas.identity import alert_id


@pytest.fixture(scope="session")
def make_alert() -> Callable[..., Alert]:
    """An alert of a rule on a story."""

    def make(story: str = "story", rule: str = "rule", **changes: Any) -> Alert:
        return Alert(
            alert_id=alert_id(rule, story),
            rule_id=rule,
            rule_name=rule.capitalize(),
            severity=Severity.HIGH,
            story_id=story,
            article_id="0" * 32,
            title=f"Title of {story}",
            url="https://news.example/a",
            outlet="Example",
            language="en",
            published_at=datetime.now(tz=UTC),
            observed_at_ms=int(time.time() * 1000),
            created_at_ms=int(time.time() * 1000),
            relevance=0.9,
        ).model_copy(update=changes)

    return make


@pytest.fixture(scope="session")
def alert_of(make_alert: Callable[..., Alert]) -> Callable[..., Alert]:
    """The same, in the index of a house."""

    def make(house: Any, story: str = "story", rule: str = "rule", **changes: Any) -> Alert:
        made = make_alert(story, rule, **changes)
        create(house.es, [made])
        return made

    return make
