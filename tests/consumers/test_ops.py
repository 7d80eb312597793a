"""Ops alerts -> their one channel, on the real broker, to real HTTP receivers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from consumers import stages
from consumers.archive import create
from consumers.notify import notify
from consumers.ops import GIVE_UP_S, ops
from consumers.outcome import Done, Poison, Retry
from schemas.alert import Alert, Severity
from schemas.errors import ConfigError
from schemas.identity import alert_id
from schemas.ops import OpsAlert, Trouble, settle
from schemas.settings import OpsSettings, Settings
from schemas.streams import OPS

NOW = datetime.now(tz=UTC)
MakeReceiver = Callable[..., Any]


def alert(source: str = "one", *, since: datetime = NOW) -> OpsAlert:
    trouble = Trouble(what="feed.drift", source=source, evidence="texts are\nshort \u202eevil", remedy="look")
    _, (found,) = settle({}, [trouble], looked_at=(), now=since)
    return found


def with_ops(settings: Settings) -> Settings:
    return settings.model_copy(update={"ops": OpsSettings(channel="desk0")})


def test_an_ops_alert_reaches_its_channel_only_signed_and_with_one_id_on_every_try(
    house: Any, receiver: MakeReceiver, secret: str
) -> None:
    desk, other = receiver(503), receiver()
    stream = replace(OPS, name=house.alerts.name)
    house.produce(stream, [made := alert()])
    stage = house.stage("ops", stream, stages.open_ops)
    house.work(stage, until=1, settings=with_ops(house.with_channels(desk, other)))
    assert (desk.ids, other.received) == ([made.ops_id, made.ops_id], [])
    headers, body = desk.received[-1]
    said = Webhook(secret).verify(body, headers)
    assert (said["type"], said["data"]["what"], said["data"]["source"]) == ("ops.begun", "feed.drift", "one")
    assert said["data"]["evidence"] == "texts are short evil"


def test_the_ops_channel_takes_the_alerts_of_rules_that_name_it_and_no_others(
    house: Any, receiver: MakeReceiver
) -> None:
    apart, desk = receiver(), receiver()
    settings = house.with_channels(apart, desk).notify
    for story, channels in (("one", ()), ("two", ("desk0",))):
        news = alert_of(house, story, channels=channels)
        assert notify([news], es=house.es, settings=settings, now=lambda: NOW, apart="desk0") == [Done()]
    assert (len(apart.received), len(desk.received)) == (1, 1)


def alert_of(house: Any, story: str, **changes: Any) -> Alert:
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
        published_at=NOW,
        observed_at_ms=1,
        created_at_ms=1,
        relevance=0.9,
    ).model_copy(update=changes)
    create(house.es, [made])
    return made


def test_a_channel_that_refuses_or_fails_for_hours_leaves_a_dead_letter(house: Any, receiver: MakeReceiver) -> None:
    for answer, since, outcome in (
        (503, NOW, Retry),
        (503, NOW - timedelta(seconds=GIVE_UP_S + 1), Poison),
        (404, NOW, Poison),
    ):
        settings = house.with_channels(receiver(answer))
        channel = settings.notify.channels[0]
        (found,) = ops([alert(since=since)], channel=channel, settings=settings.notify, now=lambda: NOW)
        assert isinstance(found, outcome)


def test_without_a_channel_it_is_logged_and_a_channel_that_is_not_there_is_refused(
    house: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ops([alert()], channel=None, settings=house.settings.notify, now=lambda: NOW) == [Done()]
    assert "ops.alert" in capsys.readouterr().out
    with (
        pytest.raises(ConfigError, match=r"ops\.channel: there is no channel 'desk0'"),
        stages.open_ops(with_ops(house.settings)),
    ):
        pass
