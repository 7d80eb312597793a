"""The loop on a real broker."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import pytest
from kafka.admin import KafkaAdminClient, NewTopic

from consumers import metrics
from consumers.outcome import Done, Emit, Outcome, Poison, Retry
from consumers.stages import Opened, Stage
from consumers.tracing import trace_id_of
from consumers.worker import DeadLettersLost
from flows.deadletters import Asked, Kept, replay_letters
from flows.publish import reread, span
from schemas.article import Article
from schemas.classification import Indexed
from schemas.errors import Unavailable
from schemas.settings import Settings
from schemas.streams import DEADMARKS
from schemas.traceparent import begin, follow
from schemas.wire import encode

MakeArticle = Callable[..., Article]
Handle = Callable[[Sequence[Any]], Sequence[Outcome]]


def stage_of(house: Any, handle: Handle, tick: Callable[[], Done] | None = None) -> Stage[Any]:
    """A worker that reads articles with a handler of the test's."""

    @contextmanager
    def opening(_: Settings) -> Iterator[Opened[Any]]:
        yield Opened(handle, tick=tick, tick_s=0.1)

    return house.stage("test", house.articles, opening)  # type: ignore[no-any-return]


def wait_until(condition: Callable[[], bool], within: float = 15) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_poison_of_each_kind_is_kept_and_the_rest_goes_on(house: Any, article: MakeArticle) -> None:
    seen: list[str] = []

    def handle(batch: Sequence[Article]) -> list[Outcome]:
        seen.extend(a.title for a in batch)
        return [Done() for _ in batch]

    big = b"[" + b" " * 5_000_000 + b"]"
    future = encode(article()).replace(b'"schema_version":1', b'"schema_version":7')
    house.produce(house.articles, [article("a", title="first")])
    house.produce(house.articles, [b"{", future, big], key=b"key")
    house.producer.send(house.articles.name, key=b"gone", value=None).get(timeout=10)
    house.produce(house.articles, [article("b", title="wrong key")], key=b"another")
    house.produce(house.articles, [article("c", title="last")])
    stage = stage_of(house, handle)
    house.work(stage, until=7)
    assert seen == ["first", "last"]
    letters = house.read(house.deadletter)
    assert [d.offset for d in letters] == [1, 2, 3, 4, 5]
    assert {d.error for d in letters} == {"WireError"}
    assert [d.value for d in letters[:3]] == [b"{", future, big]
    assert [d.key for d in letters] == [b"key", b"key", b"key", b"gone", b"another"]
    assert all(d.stage == "test" and d.stream == house.articles.name and d.attempts == 1 for d in letters)


def test_a_message_at_which_the_handler_raises_is_a_dead_letter_alone(house: Any, article: MakeArticle) -> None:
    done: list[str] = []

    def handle(batch: Sequence[Article]) -> list[Outcome]:
        if any(a.title == "bad" for a in batch):
            raise ZeroDivisionError("at the bad one")
        done.extend(a.title for a in batch)
        return [Done() for _ in batch]

    titles = ["one", "bad", "two", "three"]
    house.produce(house.articles, [article(t, title=t) for t in titles])
    house.work(stage_of(house, handle), until=4)
    assert done == ["one", "two", "three"]
    (letter,) = house.read(house.deadletter)
    assert (letter.offset, letter.error, letter.reason) == (1, "ZeroDivisionError", "at the bad one")
    assert letter.stack_hash is not None


def test_an_unavailable_sink_pauses_the_worker_which_stays_in_its_group_and_recovers(
    house: Any, article: MakeArticle
) -> None:
    away = threading.Event()
    tries: list[int] = []
    done: list[str] = []
    away.set()

    def handle(batch: Sequence[Article]) -> list[Outcome]:
        tries.append(len(batch))
        if away.is_set():
            raise Unavailable("elasticsearch", "503")
        done.extend(a.title for a in batch)
        return [Done() for _ in batch]

    titles = [str(n) for n in range(20)]
    house.produce(house.articles, [article(t, title=t) for t in titles])
    stage = stage_of(house, handle)
    with house.working(stage) as worker:
        wait_until(lambda: len(tries) >= 3)
        assert house.committed(stage) == 0
        assert worker.health.joined
        assert worker.health.ready(time.monotonic()) == "elasticsearch is unavailable: 503"
        away.clear()
        wait_until(lambda: house.committed(stage) == 20)
        assert worker.health.ready(time.monotonic()) is None
    assert done == titles
    assert house.read(house.deadletter) == []


def test_a_retry_holds_the_offset_and_what_follows_is_read_again(house: Any, article: MakeArticle) -> None:
    seen: list[str] = []
    lasting = threading.Event()

    def handle(batch: Sequence[Article]) -> list[Outcome]:
        seen.extend(a.title for a in batch)
        return [
            Retry("not yet")
            if a.title == "2" and not lasting.is_set()
            else Poison("E", "r")
            if a.title == "3"
            else Done()
            for a in batch
        ]

    house.produce(house.articles, [article(t, title=t) for t in "01234"])
    stage = stage_of(house, handle)
    with house.working(stage):
        wait_until(lambda: seen.count("2") >= 3)
        assert house.committed(stage) == 2
        assert house.read(house.deadletter) == []
        lasting.set()
        wait_until(lambda: house.committed(stage) == 5)
    assert seen.count("0") == 1
    (letter,) = house.read(house.deadletter)
    assert letter.attempts == seen.count("3") >= 3


def test_then_is_called_when_what_was_emitted_is_acknowledged_and_before_the_commit(
    house: Any, article: MakeArticle
) -> None:
    states: list[tuple[int, int]] = []
    said = Indexed(article_id="0" * 32, version=1, story_id="s", index="news-2026.11")

    def handle(batch: Sequence[Article]) -> list[Outcome]:
        emit = (Emit(house.indexed, said),)
        return [Done(emit, then=lambda: states.append((len(house.read(house.indexed)), house.committed(stage))))]

    house.produce(house.articles, [article()])
    stage = stage_of(house, handle)
    house.work(stage, until=1)
    assert states == [(1, 0)]


def test_a_tick_comes_with_and_without_messages_and_its_failures_hold_up_nothing(
    house: Any, article: MakeArticle
) -> None:
    said = Indexed(article_id="0" * 32, version=1, story_id="s", index="news-2026.11")
    ticks: list[int] = []
    acknowledged: list[int] = []

    def tick() -> Done:
        ticks.append(1)
        if len(ticks) == 1:
            raise Unavailable("elasticsearch", "away")
        if len(ticks) == 2:
            raise ZeroDivisionError("a mistake in a tick")
        emit = (Emit(house.indexed, said),)
        if len(ticks) > 3:
            return Done()
        return Done(emit, then=lambda: acknowledged.append(len(house.read(house.indexed))))

    stage = stage_of(house, lambda batch: [Done() for _ in batch], tick)
    assert house.producer is not None  # the streams are there
    with house.working(stage) as worker:
        wait_until(lambda: len(ticks) >= 4, within=90)
        assert acknowledged == [1]
        wait_until(lambda: worker.health.trouble is None)
        house.produce(house.articles, [article()])
        wait_until(lambda: house.committed(stage) == 1, within=90)
        seen = len(ticks)
        wait_until(lambda: len(ticks) > seen)


def test_when_then_can_not_be_done_the_batch_is_read_again(house: Any, article: MakeArticle) -> None:
    calls: list[int] = []

    def then() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise Unavailable("elasticsearch", "reset")

    house.produce(house.articles, [article()])
    house.work(stage_of(house, lambda batch: [Done(then=then) for _ in batch]), until=1)
    assert len(calls) == 2


def test_what_became_too_large_for_its_stream_is_a_dead_letter(house: Any, article: MakeArticle) -> None:
    called: list[int] = []
    narrow = replace(house.indexed, max_bytes=100)
    said = Indexed(article_id="0" * 32, version=1, story_id="s" * 200, index="news-2026.11")
    house.produce(house.articles, [article("a"), article("b")])

    def handle(batch: Sequence[Article]) -> list[Outcome]:
        return [Done((Emit(narrow, said),), then=lambda: called.append(1)) for _ in batch]

    house.work(stage_of(house, handle), until=2)
    assert [d.error for d in house.read(house.deadletter)] == ["MessageTooLarge"] * 2
    assert called == []


def test_what_the_broker_finds_too_large_is_a_dead_letter_and_its_neighbours_get_through(
    house: Any, article: MakeArticle
) -> None:
    narrow = replace(house.indexed, name=f"{house.name}.narrow")

    def said(piece: Article) -> Indexed:
        story = os.urandom(20_000).hex() if piece.title == "big" else "s"
        return Indexed(article_id=piece.article_id, version=1, story_id=story, index="news-2026.11")

    def handle(batch: Sequence[Article]) -> list[Outcome]:
        return [Done((Emit(narrow, said(piece)),)) for piece in batch]

    titles = ["one", "big", "two", "three"]
    pieces = [article(title, title=title) for title in titles]
    with closing(KafkaAdminClient(**house.settings.kafka.client_options())) as admin:
        admin.create_topics([NewTopic(narrow.name, 1, 1, topic_configs={"max.message.bytes": "20000"})])
        house.produce(house.articles, pieces)
        house.work(stage_of(house, handle), until=4)
        got = {i.article_id for i in house.read(narrow)}
        admin.delete_topics([narrow.name])
    assert got == {piece.article_id for piece in pieces if piece.title != "big"}
    (letter,) = house.read(house.deadletter)
    assert (letter.error, letter.offset) == ("MessageTooLarge", 1)


def test_without_dead_letters_the_worker_stops_and_skips_nothing(
    house: Any, article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.worker.ACKNOWLEDGED_S", 2.0)
    house.produce(house.articles, [article(), b"{"], key=article().article_id.encode())
    missing = replace(house.deadletter, name=f"{house.name}.missing")
    stage = replace(stage_of(house, lambda batch: [Done() for _ in batch]), deadletters=missing)
    with pytest.raises(DeadLettersLost, match="missing"):
        house.work(stage, until=2)
    assert house.committed(stage) == 0


def test_a_dead_letter_that_the_broker_finds_too_large_is_kept_by_reference(house: Any) -> None:
    narrow = replace(house.deadletter, name=f"{house.name}.narrow")
    house.produce(house.articles, [raw := os.urandom(30_000)])
    with closing(KafkaAdminClient(**house.settings.kafka.client_options())) as admin:
        admin.create_topics([NewTopic(narrow.name, 1, 1, topic_configs={"max.message.bytes": "20000"})])
        stage = replace(stage_of(house, lambda batch: [Done() for _ in batch]), deadletters=narrow)
        house.work(stage, until=1)
        (letter,) = house.read(narrow)
        admin.delete_topics([narrow.name])
    assert (letter.value, letter.value_bytes, letter.offset) == (None, len(raw), 0)


def test_a_stop_lets_the_batch_in_hand_finish(house: Any, article: MakeArticle) -> None:
    begun = threading.Event()
    finished: list[Article] = []

    def handle(batch: Sequence[Article]) -> list[Outcome]:
        begun.set()
        time.sleep(1.0)
        finished.extend(batch)
        return [Done() for _ in batch]

    house.produce(house.articles, [article(str(n)) for n in range(3)])
    stage = stage_of(house, handle)
    with house.working(stage) as worker:
        assert begun.wait(15)
        worker.stop.set()
    assert house.committed(stage) == len(finished) > 0


def test_a_stream_that_is_made_later_is_waited_for(house: Any, article: MakeArticle) -> None:
    late = replace(house.articles, name=f"{house.name}.late")
    stage = replace(stage_of(house, lambda batch: [Done() for _ in batch]), stream=late)
    with house.working(stage) as worker:
        wait_until(lambda: worker.health.trouble is not None)
        assert "does not exist" in str(worker.health.trouble)
        admin = KafkaAdminClient(**house.settings.kafka.client_options())
        admin.create_topics([NewTopic(late.name, 1, 1)])
        house.produce(late, [article()])
        wait_until(lambda: house.committed(stage) == 1)
        admin.delete_topics([late.name])
        admin.close()


def test_workers_that_come_and_go_lose_nothing_and_commit_everything(house: Any, article: MakeArticle) -> None:
    wide = replace(house.articles, name=f"{house.name}.wide")
    admin = KafkaAdminClient(**house.settings.kafka.client_options())
    admin.create_topics([NewTopic(wide.name, 4, 1)])
    seen: list[str] = []

    def handle(batch: Sequence[Article]) -> list[Outcome]:
        time.sleep(0.02 * len(batch))
        seen.extend(a.title for a in batch)
        return [Done() for _ in batch]

    stage = replace(stage_of(house, handle), stream=wide)
    settings = Settings.model_validate(
        house.settings.model_dump() | {"worker": house.settings.worker.model_dump() | {"batch_messages": 10}}
    )
    titles = {str(n) for n in range(300)}
    house.produce(wide, [article(t, title=t) for t in sorted(titles)])
    with house.working(stage, settings=settings):
        wait_until(lambda: len(seen) > 20)
        with house.working(stage, settings=settings):
            time.sleep(1.5)
        with house.working(stage, settings=settings):
            wait_until(lambda: house.committed(stage) == 300, within=30)
    assert set(seen) == titles
    admin.delete_topics([wide.name])
    admin.close()


def test_a_batch_is_bounded_by_bytes_as_well(house: Any, article: MakeArticle) -> None:
    sizes: list[int] = []

    def handle(batch: Sequence[Article]) -> list[Outcome]:
        sizes.append(len(batch))
        return [Done() for _ in batch]

    settings = Settings.model_validate(
        house.settings.model_dump() | {"worker": house.settings.worker.model_dump() | {"batch_bytes": 250_000}}
    )
    house.produce(house.articles, [article(str(n), text="x" * 100_000) for n in range(10)])
    house.work(stage_of(house, handle), until=10, settings=settings)
    assert sum(sizes) == 10
    assert max(sizes) == 2


class Newer(Article):
    """An article as an upgraded worker knows it."""

    schema_version: Literal[1, 7] = 7  # type: ignore[assignment]


def test_a_message_of_a_later_version_comes_back_after_the_upgrade_and_is_done(
    house: Any, article: MakeArticle
) -> None:
    seen: list[tuple[int, str]] = []

    def handle(batch: Sequence[Article]) -> list[Outcome]:
        seen.extend((a.schema_version, a.title) for a in batch)
        return [Done() for _ in batch]

    future = encode(article("a", title="from the future")).replace(b'"schema_version":1', b'"schema_version":7')
    house.produce(house.articles, [future], key=article("a").article_id.encode())
    old = stage_of(house, handle)
    house.work(old, until=1)
    assert seen == []
    kept = Kept(house.deadletter, replace(DEADMARKS, name=f"{house.name}.marks"))
    put_back = partial(replay_letters, house.settings, Asked(error="WireError"), who="desk", kept=kept)
    assert put_back(at_ms=1).done == 1
    assert put_back(at_ms=2).done == 0

    house.work(old, until=2)
    again = house.read(house.deadletter)
    assert [letter.replays for letter in again] == [0, 1], "before the upgrade it only becomes a letter once more"
    assert again[0].trace_id == again[1].trace_id
    assert put_back(at_ms=3).done == 1
    house.work(replace(old, stream=replace(house.articles, model=Newer)), until=3)
    assert seen == [(7, "from the future")]
    assert len(house.read(house.deadletter)) == 2


def test_what_comes_of_a_message_carries_its_way_on_and_the_loop_is_measured(house: Any, article: MakeArticle) -> None:
    way = begin()
    seen: list[str | None] = []

    def handle(batch: Sequence[Article]) -> list[Outcome]:
        seen.extend(trace_id_of(a) for a in batch)
        return [
            Done(emit=(Emit(house.indexed, Indexed(article_id=a.article_id, version=1, story_id="s", index="i")),))
            if a.title != "bad"
            else Poison("KeyError", "no good")
            for a in batch
        ]

    pieces = [article("a", observed_at_ms=int(time.time() * 1000) - 90_000), article("b", title="bad")]
    for piece in pieces:
        key, value = piece.article_id.encode(), encode(piece)
        house.producer.send(house.articles.name, key=key, value=value, headers=[way.header()]).get(timeout=20)
    stage = replace(stage_of(house, handle), name=house.name)
    with house.working(stage):
        wait_until(lambda: house.committed(stage) == 2, within=30)
        wait_until(lambda: sample("vigia_lag_messages", stage=house.name, partition="0") == 0)
    assert seen == [way.trace_id] * 2
    kafka = house.settings.kafka
    (emitted,) = [r for batch in reread(kafka, house.indexed.name, span(kafka, house.indexed)) for r in batch]
    after = follow(emitted.headers)
    assert after.trace_id == way.trace_id
    assert way.header() not in emitted.headers, "each step has an id of its own"
    (letter,) = house.read(house.deadletter)
    assert (letter.trace_id, letter.replays) == (way.trace_id, 0)

    assert sample("vigia_messages_total", stage=house.name, outcome="done") == 1
    assert sample("vigia_messages_total", stage=house.name, outcome="dead") == 1
    assert sample("vigia_dead_letters_total", stage=house.name, error="KeyError") == 1
    assert sample("vigia_emitted_total", stage=house.name, stream=house.indexed.name) == 1
    assert sample("vigia_batch_messages_sum", stage=house.name) == 2
    assert sample("vigia_hop_seconds_count", stage=house.name) == 2
    assert (sample("vigia_age_seconds_sum", stage=house.name) or 0) >= 90
    for step in ("gather", "handle", "effect", "commit"):
        assert (sample("vigia_step_seconds_count", stage=house.name, step=step) or 0) >= 1, step


def sample(name: str, **labels: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(name, labels)
