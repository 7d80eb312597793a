"""What people do with alerts: by themselves, and two at once on the real Elasticsearch."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.alerts.acting import NoSuchAlert, act, read, show
from consumers.alerts.precision import precision, wilson
from consumers.alerts.states import RESULT, NotPossible, apply
from schemas.alert import TRANSITIONS, Action, AlertRecord, AlertState, Event, Verdict

MakeAlert = Callable[..., Any]
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ACTIONS = st.sampled_from([Action.ACK, Action.RESOLVE, Action.DISMISS, Action.REOPEN, Action.NOTE])


@given(st.lists(ACTIONS, max_size=8))
def test_whatever_people_do_the_history_only_grows_and_the_state_follows_the_transitions(actions: list[Action]) -> None:
    record = AlertRecord.model_validate(FIELDS)
    for n, action in enumerate(actions):
        event = Event(at=NOW + timedelta(minutes=n), who=f"reader-{n}", action=action)
        try:
            after = record.model_copy(update=apply(record, event))
        except NotPossible:
            assert RESULT[action] not in TRANSITIONS[record.state] or action is not Action.NOTE
            continue
        assert tuple(after.events[:-1]) == tuple(record.events)
        assert after.events[-1] == event
        assert after.state is record.state or after.state in TRANSITIONS[record.state]
        assert record.acknowledged_at is None or after.acknowledged_by == record.acknowledged_by
        record = after


FIELDS: dict[str, Any] = {
    "alert_id": "0" * 32,
    "rule_id": "rule",
    "rule_name": "Rule",
    "severity": "high",
    "story_id": "story",
    "article_id": "0" * 32,
    "title": "A title",
    "url": "https://news.example/a",
    "outlet": "Example",
    "language": "en",
    "published_at": NOW,
    "observed_at_ms": 1,
    "created_at_ms": int(NOW.timestamp() * 1000) - 60_000,
    "relevance": 0.9,
}


def test_what_is_settled_is_reopened_by_name_only() -> None:
    record = AlertRecord.model_validate(FIELDS | {"state": "resolved", "settled_by": "editor", "settled_at": NOW})
    with pytest.raises(NotPossible, match=r"resolved by editor at 2026-11-27 12:00 UTC.*vigia alerts reopen"):
        apply(record, Event(at=NOW, who="x", action=Action.ACK))
    changes = apply(record, Event(at=NOW, who="x", action=Action.REOPEN))
    assert (changes["state"], changes["settled_by"]) == (AlertState.ACKNOWLEDGED, None)


def test_an_alert_is_taken_up_judged_and_settled_and_its_history_tells_it(house: Any, alert_of: MakeAlert) -> None:
    made = alert_of(house, created_at_ms=int(NOW.timestamp() * 1000))
    named = made.alert_id[:8]
    act(house.es, named, Action.ACK, who="editor", at=NOW + timedelta(seconds=90), note="calling")
    act(house.es, named, Action.VERDICT, who="analyst", at=NOW, verdict=Verdict.NOT_RELEVANT)
    act(house.es, named, Action.RESOLVE, who="editor", at=NOW)
    record = show(house.es, made.alert_id)
    assert [(e.who, e.action, e.note) for e in record.events] == [
        ("editor", "ack", "calling"),
        ("analyst", "verdict", ""),
        ("editor", "resolve", ""),
    ]
    assert (record.state, record.acknowledged_after_s, record.verdict_by) == ("resolved", 90, "analyst")
    assert [r.alert_id for r in read(house.es, states=[AlertState.RESOLVED])] == [made.alert_id]
    assert read(house.es, states=[AlertState.NEW]) == []
    with pytest.raises(NoSuchAlert, match="no alert with an id that begins with 'zz'"):
        act(house.es, "zz", Action.ACK, who="x", at=NOW)
    (found,) = precision(house.es)
    assert (found.rule_id, found.alerts, found.judged, found.share) == ("rule", 1, 1, 0.0)


def test_two_people_who_act_at_once_lose_nothing(house: Any, alert_of: MakeAlert) -> None:
    made = alert_of(house)
    people, rounds = 4, 3
    together = Barrier(people)

    def note(who: str) -> None:
        together.wait()
        for n in range(rounds):
            act(house.es, made.alert_id, Action.NOTE, who=who, at=NOW, note=str(n))

    threads = [Thread(target=note, args=(f"reader-{n}",)) for n in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = show(house.es, made.alert_id).events
    assert sorted((e.who, e.note) for e in events) == [
        (f"reader-{p}", str(n)) for p in range(people) for n in range(rounds)
    ]


def test_of_two_who_settle_it_differently_at_once_one_is_told_so(house: Any, alert_of: MakeAlert) -> None:
    made = alert_of(house)
    together = Barrier(2)
    refused: list[NotPossible] = []

    def settle(action: Action) -> None:
        together.wait()
        try:
            act(house.es, made.alert_id, action, who=action, at=NOW)
        except NotPossible as error:
            refused.append(error)

    threads = [Thread(target=settle, args=(action,)) for action in (Action.RESOLVE, Action.DISMISS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    record = show(house.es, made.alert_id)
    assert len(refused) == len(record.events) == 1
    assert record.settled_by == record.events[0].action != refused[0].action


def test_wilson_s_interval_holds_the_share_and_is_that_of_the_literature() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)


@given(st.integers(0, 500), st.integers(1, 500))
def test_wilson_s_interval_lies_around_the_share_within_0_and_1(right: int, wrong: int) -> None:
    low, high = wilson(right, right + wrong)
    assert 0 <= low <= right / (right + wrong) <= high <= 1
