"""Move an index into a new version of its mapping while it is read and written. A stopped migration goes on.

The documents are copied in the order of their last change, so that what is written meanwhile comes at the end; for the
last few, writers are held off for a moment. Then the names change hands in one step. How far the copy is stands in the
new index itself. Neither scripts nor the reindex API are needed.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from flows import archive
from flows.archive import NOTHING, Standing, open_archive, standing
from schemas.errors import Unavailable, VigiaError
from schemas.indices import INDICES, Indices
from schemas.settings import Settings
from schemas.upgrade import upgraded

log = structlog.get_logger(__name__)

BUSY = frozenset({429, 502, 503, 504})
TRIES = 6
"""Of a page whose documents Elasticsearch is too busy to take; the waits double from half a second."""


class MigrationRefused(VigiaError):
    """The new mapping doesn't take a document. The old index goes on serving."""

    def __init__(self, index: str, reason: str) -> None:
        super().__init__(f"{index} was not migrated: {reason}")


@dataclass(frozen=True)
class Progress:
    """How far the copy of one index is: documents, of about how many."""

    name: str
    copied: int
    total: int


@dataclass(frozen=True)
class Migrated:
    """An index that now has the mapping's newest version; for how long writers were held off, in seconds."""

    name: str
    version: int
    documents: int
    held_s: float


def outdated(found: Sequence[Standing], *, indices: Indices = INDICES) -> list[Standing]:
    """Those made by an older version of their template than the one shipped."""
    return [one for one in found if one.version < newest(one.name, indices=indices)]


def newest(name: str, *, indices: Indices = INDICES) -> int:
    """The shipped version of an index's mapping."""
    version: int = _template(name, indices)["mappings"]["_meta"]["version"]
    return version


def migrate(
    settings: Settings,
    *,
    only: Sequence[str] = (),
    told: Callable[[Progress], None] = lambda _: None,
    indices: Indices = INDICES,
) -> list[Migrated]:
    """Migrate each index that is out of date, or of those the ones named `only`; the newest month last.

    Raises MigrationRefused, and Unavailable when Elasticsearch is away: run it again then.
    """
    with open_archive(settings.elasticsearch) as es:
        due = outdated(standing(es, indices=indices), indices=indices)
        return [_migrate(es, one, told, indices) for one in due if not only or one.name in only]


def _migrate(es: Any, one: Standing, told: Callable[[Progress], None], indices: Indices) -> Migrated:
    template = _template(one.name, indices)
    version = newest(one.name, indices=indices)
    target = indices.grown(one.name, version)
    copied = list(one.seq_no)
    if one.next != target:
        archive.begin(es, one, target, template)
        copied = [NOTHING] * one.shards
        log.info("migration.begun", index=one.name, target=target, documents=one.documents)
    else:
        log.info("migration.resumed", index=one.name, target=target, copied=copied)
    news = indices.kind(one.name) == "news"
    archive.refresh(es, one.index, target)
    done, total = archive.counted(es, target), archive.counted(es, one.index)

    def catch_up() -> None:
        nonlocal done
        archive.refresh(es, one.index)
        for shard in range(one.shards):
            while hits := archive.changes(es, one.index, shard, copied[shard]):
                _copy(es, target, hits, upgrade=news)
                copied[shard] = hits[-1]["_seq_no"]
                archive.remember(es, target, copied)
                done += len(hits)
                told(Progress(one.name, min(done, total), total))

    catch_up()
    catch_up()
    began = time.monotonic()
    archive.hold(es, one.index)
    try:
        catch_up()
        moved = _compare(es, one, target)
        archive.swap(es, one, target, template, indices=indices)
    except BaseException:
        archive.release(es, one.index)
        raise
    held_s = time.monotonic() - began
    log.info("migration.done", index=one.name, target=target, documents=moved, held_s=round(held_s, 3))
    return Migrated(one.name, version, moved, held_s)


def _copy(es: Any, target: str, hits: Sequence[dict[str, Any]], *, upgrade: bool) -> None:
    left = [hit | {"_source": upgraded(hit["_source"])} for hit in hits] if upgrade else list(hits)
    for tried in range(TRIES):
        refused = archive.copy(es, target, left)
        lasting = [(i, reason) for i, (status, reason) in refused.items() if status not in BUSY]
        if lasting:
            raise MigrationRefused(
                target, f"it refuses {len(lasting)}, such as {lasting[0][0]}: {lasting[0][1]}"[:1000]
            )
        left = [hit for hit in left if hit["_id"] in refused]
        if not left:
            return
        time.sleep(0.5 * 2**tried)
    raise Unavailable("elasticsearch", f"too busy to take {len(left)} documents; run the migration again")


def _compare(es: Any, one: Standing, target: str) -> int:
    archive.refresh(es, one.index, target)
    expected, there = archive.counted(es, one.index), archive.counted(es, target)
    if there > expected:
        there -= archive.forget_deleted(es, one.index, target)
    if there != expected:
        raise MigrationRefused(one.name, f"the copy has {there} documents, not {expected}")
    return there


def _template(name: str, indices: Indices) -> dict[str, Any]:
    template: dict[str, Any] = indices.templates()[f"{indices.prefix}vigia-{indices.kind(name)}"]["template"]
    return template
