"""The Elasticsearch indices: their names, and the composable templates that give each its fields."""

import json
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from schemas.identity import index_name


@dataclass(frozen=True)
class Indices:
    """Where everything lies; a prefix sets a second Vigía apart on the same cluster.

    Documents are written through `write(index)`, an alias that only `consumers.archive` makes: a write to an index
    that is gone is then answered 404, where the index's own name would bring it back with guessed fields.
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

    def month(self, when: datetime) -> str:
        """The index of a moment's month, in UTC: `news-2026.11`."""
        return self.prefix + index_name(when.astimezone(UTC))

    @staticmethod
    def write(index: str) -> str:
        """The alias to write to `index` by."""
        return f"write-{index}"

    def templates(self) -> dict[str, dict[str, Any]]:
        """The composable index templates, by their names on the cluster."""
        return {f"{self.prefix}vigia-{name}": self._named(template(name)) for name in ("news", "alerts", "stories")}

    def _named(self, body: dict[str, Any]) -> dict[str, Any]:
        body["index_patterns"] = [self.prefix + pattern for pattern in body["index_patterns"]]
        inner = body["template"]
        if "aliases" in inner:
            inner["aliases"] = {self.prefix + alias: options for alias, options in inner["aliases"].items()}
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
