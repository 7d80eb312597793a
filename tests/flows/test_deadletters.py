"""Dead letters on a real broker: found by what they are, put back once, dropped with a reason."""

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from flows.deadletters import Asked, Handled, Held, Kept, drop_letters, letters_of, replay_letters
from flows.publish import Publisher, Record, ensure, reread, span
from schemas.deadletter import REPLAYS, DeadLetter
from schemas.streams import DEADLETTER, DEADMARKS
from schemas.traceparent import begin, follow

if TYPE_CHECKING:
    from tests.flows.conftest import Desk


@pytest.fixture
def kept(desk: "Desk") -> Kept:
    name = f"test.{uuid.uuid4().hex[:12]}"
    found = Kept(replace(DEADLETTER, name=name), replace(DEADMARKS, name=f"{name}.marks"))
    ensure(desk.settings.kafka, (desk.stream, found.letters, found.marks))
    return found


def letter(desk: "Desk", **changes: Any) -> DeadLetter:
    fields: dict[str, Any] = {
        "stage": "classify",
        "stream": desk.stream.name,
        "partition": 0,
        "offset": 7,
        "key": b"one",
        "value": b'{"schema_version": 9}',
        "value_bytes": 21,
        "error": "WireError",
        "reason": "schema_version: is 9",
        "attempts": 1,
        "at_ms": 1,
    }
    return DeadLetter.model_validate(fields | changes)


def put(desk: "Desk", kept: Kept, *letters: DeadLetter) -> None:
    with Publisher(desk.settings.kafka) as publisher:
        assert not publisher.send(kept.letters, letters).refused


def held(desk: "Desk", kept: Kept) -> list[Held | None]:
    return [one for batch in letters_of(desk.settings, kept) for one in batch]


def published(desk: "Desk") -> list[Record]:
    kafka, stream = desk.settings.kafka, desk.stream
    return [one for batch in reread(kafka, stream.name, span(kafka, stream)) for one in batch]


def test_a_message_goes_back_untouched_on_its_own_way_and_only_once(desk: "Desk", kept: Kept) -> None:
    way = begin().trace_id
    put(desk, kept, letter(desk, trace_id=way, replays=1), letter(desk, error="KeyError", key=b"other"))
    asked = Asked(error="WireError")
    would = replay_letters(desk.settings, asked, who="desk", at_ms=5, dry_run=True, kept=kept)
    assert would == Handled(read=2, done=1, passed=1)
    assert published(desk) == []
    assert replay_letters(desk.settings, asked, who="desk", at_ms=5, kept=kept) == would
    assert replay_letters(desk.settings, asked, who="desk", at_ms=6, kept=kept) == Handled(read=2, passed=2)
    (back,) = published(desk)
    assert (back.key, back.value) == (b"one", b'{"schema_version": 9}')
    assert (follow(back.headers).trace_id, dict(back.headers)[REPLAYS]) == (way, b"2")
    first, second = held(desk, kept)
    assert first is not None
    assert first.mark is not None
    assert (first.mark.done, first.mark.who, first.mark.at_ms) == ("replayed", "desk", 5)
    assert second is not None
    assert second.mark is None
    assert replay_letters(desk.settings, replace(asked, marked=True), who="desk", at_ms=7, kept=kept).done == 1


def test_a_dropped_letter_stays_with_who_and_why_and_is_not_replayed(desk: "Desk", kept: Kept) -> None:
    put(desk, kept, letter(desk), letter(desk, stage="index"))
    (first, _) = held(desk, kept)
    assert first is not None
    asked = Asked(ids=frozenset({first.id}))
    would = drop_letters(desk.settings, asked, who="desk", why="ours", at_ms=5, dry_run=True, kept=kept)
    assert would == Handled(read=2, done=1, passed=1)
    assert drop_letters(desk.settings, asked, who="desk", why="ours", at_ms=5, kept=kept) == would
    assert replay_letters(desk.settings, Asked(), who="desk", at_ms=6, kept=kept) == Handled(read=2, done=1, passed=1)
    (dropped, _) = held(desk, kept)
    assert dropped is not None
    assert dropped.mark is not None
    assert (dropped.mark.done, dropped.mark.why, dropped.letter) == ("dropped", "ours", first.letter)


def test_a_letter_is_found_by_the_article_in_it() -> None:
    assert Held("0-1", _of(b'{"article_id": "a1"}', b"k")).article_id == "a1"
    assert Held("0-1", _of(b'{"article": {"article_id": "a2"}}', b"us-sv")).article_id == "a2"
    assert Held("0-1", _of(b"[", b"a3")).article_id == "a3"
    assert Held("0-1", _of(None, None)).article_id is None
    assert Asked(article_id="a3").wants(Held("0-1", _of(b"[", b"a3")))
    assert not Asked(article_id="a3").wants(Held("0-1", _of(b"[", b"a4")))


def _of(value: bytes | None, key: bytes | None) -> DeadLetter:
    return DeadLetter(
        stage="index",
        stream="news.classified",
        partition=0,
        offset=0,
        key=key,
        value=value,
        value_bytes=len(value or b""),
        error="E",
        reason="r",
        attempts=1,
        at_ms=1,
    )


def test_a_letter_that_this_version_cannot_read_is_counted_and_left(desk: "Desk", kept: Kept) -> None:
    with Publisher(desk.settings.kafka) as publisher:
        publisher.forward(kept.letters.name, [(b"classify", b'{"schema_version": 8}')])
    put(desk, kept, letter(desk))
    assert replay_letters(desk.settings, Asked(), who="desk", at_ms=5, kept=kept) == Handled(read=2, done=1, refused=1)
    assert held(desk, kept)[0] is None
