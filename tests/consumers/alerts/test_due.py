"""What the clock brings about, by the real Elasticsearch's documents alone, to real HTTP receivers."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumers.alerts import due
from consumers.alerts.acting import act, show
from consumers.archive import create
from consumers.notify import notify
from consumers.outcome import Done
from schemas.alert import Action, Alert, Delivery, DeliveryStatus, Severity
from schemas.ops import OpsAlert
from schemas.settings import Settings
from schemas.team import Teams

MakeReceiver = Callable[..., Any]
MakeAlert = Callable[..., Alert]
NIGHT = datetime(2026, 11, 28, 5, tzinfo=UTC)  # 23:00 in San Salvador
MORNING = datetime(2026, 11, 28, 13, tzinfo=UTC)


def teams_of(*people: dict[str, Any], **team: Any) -> Teams:
    return Teams.model_validate({"people": list(people), "teams": [{"id": "desk", **team}]})


EDITOR = {
    "id": "editor",
    "language": "es",
    "zone": "America/El_Salvador",
    "quiet": ["22:00-07:00"],
    "channels": ["desk0"],
}
CHIEF = {"id": "chief", "channels": ["desk1"]}


class Desk:
    """The notifier at a moment; each call is a new process as far as it remembers anything."""

    def __init__(self, house: Any, settings: Settings, teams: Teams | None) -> None:
        self.house, self.settings, self.teams = house, settings.notify, teams

    def take(self, alerts: list[Alert], at: datetime) -> None:
        done = notify(alerts, es=self.house.es, settings=self.settings, now=lambda: at, teams=lambda: self.teams)
        assert done == [Done()] * len(alerts)

    def tick(self, at: datetime) -> Done:
        return due.tick(es=self.house.es, settings=self.settings, now=lambda: at, teams=lambda: self.teams)

    def notes(self, alert: Alert) -> tuple[Delivery, ...]:
        return show(self.house.es, alert.alert_id).deliveries


def said(desk: Any) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in desk.received]


def test_what_comes_in_quiet_hours_is_told_once_when_they_end_the_weightiest_first(
    house: Any, alert_of: MakeAlert, receiver: MakeReceiver
) -> None:
    mail = receiver(503)
    desk = Desk(house, house.with_channels(mail), teams_of(EDITOR, people=["editor"], subscriptions=[{}]))
    weights = {"a": Severity.LOW, "b": Severity.HIGH, "c": Severity.MEDIUM, "gone": Severity.HIGH}
    alerts = [alert_of(house, story, severity=weight) for story, weight in weights.items()]
    desk.take(alerts, NIGHT)
    desk.take(alerts, NIGHT)  # read again
    act(house.es, alerts[3].alert_id, Action.DISMISS, who="chief", at=NIGHT)
    desk.tick(NIGHT + timedelta(hours=1))
    assert mail.received == []
    desk.tick(MORNING)  # the channel is away
    desk.tick(MORNING + timedelta(seconds=30))
    desk.tick(MORNING + timedelta(minutes=2))
    desk.tick(MORNING + timedelta(hours=3))
    assert len(mail.received) == 2
    assert mail.ids[0] == mail.ids[1]
    told = said(mail)[1]
    assert told["type"] == "digest.created"
    assert [a["story_id"] for a in told["data"]["alerts"]] == ["b", "c", "a"]
    assert (told["data"]["count"], told["data"]["more"], told["data"]["held"]) == (3, 0, "quiet")
    assert [desk.notes(alert)[0].status for alert in alerts] == ["delivered"] * 3 + ["settled"]
    assert show(house.es, alerts[0].alert_id).wake_at is None


def test_a_channel_that_will_never_take_what_was_held_is_told_to_those_who_run_it(
    house: Any, alert_of: MakeAlert, receiver: MakeReceiver
) -> None:
    mail = receiver(410)
    desk = Desk(house, house.with_channels(mail), teams_of(EDITOR, people=["editor"], subscriptions=[{}]))
    alerts = [alert_of(house, story) for story in "ab"]
    desk.take(alerts, NIGHT)
    (emit,) = desk.tick(MORNING).emit
    assert isinstance(emit.message, OpsAlert)
    assert (emit.message.what, emit.message.source) == ("channel.refused", "desk0")
    assert "2 alerts for editor were not told: answered 410" in emit.message.evidence
    assert [desk.notes(alert)[0].status for alert in alerts] == ["refused"] * 2
    assert desk.tick(MORNING + timedelta(minutes=5)).emit == ()
    assert len(mail.received) == 1


def test_what_nobody_takes_up_is_escalated_once_though_the_notifier_was_away(
    house: Any, alert_of: MakeAlert, receiver: MakeReceiver
) -> None:
    mail, phone = receiver(), receiver()
    teams = teams_of(
        EDITOR | {"quiet": []},
        CHIEF,
        people=["editor"],
        subscriptions=[{"escalate": [{"after_minutes": 15, "to": ["chief"]}]}],
    )
    desk = Desk(house, house.with_channels(mail, phone), teams)
    left, taken = alert_of(house, "left"), alert_of(house, "taken")
    desk.take([left, taken], NIGHT)
    act(house.es, taken.alert_id, Action.ACK, who="editor", at=NIGHT)
    desk.tick(NIGHT + timedelta(minutes=14))
    assert (len(mail.received), len(phone.received)) == (2, 0)
    desk.tick(NIGHT + timedelta(hours=5))
    desk.tick(NIGHT + timedelta(hours=6))
    (told,) = said(phone)
    assert told["data"]["alert_id"] == left.alert_id
    assert phone.ids[0] not in mail.ids
    assert [(d.recipient, d.step, d.status) for d in desk.notes(left)] == [
        ("editor", 0, "delivered"),
        ("chief", 15, "delivered"),
    ]
    assert [d.recipient for d in desk.notes(taken)] == ["editor"]


def test_a_flood_is_told_up_to_the_limit_and_the_rest_in_one_message(
    house: Any, make_alert: MakeAlert, receiver: MakeReceiver
) -> None:
    desk0 = receiver()
    limits = {"per_rule": 20, "per_source": 30, "overall": 40, "window_s": 3600}
    desk = Desk(house, house.with_channels(desk0, throttle=limits), None)
    flood = [make_alert(f"story-{n}", relevance=n / 1_000) for n in range(1_000)]
    create(house.es, flood)
    for start in range(0, len(flood), 200):
        desk.take(flood[start : start + 200], NIGHT + timedelta(seconds=start / 10))
    assert len(desk0.received) == 20
    desk.tick(NIGHT + timedelta(minutes=59))
    assert len(desk0.received) == 20
    desk.tick(NIGHT + timedelta(minutes=61))
    desk.tick(NIGHT + timedelta(minutes=62))
    assert len(desk0.received) == 21
    told = said(desk0)[-1]["data"]
    assert (told["count"], told["more"], told["held"]) == (980, 960, "throttle")
    assert [a["story_id"] for a in told["alerts"][:2]] == ["story-999", "story-998"]
    house.es.es.indices.refresh(index=house.indices.alerts)
    waiting = house.es.es.count(index=house.indices.alerts, query={"exists": {"field": "wake_at"}})
    assert waiting["count"] == 0


def test_killed_between_the_channel_s_answer_and_the_note_the_same_message_comes_again(
    house: Any, alert_of: MakeAlert, receiver: MakeReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = receiver()
    desk = Desk(house, house.with_channels(mail), teams_of(EDITOR, people=["editor"], subscriptions=[{}]))
    desk.take([alert_of(house, story) for story in "ab"], NIGHT)

    def die() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(due, "_after_effect", die)
        with pytest.raises(KeyboardInterrupt):
            desk.tick(MORNING)
    desk.take([alert_of(house, "late", severity=Severity.LOW)], NIGHT + timedelta(hours=7))
    desk.tick(MORNING + timedelta(minutes=1))
    assert len(mail.received) == 3
    again = [i for i in mail.ids if mail.ids.count(i) == 2]
    assert len(again) == 2
    stories = [
        sorted(a["story_id"] for a in told["data"]["alerts"]) if told["type"] == "digest.created" else ["late"]
        for told in said(mail)
    ]
    assert sorted(stories) == [["a", "b"], ["a", "b"], ["late"]]


def test_an_edition_of_a_followed_story_is_told_again_and_a_copy_is_not(
    house: Any, alert_of: MakeAlert, receiver: MakeReceiver
) -> None:
    mail = receiver()
    desk = Desk(house, house.with_channels(mail), None)
    alert = alert_of(house)
    desk.take([alert], NIGHT)
    desk.take([alert.model_copy(update={"edition": 2})], NIGHT)
    desk.take([alert.model_copy(update={"edition": 2})], NIGHT)
    assert mail.ids == [alert.alert_id, f"{alert.alert_id}.2"]
    assert [d.status for d in desk.notes(alert)] == [DeliveryStatus.DELIVERED]


def test_a_worker_tells_after_a_restart_what_another_one_held(
    house: Any, alert_of: MakeAlert, receiver: MakeReceiver
) -> None:
    mail = receiver()
    limits = {"per_rule": 2, "per_source": None, "overall": None, "window_s": 8}
    settings = house.with_channels(mail, throttle=limits)
    house.produce(house.alerts, [alert_of(house, f"story-{n}") for n in range(5)])
    house.work(house.notify_stage(), until=5, settings=settings)
    with house.working(house.notify_stage(), settings=settings):
        deadline = time.monotonic() + 60
        while len(mail.received) < 3 and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(3)
    told = said(mail)
    assert [one["type"] for one in told] == ["alert.created", "alert.created", "digest.created"]
    assert told[2]["data"]["count"] == 3
    assert house.read(house.deadletter) == []
