"""The flow that puts messages back on their stream: dead letters, a span of the articles, pieces from the index.

Everything after it is idempotent, so that replaying twice is harmless. One that was stopped goes on where it was.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog
from prefect import flow, get_run_logger
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flows import logs
from flows.archive import open_archive, pieces
from flows.deadletters import KEPT, Asked, Handled, Kept, replay_letters
from flows.polling import clock
from flows.pressure import Brake
from flows.progress import Progresses
from flows.publish import Publisher, Record, ensure, reread, span
from schemas.article import Article, Lane
from schemas.errors import WireError
from schemas.indices import INDICES, Indices
from schemas.settings import Settings, load_settings
from schemas.streams import ARTICLES, Stream
from schemas.wire import decode

log = structlog.get_logger(__name__)


class Origin(StrEnum):
    """Where what is replayed comes from."""

    DEAD = "dead"
    STREAM = "stream"
    INDEX = "index"


class Replayed(BaseModel):
    """How far a replay is. `refused` could not be sent: bytes that are gone, or that are no article any more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read: int = Field(default=0, ge=0)
    sent: int = Field(default=0, ge=0)
    passed: int = Field(default=0, ge=0, description="not asked for, or replayed before")
    refused: int = Field(default=0, ge=0)

    def plus(self, **counts: int) -> "Replayed":
        """The same with these added."""
        return self.model_copy(update={name: getattr(self, name) + count for name, count in counts.items()})


Told = Callable[[Replayed], None]


def _silent(progress: Replayed) -> None:
    """Say nothing."""


def replay_dead(
    settings: Settings,
    *,
    error: str | None = None,
    since: datetime | None = None,
    dry_run: bool = False,
    again: bool = False,
    kept: Kept = KEPT,
    told: Told = _silent,
) -> Replayed:
    """Put dead letters back on the stream where they failed, byte for byte, each once (with `again` once more).

    Of one `error`, or since a time. Raises Unavailable.
    """

    def said(handled: Handled) -> Replayed:
        return Replayed(read=handled.read, sent=handled.done, passed=handled.passed, refused=handled.refused)

    return said(
        replay_letters(
            settings,
            Asked(error=error, since=since, marked=again),
            who="the flow replay",
            at_ms=int(clock().timestamp() * 1000),
            dry_run=dry_run,
            kept=kept,
            told=lambda handled: told(said(handled)),
        )
    )


def replay_stream(
    settings: Settings,
    *,
    since: datetime | None = None,
    dry_run: bool = False,
    stream: Stream[Article] = ARTICLES,
    told: Told = _silent,
) -> Replayed:
    """Publish what lies on the stream once more, marked historic; since a time, up to what is there now.

    Raises Unavailable.
    """
    progress = Replayed()
    brake = Brake(settings, now=clock, stream=stream)
    job = f"stream:{stream.name}:{since.isoformat() if since else ''}"
    with Progresses(settings.home) as jobs, Publisher(settings.kafka) as publisher:
        kept = jobs.load(job)
        since_ms = int(since.timestamp() * 1000) if since else None
        spans = (
            {int(number): (start, end) for number, (start, end) in kept.items()}
            if kept
            else span(settings.kafka, stream, since_ms=since_ms)
        )
        for records in reread(settings.kafka, stream.name, dict(spans)):
            articles = [article for record in records if (article := _article(stream, record))]
            progress = progress.plus(read=len(records), refused=len(records) - len(articles))
            if dry_run:
                progress = progress.plus(sent=len(articles))
                continue
            brake.wait()
            receipt = publisher.send(stream, articles)
            progress = progress.plus(sent=len(articles) - len(receipt.refused), refused=len(receipt.refused))
            for record in records:
                spans[record.partition] = (record.offset + 1, spans[record.partition][1])
            jobs.save(job, spans)
            told(progress)
        jobs.end(job)
    return progress


def _article(stream: Stream[Article], record: Record) -> Article | None:
    try:
        return decode(stream, record.value or b"").model_copy(update={"lane": Lane.HISTORIC})
    except WireError as error:
        log.warning("message.unreadable", partition=record.partition, offset=record.offset, reason=error.reason)
        return None


def replay_index(
    settings: Settings,
    *,
    since: datetime,
    until: datetime,
    dry_run: bool = False,
    stream: Stream[Article] = ARTICLES,
    indices: Indices = INDICES,
    told: Told = _silent,
) -> Replayed:
    """Publish the indexed pieces of those dates once more as they were read, marked historic. Raises Unavailable."""
    progress = Replayed()
    brake = Brake(settings, now=clock, stream=stream)
    job = f"index:{indices.news}:{stream.name}:{since.isoformat()}:{until.isoformat()}"
    ensure(settings.kafka, (stream,))
    with Progresses(settings.home) as jobs, Publisher(settings.kafka) as publisher:
        with open_archive(settings.elasticsearch) as es:
            for documents, after in pieces(es, since=since, until=until, after=jobs.load(job), indices=indices):
                articles = list(_restored(documents))
                progress = progress.plus(read=len(documents), refused=len(documents) - len(articles))
                if dry_run:
                    progress = progress.plus(sent=len(articles))
                    continue
                brake.wait()
                receipt = publisher.send(stream, articles)
                progress = progress.plus(sent=len(articles) - len(receipt.refused), refused=len(receipt.refused))
                jobs.save(job, after)
                told(progress)
        jobs.end(job)
    return progress


def _restored(documents: list[dict[str, Any]]) -> Iterator[Article]:
    """The articles that the documents were made of; the version holds the moment of their reading."""
    for document in documents:
        fields = {name: document[name] for name in Article.model_fields if name in document}
        fields |= {"observed_at_ms": document["version"] // 1000, "lane": Lane.HISTORIC}
        try:
            yield Article.model_validate(fields)
        except ValidationError as error:
            reason = error.errors(include_input=False, include_url=False)[0]
            log.warning("document.unreadable", article_id=document.get("article_id"), reason=str(reason)[:300])


@flow(name="replay", retries=0, persist_result=False, description="Put messages back on their stream")
def replay(
    origin: Origin = Origin.DEAD,
    since: datetime | None = None,
    until: datetime | None = None,
    error: str | None = None,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Replay dead letters (of one error), the articles' stream, or the index, since then (the index: until then)."""
    logs.configure()
    settings, logger = load_settings(), get_run_logger()

    def told(progress: Replayed) -> None:
        logger.info("%s of %s sent", progress.sent, progress.read)

    match origin:
        case Origin.DEAD:
            done = replay_dead(settings, error=error, since=since, dry_run=dry_run, told=told)
        case Origin.STREAM:
            done = replay_stream(settings, since=since, dry_run=dry_run, told=told)
        case Origin.INDEX:
            start = since or datetime.min.replace(year=1970, tzinfo=clock().tzinfo)
            done = replay_index(settings, since=start, until=until or clock(), dry_run=dry_run, told=told)
    return done.model_dump()
