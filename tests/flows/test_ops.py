"""Those who run it are told of each trouble once, over restarts, and of many like ones in one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from flows import publish
from flows.feeds.state import States
from flows.ops import AT_ONCE, Ops, grouped, standing
from flows.polling import Poller
from schemas.alert import Severity
from schemas.errors import Unavailable
from schemas.ops import REARM, OpsAlert, Trouble, settle
from schemas.settings import KafkaSettings
from schemas.streams import OPS, Stream
from schemas.wire import decode

if TYPE_CHECKING:
    from tests.flows.conftest import Desk

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def told(desk: "Desk") -> Stream[OpsAlert]:
    found = replace(OPS, name=f"{desk.stream.name}.ops")
    publish.ensure(desk.settings.kafka, (found,))
    return found


def alerts(desk: "Desk", stream: Stream[OpsAlert]) -> list[OpsAlert]:
    kafka = desk.settings.kafka
    found = publish.reread(kafka, stream.name, publish.span(kafka, stream))
    return [decode(stream, record.value or b"") for records in found for record in records]


def test_a_layout_that_changes_is_told_once_by_polls_of_several_processes(desk: "Desk", told: Stream[OpsAlert]) -> None:
    desk.source("one")

    shown: list[str] = []

    def poll(names: str, words: str) -> None:
        shown.extend(names)
        desk.items(*((f"/{name}", name) for name in shown))
        for name in names:
            desk.page(f"/{name}", f"{name} {words}")

        async def once() -> None:
            async with Poller(desk.settings, stream=desk.stream, readers=desk.readers, told=told) as poller:
                await poller.start(force=True)
                await poller.finish()

        desk.run(once())

    poll("abcdefghi", "A sentence of the text. " * 60)
    assert alerts(desk, told) == []
    for names in ("jkl", "mno", "pqr"):
        poll(names, "")
    (alert,) = alerts(desk, told)
    assert (alert.what, alert.source, alert.ended_at) == ("feed.drift", "one", None)
    assert "has the layout changed?" in alert.evidence
    assert "vigia feeds test one" in alert.remedy


def test_what_could_not_be_told_is_told_later_and_what_was_is_remembered(desk: "Desk", told: Stream[OpsAlert]) -> None:
    trouble = Trouble(what="feed.drift", source="one", evidence="short")
    clock = {"now": NOW}
    with States(desk.settings.home) as states:
        away = Ops(KafkaSettings(servers=("127.0.0.1:1",)), states, now=lambda: NOW, stream=told)
        away.heed([trouble.key], [trouble])
        with pytest.raises(Unavailable):
            desk.run(away.tell())
        assert standing(states) == {}
        ops = Ops(desk.settings.kafka, states, now=lambda: clock["now"], stream=told)
        for found in ([trouble], [trouble], []):
            ops.heed([trouble.key], found)
            desk.run(ops.tell())
    with States(desk.settings.home) as states:
        ops = Ops(desk.settings.kafka, states, now=lambda: clock["now"], stream=told)
        clock["now"] = NOW + REARM
        ops.heed([trouble.key], [])
        desk.run(ops.tell())
        assert standing(states) == {}
    begun, ended = alerts(desk, told)
    assert (begun.since, begun.ended_at, ended.ended_at) == (NOW, None, NOW + REARM)


def test_one_trouble_of_many_sources_is_one_alert_that_names_the_first() -> None:
    severities = [Severity.LOW, Severity.HIGH, Severity.MEDIUM]
    troubles = [
        Trouble(what="feed.paused", source=f"s{number}", evidence="e" * 2000, severity=severities[number % 3])
        for number in range(400)
    ]
    other = Trouble(what="feed.gone", source="s1", evidence="410")
    _, begun = settle({}, [*troubles, other], looked_at=(), now=NOW)
    many, alone = grouped(begun)
    assert (many.source, many.severity, many.ended_at) == ("400 sources", Severity.HIGH, None)
    assert many.evidence.startswith("s0: e")
    assert many.evidence.endswith("; and 390 more")
    assert alone.source == "s1"
    assert grouped(begun)[0].ops_id == many.ops_id
    few = [one for one in begun if one.what == "feed.paused"][:AT_ONCE]
    assert grouped(few) == few
    later, _ = settle({}, [other], looked_at=(), now=NOW)
    _, ended = settle(later, [], looked_at=[other.key], now=NOW + timedelta(days=1))
    assert grouped([alone, *ended]) == [alone, *ended]
