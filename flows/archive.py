"""The flows' only door to Elasticsearch: read the pieces again, copy or drop an index.

Everything here may raise Unavailable.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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

COPIED = 200
"""Documents copied at once."""

NOTHING = -1
"""Before the first change of a shard."""


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
    return {one.name: one.documents for one in standing(es, indices=indices) if indices.kind(one.name) == "news"}


def drop(es: Elasticsearch, name: str, *, indices: Indices = INDICES) -> None:
    """Drop one month, with its aliases and what a migration had begun; one that is gone already is no fault."""
    for one in standing(es, indices=indices):
        if one.name == name:
            for index in filter(None, (one.index, one.next)):
                es.indices.delete(index=index, ignore_unavailable=True)


@dataclass(frozen=True)
class Standing:
    """One index under the name that everything knows it by.

    `index` is what really holds it, `version` that of the mapping it was made with, `held` whether it takes no writes.
    `next` is an index that a migration has begun to fill, `seq_no` up to which change it holds everything.
    """

    name: str
    index: str
    version: int
    shards: int
    documents: int
    bytes: int
    held: bool
    next: str | None = None
    seq_no: tuple[int, ...] = ()


def standing(es: Elasticsearch, *, indices: Indices = INDICES) -> list[Standing]:
    """Each index that serves, by name; alerts and the map of stories too."""
    every = f"{indices.news}-*,{indices.alerts}*,{indices.stories}*"
    found = es.indices.get(index=every, ignore_unavailable=True, allow_no_indices=True).body
    if not found:
        return []
    sizes = es.indices.stats(index=",".join(found), metric=["store"])
    serving = {
        alias.removeprefix("write-"): index
        for index, body in found.items()
        for alias in body["aliases"]
        if alias.startswith("write-")
    }
    said = []
    for name, index in sorted(serving.items()):
        if indices.kind(name) is None:
            continue
        body = found[index]
        settings = body["settings"]["index"]
        coming = _coming(found, name, settings["uuid"], index)
        primaries = sizes["indices"][index]["primaries"] if index in sizes["indices"] else {}
        said.append(
            Standing(
                name=name,
                index=index,
                version=body["mappings"].get("_meta", {}).get("version", 0),
                shards=int(settings["number_of_shards"]),
                documents=int(es.count(index=index)["count"]),
                bytes=primaries.get("store", {}).get("size_in_bytes", 0),
                held=str(settings.get("blocks", {}).get("write", "")).lower() == "true",
                next=coming,
                seq_no=tuple(found[coming]["mappings"]["_meta"]["copied"]) if coming else (),
            )
        )
    return said


def _coming(found: Mapping[str, Any], name: str, uuid: str, serving: str) -> str | None:
    """The newest index that a migration of this very one has begun to fill."""
    begun = [
        index
        for index, body in found.items()
        if index != serving
        and re.fullmatch(re.escape(name) + r"-v\d+", index)
        and body["mappings"].get("_meta", {}).get("of") == uuid
    ]
    return max(begun, key=lambda index: int(index.rpartition("-v")[2]), default=None)


def begin(es: Elasticsearch, one: Standing, target: str, template: Mapping[str, Any]) -> None:
    """Make the empty index that `one` is to be copied to; no search reaches it yet."""
    es.indices.delete(index=target, ignore_unavailable=True)
    uuid = es.indices.get_settings(index=one.index)[one.index]["settings"]["index"]["uuid"]
    meta = template["mappings"]["_meta"] | {"of": uuid, "copied": [NOTHING] * one.shards}
    settings = template["settings"] | {"refresh_interval": "-1"}
    es.indices.create(index=target, settings=settings, mappings=template["mappings"] | {"_meta": meta})


def changes(es: Elasticsearch, index: str, shard: int, after: int) -> list[dict[str, Any]]:
    """The next documents of a shard in the order of their last change, as hits with version and number of change."""
    found = es.search(
        index=index,
        preference=f"_shards:{shard}",
        query={"range": {"_seq_no": {"gt": after}}},
        sort=[{"_seq_no": "asc"}],
        size=COPIED,
        version=True,
        seq_no_primary_term=True,
        source={"exclude_vectors": False},
        track_total_hits=False,
        allow_partial_search_results=False,
    )
    return list(found["hits"]["hits"])


def copy(es: Elasticsearch, target: str, hits: Sequence[Mapping[str, Any]]) -> dict[str, tuple[int, str]]:
    """Write documents under their own versions; those refused, with status and reason. One there already is written."""
    lines: list[Any] = []
    for hit in hits:
        lines += [
            {"index": {"_id": hit["_id"], "version": hit["_version"], "version_type": "external"}},
            hit["_source"],
        ]
    items = [item["index"] for item in es.bulk(index=target, operations=lines)["items"]] if lines else []
    return {
        item["_id"]: (item["status"], f"{item['error'].get('type')}: {item['error'].get('reason')}")
        for item in items
        if item["status"] not in (200, 201, 409)
    }


def remember(es: Elasticsearch, target: str, copied: Sequence[int]) -> None:
    """Keep in the new index itself up to which change it holds everything, shard by shard."""
    meta = es.indices.get_mapping(index=target)[target]["mappings"]["_meta"]
    es.indices.put_mapping(index=target, meta=meta | {"copied": list(copied)})


def hold(es: Elasticsearch, index: str) -> None:
    """Let no more writes in, and return when those under way are done. A writer is answered 403, and waits."""
    es.indices.add_block(index=index, block="write")


def release(es: Elasticsearch, index: str) -> None:
    """Let writes in again."""
    es.options(ignore_status=404).indices.put_settings(index=index, settings={"index.blocks.write": None})


def refresh(es: Elasticsearch, *names: str) -> None:
    """Make what was written visible to searches."""
    es.indices.refresh(index=",".join(names))


def forget_deleted(es: Elasticsearch, index: str, target: str) -> int:
    """Take from `target` what `index` no longer has; how many those were."""
    gone: list[Any] = []
    after: list[Any] | None = None
    while True:
        found = es.search(index=target, size=BATCH, sort=[{"_seq_no": "asc"}], search_after=after, source=False)
        hits = found["hits"]["hits"]
        if not hits:
            break
        after = hits[-1]["sort"]
        held = es.mget(index=index, ids=[hit["_id"] for hit in hits], source=False)["docs"]
        gone += [{"delete": {"_id": doc["_id"]}} for doc in held if not doc.get("found")]
    if gone:
        es.bulk(index=target, operations=gone, refresh=True)
    return len(gone)


def swap(
    es: Elasticsearch, one: Standing, target: str, template: Mapping[str, Any], *, indices: Indices = INDICES
) -> None:
    """In one step: the name, and all that it is reached by, mean the new index; the old one is gone."""
    es.indices.put_settings(
        index=target, settings={"index.refresh_interval": template["settings"].get("refresh_interval")}
    )
    aliases = (one.name, indices.write(one.name), *indices.read_by(one.name))
    es.indices.update_aliases(
        actions=[
            {"remove_index": {"index": one.index}},
            *({"add": {"index": target, "alias": alias}} for alias in aliases),
        ]
    )


def counted(es: Elasticsearch, index: str) -> int:
    """How many documents searches see."""
    return int(es.count(index=index)["count"])
