"""Dead letters: which there are, what was done with each, and putting them back on their stream.

A letter is never changed or deleted. What someone did with it lies beside it as a mark on `news.deadletter.marks`, so
that every machine sees the same; a replay marks after the broker has acknowledged, so one that was killed in between
may send a few again, which everything after the stream takes for one.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, Field

from flows.publish import Publisher, Record, ensure, reread, span
from schemas.deadletter import REPLAYS, DeadLetter, LetterMark
from schemas.errors import WireError
from schemas.settings import Settings
from schemas.streams import DEADLETTER, DEADMARKS, Stream
from schemas.traceparent import Headers, begin
from schemas.wire import decode

M = TypeVar("M", bound=BaseModel)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Held:
    """A letter, where it lies (`0-17`: partition and offset), and what was done with it last."""

    id: str
    letter: DeadLetter
    mark: LetterMark | None = None

    @property
    def article_id(self) -> str | None:
        """The piece that its message is about, when the message says so readably; else its key."""
        try:
            raw = json.loads(self.letter.value or b"")
            found = raw.get("article_id") or raw.get("article", {}).get("article_id")
        except (ValueError, AttributeError, RecursionError):
            found = None
        return found if isinstance(found, str) else (self.letter.key or b"").decode(errors="replace") or None


@dataclass(frozen=True)
class Asked:
    """Which letters are meant; what is empty or None excludes none. `marked`: those with a mark as well."""

    ids: frozenset[str] = frozenset()
    stream: str | None = None
    stage: str | None = None
    error: str | None = None
    article_id: str | None = None
    since: datetime | None = None
    marked: bool = False

    def wants(self, held: Held) -> bool:
        """Whether this one is meant."""
        letter = held.letter
        return (
            (self.marked or held.mark is None)
            and (not self.ids or held.id in self.ids)
            and self.stream in {None, letter.stream}
            and self.stage in {None, letter.stage}
            and self.error in {None, letter.error}
            and (self.since is None or letter.at_ms >= self.since.timestamp() * 1000)
            and (self.article_id is None or held.article_id == self.article_id)
        )


class Handled(BaseModel):
    """What was done. `refused` could not be sent: bytes that are gone, or letters that can't be read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read: int = Field(default=0, ge=0)
    done: int = Field(default=0, ge=0)
    passed: int = Field(default=0, ge=0, description="not asked for, or marked before")
    refused: int = Field(default=0, ge=0)


Told = Callable[[Handled], None]


def _silent(progress: Handled) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Kept:
    """The streams that the letters and their marks lie on."""

    letters: Stream[DeadLetter] = DEADLETTER
    marks: Stream[LetterMark] = DEADMARKS


KEPT = Kept()


def letters_of(settings: Settings, kept: Kept = KEPT) -> Iterator[list[Held | None]]:
    """Every letter with its mark, oldest first, batch by batch; None for one that can't be read. Raises Unavailable."""
    letters, marks = kept.letters, kept.marks
    ensure(settings.kafka, (letters, marks))
    done: dict[str, LetterMark] = {}
    for records in reread(settings.kafka, marks.name, span(settings.kafka, marks)):
        for mark in (_decoded(marks, record) for record in records):
            if mark is not None:
                done[f"{mark.partition}-{mark.offset}"] = mark
    for records in reread(settings.kafka, letters.name, span(settings.kafka, letters)):
        yield [_held(_decoded(letters, record), record, done) for record in records]


def _held(letter: DeadLetter | None, record: Record, done: dict[str, LetterMark]) -> Held | None:
    place = f"{record.partition}-{record.offset}"
    return None if letter is None else Held(place, letter, done.get(place))


def _decoded(stream: Stream[M], record: Record) -> M | None:
    try:
        return decode(stream, record.value)
    except WireError as error:
        log.warning("letter.unreadable", partition=record.partition, offset=record.offset, reason=error.reason)
        return None


def replay_letters(
    settings: Settings,
    asked: Asked,
    *,
    who: str,
    at_ms: int,
    dry_run: bool = False,
    kept: Kept = KEPT,
    told: Told = _silent,
) -> Handled:
    """Put the messages back on their streams, byte for byte, on the way that they were on, and mark their letters.

    Raises Unavailable.
    """

    def act(publisher: Publisher, chosen: Sequence[Held]) -> list[Held]:
        sent = _sent_back(settings, publisher, chosen)
        publisher.send(kept.marks, [_mark(held, done="replayed", who=who, at_ms=at_ms) for held in sent])
        return sent

    return _through(settings, asked, None if dry_run else act, kept, told)


def drop_letters(
    settings: Settings,
    asked: Asked,
    *,
    who: str,
    why: str,
    at_ms: int,
    dry_run: bool = False,
    kept: Kept = KEPT,
    told: Told = _silent,
) -> Handled:
    """Mark the letters as done with, by whom and why; they stay where they are. Raises Unavailable."""

    def act(publisher: Publisher, chosen: Sequence[Held]) -> list[Held]:
        publisher.send(kept.marks, [_mark(held, done="dropped", who=who, why=why, at_ms=at_ms) for held in chosen])
        return list(chosen)

    return _through(settings, asked, None if dry_run else act, kept, told)


def _through(
    settings: Settings,
    asked: Asked,
    act: Callable[[Publisher, Sequence[Held]], list[Held]] | None,
    kept: Kept,
    told: Told,
) -> Handled:
    counts = dict.fromkeys(Handled.model_fields, 0)
    with Publisher(settings.kafka) as publisher:
        for batch in letters_of(settings, kept):
            chosen = [held for held in batch if held is not None and asked.wants(held)]
            unreadable = sum(1 for held in batch if held is None)
            acted = chosen if act is None else act(publisher, chosen)
            counts["read"] += len(batch)
            counts["done"] += len(acted)
            counts["refused"] += unreadable + len(chosen) - len(acted)
            counts["passed"] += len(batch) - len(chosen) - unreadable
            told(Handled(**counts))
    return Handled(**counts)


def _mark(held: Held, *, done: Literal["replayed", "dropped"], who: str, at_ms: int, why: str = "") -> LetterMark:
    partition, offset = held.id.split("-")
    return LetterMark(partition=int(partition), offset=int(offset), done=done, who=who, why=why, at_ms=at_ms)


def _sent_back(settings: Settings, publisher: Publisher, chosen: Sequence[Held]) -> list[Held]:
    by_stream: defaultdict[str, list[tuple[Held, bytes | None, bytes]]] = defaultdict(list)
    for held in chosen:
        letter = held.letter
        key, value = (letter.key, letter.value) if letter.value is not None else _by_reference(settings, letter)
        if value is None:
            log.error("letter.lost", stream=letter.stream, partition=letter.partition, offset=letter.offset)
            continue
        by_stream[letter.stream].append((held, key, value))
    sent: list[Held] = []
    for stream, messages in by_stream.items():
        headers = [_headers(held.letter) for held, _, _ in messages]
        refused = publisher.forward(stream, [(key, value) for _, key, value in messages], headers)
        sent += [held for position, (held, _, _) in enumerate(messages) if position not in refused]
    return sent


def _headers(letter: DeadLetter) -> Headers:
    step = begin()
    way = step if letter.trace_id is None else replace(step, trace_id=letter.trace_id)
    return way.header(), (REPLAYS, str(letter.replays + 1).encode())


def _by_reference(settings: Settings, letter: DeadLetter) -> tuple[bytes | None, bytes | None]:
    """The key and value that the letter only points at, as long as their stream holds them."""
    place = {letter.partition: (letter.offset, letter.offset + 1)}
    for records in reread(settings.kafka, letter.stream, place):
        return records[0].key, records[0].value
    return None, None
