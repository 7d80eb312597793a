"""The flows' only door to Elasticsearch: read the pieces again, drop a month. Everything here may raise Unavailable."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeAlias

from elastic_transport import TransportError
from elasticsearch import ApiError, Elasticsearch

from schemas.errors import Unavailable
from schemas.indices import INDICES, Indices
from schemas.settings import ElasticsearchSettings

Client: TypeAlias = Elasticsearch
"""So that flows can name it without importing elasticsearch."""

PAGE = 200
BATCH = 1000
"""Ids asked after at once."""


@contextmanager
def open_archive(settings: ElasticsearchSettings) -> Iterator[Elasticsearch]:
    """A connection, closed at the end; what fails on it is raised as Unavailable."""
    with Elasticsearch(**settings.client_options()) as es:
        try:
            yield es
        except ApiError as error:
            raise Unavailable("elasticsearch", f"{error.status_code} {error.error}"[:500]) from None
        except TransportError as error:
            raise Unavailable("elasticsearch", str(error)[:500]) from None


def pieces(
    es: Elasticsearch,
    *,
    since: datetime,
    until: datetime,
    after: Sequence[Any] | None = None,
    indices: Indices = INDICES,
) -> Iterator[tuple[list[dict[str, Any]], list[Any]]]:
    """The documents published from `since` on and before `until`, oldest first, page by page.

    With each page comes what to give as `after` to go on behind it.
    """
    query = {"range": {"published_at": {"gte": since.isoformat(), "lt": until.isoformat()}}}
    while True:
        found = es.search(
            index=indices.news,
            query=query,
            sort=[{"published_at": "asc"}, {"article_id": "asc"}],
            size=PAGE,
            ignore_unavailable=True,
            allow_no_indices=True,
            search_after=list(after) if after else None,
        )
        hits = found["hits"]["hits"]
        if not hits:
            return
        after = hits[-1]["sort"]
        yield [hit["_source"] for hit in hits], list(hits[-1]["sort"])


def ask(es: Elasticsearch, body: Mapping[str, Any], *, indices: Indices = INDICES) -> dict[str, Any]:
    """The answer to a body of `schemas`, over all articles; `aggregations` is empty when there is no index yet.

    All shards answer or none: a partial answer would tell half of a week for the whole.
    """
    answer = es.search(
        index=indices.news,
        body=dict(body),
        ignore_unavailable=True,
        allow_no_indices=True,
        allow_partial_search_results=False,
    )
    return {"aggregations": {}} | dict(answer.body)


def which(es: Elasticsearch, ids: Sequence[str], *, indices: Indices = INDICES) -> set[str]:
    """Which of the pieces are in the index."""
    found: set[str] = set()
    for start in range(0, len(ids), BATCH):
        some = list(ids[start : start + BATCH])
        answer = es.search(
            index=indices.news,
            query={"ids": {"values": some}},
            source=False,
            size=len(some),
            ignore_unavailable=True,
            allow_no_indices=True,
        )
        found |= {hit["_id"] for hit in answer["hits"]["hits"]}
    return found


def months(es: Elasticsearch, *, indices: Indices = INDICES) -> dict[str, int]:
    """The months that there are (`news-2026.11`), oldest first, and how many documents each holds."""
    held = es.indices.get(index=f"{indices.news}-*", ignore_unavailable=True, allow_no_indices=True)
    return {name: int(es.count(index=name)["count"]) for name in sorted(held.body)}


def drop(es: Elasticsearch, index: str) -> None:
    """Drop one month, with its aliases; one that is gone already is no fault."""
    es.indices.delete(index=index, ignore_unavailable=True)
