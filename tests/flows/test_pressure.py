"""The poller slows down when a queue or a disk says so, and says so itself."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from flows import pressure, publish
from flows.feeds import health
from flows.feeds.catalogue import load_feeds
from flows.feeds.state import States
from flows.feeds.turn import stretched
from flows.polling import Poller
from flows.pressure import STRETCH, Brake, Gauge, Speed, judge
from flows.report import Summary, headline
from schemas.feed import FeedState
from schemas.ops import OpsAlert
from schemas.settings import PollSettings, Settings
from schemas.streams import OPS, Stream
from schemas.wire import decode

if TYPE_CHECKING:
    from tests.flows.conftest import Desk

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
POLL = PollSettings(max_lag=1000, min_free_disk=0.25)


def speeds(*looks: tuple[int | None, float | None]) -> list[Speed]:
    gauge: Gauge | None = None
    found = []
    for lag, free in looks:
        gauge = judge(gauge, POLL, lag=lag, free=free, now=NOW)
        found.append(gauge.speed)
    return found


def test_a_long_queue_slows_and_only_one_half_as_long_lets_go() -> None:
    slowed, full = Speed.SLOWED, Speed.FULL
    looks = [(1000, 0.9), (1001, 0.9), (700, 0.9), (None, 0.9), (501, 0.9), (500, 0.9), (700, 0.9)]
    assert speeds(*looks) == [full, slowed, slowed, slowed, slowed, full, full]


def test_a_filling_disk_slows_a_full_one_stops_and_both_let_go_with_a_margin() -> None:
    slowed, stopped, full = Speed.SLOWED, Speed.STOPPED, Speed.FULL
    looks = [(0, 0.25), (0, 0.24), (0, 0.29), (0, 0.049), (0, 0.055), (0, None), (0, 0.07), (0, 0.3)]
    assert speeds(*looks) == [full, slowed, slowed, stopped, stopped, stopped, slowed, full]


def test_without_a_limit_no_disk_slows_anything_and_without_a_look_nothing_does() -> None:
    free = PollSettings(min_free_disk=0)
    assert judge(None, free, lag=None, free=0.0, now=NOW).speed is Speed.FULL
    assert judge(None, POLL, lag=None, free=None, now=NOW).speed is Speed.FULL


def test_the_reason_names_the_figures_and_the_settings() -> None:
    why = judge(None, POLL, lag=120_000, free=0.2, now=NOW).why
    assert why.split("; ") == [
        "120000 pieces wait for vigia-classify (poll.max_lag 1000)",
        "20.0% of the disk is free (poll.min_free_disk 25%)",
    ]


def test_a_wait_is_stretched_to_a_day_at_most_and_a_longer_one_is_left() -> None:
    def wait(seconds: float) -> float:
        state = FeedState(feed="f", last_polled_at=NOW, next_poll_at=NOW + timedelta(seconds=seconds))
        return (stretched(state, STRETCH) - NOW).total_seconds()

    assert [wait(120), wait(80_000), wait(7 * 86_400)] == [480, 86_400, 7 * 86_400]


@pytest.fixture
def told(desk: "Desk") -> Stream[OpsAlert]:
    return replace(OPS, name=f"{desk.stream.name}.ops")


class Queue:
    """A consumer group of the test's own on the desk's stream."""

    def __init__(self, desk: "Desk") -> None:
        self.desk, self.group = desk, f"group-{uuid.uuid4().hex[:8]}"

    def done(self) -> None:
        """Let the group be done with everything."""
        kafka, stream = self.desk.settings.kafka, self.desk.stream
        consumer = KafkaConsumer(**kafka.client_options(), group_id=self.group, enable_auto_commit=False)
        try:
            parts = [TopicPartition(stream.name, number) for number in range(stream.partitions)]
            ends = consumer.end_offsets(parts)
            consumer.assign(parts)
            consumer.commit({part: OffsetAndMetadata(end, "", -1) for part, end in ends.items()})
        finally:
            consumer.close(autocommit=False)

    def settings(self, **poll: Any) -> Settings:
        update = {"lag_group": self.group, "max_lag": 2, "interval_s": 120} | poll
        return self.desk.settings.model_copy(update={"poll": self.desk.settings.poll.model_copy(update=update)})


def alerts(desk: "Desk", stream: Stream[OpsAlert]) -> list[OpsAlert]:
    kafka = desk.settings.kafka
    publish.ensure(kafka, (stream,))
    found = publish.reread(kafka, stream.name, publish.span(kafka, stream))
    return [decode(stream, record.value or b"") for records in found for record in records]


def test_a_queue_on_the_broker_slows_the_poller_until_it_is_short_again(
    desk: "Desk", told: Stream[OpsAlert], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pressure, "LOOK_S", 0.0)
    queue = Queue(desk)
    desk.source("one", fetch_pages=False)
    desk.items(("/a", "A"), ("/b", "B"), ("/c", "C"))
    moment = datetime.now(UTC)

    async def polls() -> list[tuple[float, int, Speed, list[str]]]:
        seen: list[tuple[float, int, Speed, list[str]]] = []
        clock = {"now": moment}
        settings = queue.settings()
        async with Poller(
            settings, now=lambda: clock["now"], stream=desk.stream, readers=desk.readers, told=told
        ) as poller:
            for waits in (0.0, 1.1, 4.1, 1.2):
                state = desk.state("one")
                if state.next_poll_at is not None and state.last_polled_at is not None:
                    clock["now"] = state.last_polled_at + waits * (state.next_poll_at - state.last_polled_at)
                if waits == 1.2:
                    queue.done()
                started = await poller.start()
                await poller.finish()
                assert poller.gauge is not None
                seen.append(
                    (
                        waits,
                        started,
                        poller.gauge.speed,
                        [one.what for one in alerts(desk, told) if one.ended_at is None],
                    )
                )
                if waits == 4.1:
                    found = health.report(settings.home, load_feeds(settings.poll.feeds_file).feeds, now=clock["now"])
                    assert [one.slowed for one in found] == [f"slowed: {poller.gauge.why}"]
                    summary = Summary(at=moment, speed=poller.gauge.speed, why=poller.gauge.why)
                    assert summary.noteworthy
                    assert "slowed: 3 pieces wait for" in headline(summary)
        return seen

    assert desk.run(polls()) == [
        (0.0, 1, Speed.FULL, []),
        (1.1, 0, Speed.SLOWED, ["poll.slowed"]),
        (4.1, 1, Speed.SLOWED, ["poll.slowed"]),
        (1.2, 1, Speed.FULL, ["poll.slowed"]),
    ]


def test_a_disk_slows_the_poller_and_one_all_but_full_stops_it_but_not_who_asks_by_hand(
    desk: "Desk", told: Stream[OpsAlert], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.source("one", fetch_pages=False)
    desk.items(("/a", "A"))
    free = pressure.free_share(desk.settings.home.parent)
    assert free is not None

    async def polls(settings: Settings) -> tuple[Speed, int, int]:
        async with Poller(settings, stream=desk.stream, readers=desk.readers, told=told) as poller:
            started = await poller.start(), await poller.start(force=True)
            await poller.finish()
            assert poller.gauge is not None
            return poller.gauge.speed, *started

    queue = Queue(desk)
    assert desk.run(polls(queue.settings(min_free_disk=min(free + 0.01, 0.999)))) == (Speed.SLOWED, 1, 0)
    desk.items(("/a", "A"), ("/b", "B"))
    monkeypatch.setattr(pressure, "free_share", lambda home: 0.01)
    monkeypatch.setattr(pressure, "LOOK_S", -1.0)
    assert desk.run(polls(queue.settings(min_free_disk=0.25))) == (Speed.STOPPED, 0, 1)
    assert len(desk.published()) == 2


def test_historic_work_waits_while_the_queue_is_long(desk: "Desk", monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Queue(desk)
    desk.source("one", fetch_pages=False)
    desk.items(("/a", "A"), ("/b", "B"), ("/c", "C"))
    desk.poll()
    settings = queue.settings()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            queue.done()

    monkeypatch.setattr("flows.pressure.LOOK_S", 0.0)
    monkeypatch.setattr("flows.pressure.time.sleep", sleep)
    brake = Brake(settings, now=lambda: datetime.now(UTC), stream=desk.stream)
    brake.wait(step_s=0)
    assert slept == [0, 0]
    desk.run(brake.ease(step_s=0))
    assert not brake.pressed()


def test_a_gauge_that_a_dead_poller_left_says_nothing(tmp_path: Any) -> None:
    with States(tmp_path) as states:
        pressure.take_note(states, judge(None, POLL, lag=9999, free=1, now=NOW))
        assert pressure.noted(states, now=NOW + timedelta(minutes=14)) is not None
        assert pressure.noted(states, now=NOW + timedelta(minutes=16)) is None
