"""Pieces as the index holds them, for briefings to tell of."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from elasticsearch import Elasticsearch, helpers

from deploy.local.supervise import RunningStack
from schemas.identity import digest
from schemas.indices import Indices
from schemas.settings import Settings

UNTIL = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Shelf:
    """An index of a test's own, and what was put there."""

    settings: Settings
    es: Elasticsearch
    indices: Indices
    made: list[dict[str, Any]] = field(default_factory=list)

    def piece(self, title: str, *, days_ago: float, outlet: str = "Diario", **fields: Any) -> None:
        """Plan a piece, published so many days before UNTIL; `store` puts all of them there."""
        url = f"https://news.example/{len(self.made)}"
        made = {
            "article_id": digest("piece", url),
            "story_id": digest("story", title),
            "url": url,
            "title": title,
            "outlet": outlet,
            "language": "es",
            "published_at": (UNTIL - timedelta(days=days_ago)).isoformat(),
            "relevance": 0.9,
            "relevant": True,
            "topics": ["deportation_returns"],
        }
        self.made.append(made | fields)

    def store(self) -> None:
        """Create the months and put the pieces there."""
        months = {self.indices.month(datetime.fromisoformat(made["published_at"])) for made in self.made}
        for month in months:
            self.es.indices.create(index=month, aliases={self.indices.news: {}})
        actions = [
            {
                "_index": self.indices.month(datetime.fromisoformat(made["published_at"])),
                "_id": made["article_id"],
                "_source": made,
            }
            for made in self.made
        ]
        helpers.bulk(self.es, actions, refresh=True)


@pytest.fixture
def until() -> datetime:
    return UNTIL


@pytest.fixture
def shelf(stack: RunningStack) -> Iterator[Shelf]:
    settings = Settings.model_validate({"elasticsearch": {"url": stack.endpoints.elasticsearch}})
    indices = Indices(f"b{uuid.uuid4().hex[:10]}-")
    with Elasticsearch(**settings.elasticsearch.client_options()) as es:
        templates = indices.templates()
        for name, body in templates.items():
            es.indices.put_index_template(name=name, **body)
        yield Shelf(settings, es, indices)
        for month in es.indices.get(index=f"{indices.news}-*"):
            es.indices.delete(index=month)
        for name in templates:
            es.indices.delete_index_template(name=name)


@pytest.fixture
def said() -> Callable[..., dict[str, Any]]:
    """A quote as the index holds it."""

    def make(speaker: str, stance: str | None = None, target: str = "us_aid", **fields: Any) -> dict[str, Any]:
        quote = {"speaker": speaker, "quote": f"{speaker} dijo algo.", "named": True, "direct": True}
        return quote | ({"target": target, "stance": stance} if stance else {}) | fields

    return make
