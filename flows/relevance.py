"""What the classifier made of a source's pieces: those on the beat are in the index, the others are not.

The poller may not ask a consumer, and need not: a piece that was published an hour ago, with nothing waiting in
between, is in the index or is off the beat.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import structlog

from flows import archive
from flows.feeds.state import States
from flows.publish import lag
from schemas.indices import INDICES, Indices
from schemas.settings import ElasticsearchSettings, Settings
from schemas.streams import ARTICLES, CLASSIFIED, Stream

log = structlog.get_logger(__name__)

EVERY_S = 600.0
"""How often it is asked."""

SETTLED = timedelta(hours=1)
"""How old a piece must be."""

FEW = 100
"""No more than so many messages may wait before either worker: the oldest of them is then no hour old."""

AT_ONCE = 5000
INDEX_GROUP = "vigia-index"


async def learn(
    states: States,
    settings: Settings,
    *,
    now: datetime,
    streams: tuple[Stream[Any], Stream[Any]] = (ARTICLES, CLASSIFIED),
    indices: Indices = INDICES,
) -> int:
    """Note for the pieces of which it is not known yet whether they are on the beat; how many.

    Raises Unavailable when Elasticsearch, the broker or the disk is away.
    """
    ids = states.unjudged(before=now - SETTLED, limit=AT_ONCE)
    if not ids or not await asyncio.to_thread(_idle, settings, streams):
        return 0
    there = await asyncio.to_thread(_indexed, settings.elasticsearch, ids, indices)
    states.judge({article_id: article_id in there for article_id in ids})
    log.info("relevance.learnt", pieces=len(ids), relevant=len(there))
    return len(ids)


def _idle(settings: Settings, streams: tuple[Stream[Any], Stream[Any]]) -> bool:
    """Whether next to nothing waits before the classifier and the index."""
    groups = (settings.poll.lag_group, INDEX_GROUP)
    return all(lag(settings.kafka, group, stream) <= FEW for group, stream in zip(groups, streams, strict=True))


def _indexed(settings: ElasticsearchSettings, ids: list[str], indices: Indices) -> set[str]:
    with archive.open_archive(settings) as es:
        return archive.which(es, ids, indices=indices)
