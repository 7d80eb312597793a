"""The Elasticsearch indices: their names, and the composable templates that give each its fields."""

import json
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from schemas.identity import index_name

NAMES = ("news", "alerts", "stories", "feedback")
"""The templates."""

EMBEDDING = 384
"""Width of a piece's embedding in the index."""


@dataclass(frozen=True)
class Indices:
    """Where everything lies; a prefix sets a second Vigía apart on the same cluster.

    Documents are written through `write(index)`, an alias that only `consumers.archive` makes: a write to an index
    that is gone is then answered 404, where the index's own name would bring it back with guessed fields. The names
    here stay the same for ever; once its index is migrated, a name is an alias (`grown`).
    """

    prefix: str = ""

    @property
    def news(self) -> str:
        """The alias over every month of articles."""
        return f"{self.prefix}news"

    @property
    def alerts(self) -> str:
        """The alerts, which are also the outbox."""
        return f"{self.prefix}alerts"

    @property
    def stories(self) -> str:
        """Which story each piece belongs to, and in which month it lives."""
        return f"{self.prefix}stories"

    @property
    def feedback(self) -> str:
        """What analysts corrected."""
        return f"{self.prefix}feedback"

    def month(self, when: datetime) -> str:
        """The index of a moment's month, in UTC: `news-2026.11`."""
        return self.prefix + index_name(when.astimezone(UTC))

    @staticmethod
    def write(index: str) -> str:
        """The alias to write to `index` by."""
        return f"write-{index}"

    @staticmethod
    def grown(index: str, version: int) -> str:
        """The index that `index` becomes an alias of, once it is migrated to that version of its mapping."""
        return f"{index}-v{version}"

    def read_by(self, index: str) -> tuple[str, ...]:
        """The aliases that searches reach `index` by: a month's is `news`."""
        return (self.news,) if index.startswith(f"{self.news}-") else ()

    def kind(self, index: str) -> str | None:
        """The template that an index is made by: `news`, `alerts` or `stories`; None for a stranger."""
        kinds = {self.alerts: "alerts", self.stories: "stories", self.feedback: "feedback"}
        return "news" if self.read_by(index) else kinds.get(index)

    def templates(self) -> dict[str, dict[str, Any]]:
        """The composable index templates, by their names on the cluster."""
        return {f"{self.prefix}vigia-{name}": self._named(template(name)) for name in NAMES}

    def _named(self, body: dict[str, Any]) -> dict[str, Any]:
        body["index_patterns"] = [self.prefix + pattern for pattern in body["index_patterns"]]
        return body


INDICES = Indices()
"""Those of the one Vigía that a cluster usually has."""


def template(name: str) -> dict[str, Any]:
    """The composable index template `news`, `alerts` or `stories`, as shipped; the caller may change its copy."""
    return deepcopy(_shipped(name))


@cache
def _shipped(name: str) -> dict[str, Any]:
    text = (files("schemas") / "templates" / f"{name}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
