"""Alerts -> their channels, on the real broker and node, to real HTTP receivers."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks import Webhook

from consumers.archive import create
from consumers.notify import GIVE_UP_S, notify
from consumers.outcome import Done, Outcome, Poison, Retry
from schemas.alert import Alert, Severity
from schemas.identity import alert_id
from schemas.settings import Settings

MakeReceiver = Callable[..., Any]


def alert_of(house: Any, story: str = "story", **changes: Any) -> Alert:
    """An alert that waits in the outbox."""
    made = Alert(
        alert_id=alert_id("rule", story),
        rule_id="rule",
        rule_name="Rule",
        severity=Severity.HIGH,
        story_id=story,
        article_id="0" * 32,
        title="A title",
        url="https://news.example/a",
        outlet="Example",
        language="en",
        published_at=datetime.now(tz=UTC),
        observed_at_ms=int(time.time() * 1000),
        created_at_ms=int(time.time() * 1000),
        relevance=0.9,
    ).model_copy(update=changes)
    create(house.es, [made])
    return made


def run(house: Any, batch: list[Alert], settings: Settings, *, later: float = 0) -> list[Outcome]:
    now = datetime.now(tz=UTC) + timedelta(seconds=later)
    return notify(batch, es=house.es, settings=settings.notify, now=lambda: now)


def deliveries(house: Any) -> list[tuple[str, str]]:
    return [(d["channel"], d["status"]) for a in house.outbox() for d in a.get("deliveries", [])]


def test_an_alert_is_delivered_after_a_failure_with_the_same_id_and_a_good_signature(
    house: Any, receiver: MakeReceiver, secret: str
) -> None:
    desk = receiver(500)
    house.produce(house.alerts, [alert := alert_of(house)])
    house.work(house.notify_stage(), until=1, settings=house.with_channels(desk))
    assert desk.ids == [alert.alert_id, alert.alert_id]
    for headers, body in desk.received:
        said = Webhook(secret).verify(body, headers)
        assert said["type"] == "alert.created"
        assert said["data"]["alert_id"] == alert.alert_id
    assert deliveries(house) == [("desk0", "delivered")]
    assert house.read(house.deadletter) == []


def test_what_one_channel_took_is_not_repeated_for_another(house: Any, receiver: MakeReceiver) -> None:
    well, ill = receiver(), receiver(503)
    settings = house.with_channels(well, ill)
    alert = alert_of(house)
    assert isinstance(run(house, [alert], settings)[0], Retry)
    assert run(house, [alert], settings) == [Done()]
    assert run(house, [alert], settings) == [Done()]
    assert (len(well.received), len(ill.received)) == (1, 2)
    assert deliveries(house) == [("desk0", "delivered"), ("desk1", "delivered")]


def test_a_rule_s_channels_are_the_only_ones_and_without_any_nothing_is_sent(
    house: Any, receiver: MakeReceiver
) -> None:
    one, other = receiver(), receiver()
    settings = house.with_channels(one, other)
    assert run(house, [alert_of(house, channels=("desk1",))], settings) == [Done()]
    assert (len(one.received), len(other.received)) == (0, 1)
    assert run(house, [alert_of(house, "another")], house.settings) == [Done()]


def test_the_same_alert_twice_in_a_batch_is_delivered_once(house: Any, receiver: MakeReceiver) -> None:
    desk = receiver()
    alert = alert_of(house)
    assert run(house, [alert, alert], house.with_channels(desk)) == [Done(), Done()]
    assert len(desk.received) == 1


def test_a_channel_that_will_never_take_it_makes_a_dead_letter(house: Any, receiver: MakeReceiver) -> None:
    desk, well = receiver(410), receiver()
    (outcome,) = run(house, [alert_of(house)], house.with_channels(desk, well))
    assert isinstance(outcome, Poison)
    assert (outcome.error, "answered 410" in outcome.reason) == ("DeliveryRefused", True)
    assert len(well.received) == 1
    assert deliveries(house) == [("desk0", "refused"), ("desk1", "delivered")]


def test_a_channel_that_the_settings_lack_makes_a_dead_letter(house: Any) -> None:
    (outcome,) = run(house, [alert_of(house, channels=("gone",))], house.settings)
    assert isinstance(outcome, Poison)
    assert "gone" in outcome.reason


def test_a_private_address_is_refused_and_never_connected_to(house: Any, receiver: MakeReceiver) -> None:
    canary = receiver()
    settings = house.with_channels(canary, allow_networks=())
    house.produce(house.alerts, [alert_of(house)])
    house.work(house.notify_stage(), until=1, settings=settings)
    (letter,) = house.read(house.deadletter)
    assert (letter.stage, letter.error) == ("notify", "DeliveryRefused")
    assert "loopback" in letter.reason
    assert canary.received == []
    assert json.loads(letter.value)["alert_id"] == alert_id("rule", "story")


def test_a_channel_that_fails_for_hours_makes_a_dead_letter_at_last(house: Any, receiver: MakeReceiver) -> None:
    settings = house.with_channels(receiver(500, 500, 500))
    alert = alert_of(house, created_at_ms=0)
    assert isinstance(run(house, [alert], settings)[0], Retry)
    assert deliveries(house) == [("desk0", "failed")]
    assert isinstance(run(house, [alert], settings, later=GIVE_UP_S - 60)[0], Retry)
    assert isinstance(run(house, [alert], settings, later=GIVE_UP_S + 60)[0], Poison)


def test_killed_after_the_delivery_is_noted_it_is_not_repeated(house: Any, receiver: MakeReceiver) -> None:
    desk = receiver()
    settings = house.with_channels(desk)
    house.produce(house.alerts, [alert_of(house)])
    house.work_and_die("notify", "after_effect", settings=settings)
    assert len(desk.received) == 1
    house.work(house.notify_stage(), until=1, settings=settings)
    assert len(desk.received) == 1


def test_killed_before_the_delivery_is_noted_it_is_repeated_once_with_the_same_id(
    house: Any, receiver: MakeReceiver
) -> None:
    desk = receiver()
    settings = house.with_channels(desk)
    house.produce(house.alerts, [alert := alert_of(house)])
    house.work_and_die("notify", "before_note", settings=settings)
    house.work(house.notify_stage(), until=1, settings=settings)
    assert desk.ids == [alert.alert_id, alert.alert_id]
