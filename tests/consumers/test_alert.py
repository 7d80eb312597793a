"""What was indexed -> alerts, on the real broker and node."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consumers.alert import alert
from consumers.index import document, index
from consumers.outcome import Done
from consumers.rules.made import SENTENCES, alert_of
from schemas.article import Lane
from schemas.classification import Classification
from schemas.errors import ConfigError, Unavailable
from schemas.rule import Match
from schemas.settings import AlertSettings
from schemas.taxonomy import Stance, Target, Topic

Make = Callable[..., Classification]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CRITICISM = Match(id="criticism", name="Criticism", stances={Target.DEPORTATION_DEAL: (Stance.AGAINST,)})


def indexed(house: Any, *messages: Classification) -> list[Any]:
    outcomes = index(messages, es=house.es, now=lambda: NOW)
    return [o.emit[0].message for o in outcomes]  # type: ignore[union-attr]


def fire(house: Any, batch: list[Any], *rules: Match, now: datetime = NOW) -> list[Any]:
    """The alerts that the handler hands over for a batch, as the loop would."""
    outcomes = alert(batch, es=house.es, rules=lambda: rules, now=lambda: now, alerts=house.alerts)
    assert len(outcomes) == len(batch)
    emitted = []
    for outcome in outcomes:
        assert isinstance(outcome, Done)
        emitted += [e.message for e in outcome.emit]
        if outcome.then is not None:
            outcome.then()
    return emitted


def test_a_piece_that_meets_a_rule_makes_one_alert_ever(house: Any, classified: Make) -> None:
    batch = indexed(house, classified(published_at=NOW))
    (made,) = fire(house, batch, CRITICISM)
    assert (made.rule_id, made.stances) == ("criticism", {Target.DEPORTATION_DEAL: Stance.AGAINST})
    assert made.evidence[0].stance is Stance.AGAINST
    assert made.evidence[0].speaker == "A lawyer"
    assert fire(house, batch, CRITICISM) == []
    newer = indexed(house, classified(published_at=NOW, title="Rewritten", generation=2))
    assert fire(house, newer, CRITICISM) == []


def test_two_copies_of_one_story_make_one_alert(house: Any, classified: Make) -> None:
    signature = tuple(range(64))
    batch = indexed(
        house,
        classified("late", published_at=NOW, signature=signature, outlet="Copy"),
        classified("early", published_at=NOW - timedelta(hours=1), signature=signature, outlet="First"),
        classified("other", published_at=NOW, signature=tuple(range(100, 164))),
    )
    made = fire(house, batch, CRITICISM)
    assert len(made) == 2
    assert {a.outlet for a in made} == {"First", "Example"}


CONDITIONS: list[tuple[str, dict[str, Any], bool]] = [
    ("no condition at all", {}, True),
    ("a topic that holds", {"topics": (Topic.HUMAN_RIGHTS, Topic.DEPORTATION_RETURNS)}, True),
    ("a topic that does not", {"topics": (Topic.HUMAN_RIGHTS,)}, False),
    ("either side of a target", {"stances": {Target.DEPORTATION_DEAL: (Stance.FAVOR, Stance.AGAINST)}}, True),
    ("the other side", {"stances": {Target.DEPORTATION_DEAL: (Stance.FAVOR,)}}, False),
    ("a target that is not addressed", {"stances": {Target.US_AID: (Stance.AGAINST,)}}, False),
    (
        "more confidence than there is",
        {"stances": {Target.DEPORTATION_DEAL: (Stance.AGAINST,)}, "min_confidence": 0.95},
        False,
    ),
    ("more relevance than there is", {"min_relevance": 0.95}, False),
    ("a language", {"languages": ("en", "es")}, True),
    ("another language", {"languages": ("es",)}, False),
    ("an outlet", {"outlets": ("Example",)}, True),
    ("another outlet", {"outlets": ("Else",)}, False),
    ("a country", {"countries": ("SV",)}, True),
    ("another country", {"countries": ("US",)}, False),
    ("words by their stems", {"query": "flights official"}, True),
    ("words without accents", {"query": "avión"}, True),
    ("a phrase", {"query": '"deported from the united"'}, True),
    ("a phrase in another order", {"query": '"from deported"'}, False),
    ("one of several words", {"query": "soccer | flight"}, True),
    ("a word that must not stand", {"query": "flight -officials"}, False),
    ("a prefix is no wildcard", {"query": "depor*"}, False),
    ("blank words", {"query": "  "}, True),
    ("a rule that sleeps", {"enabled": False}, False),
]


def test_each_condition_holds_or_not_as_it_says(house: Any, classified: Make) -> None:
    batch = indexed(house, classified(published_at=NOW, summary="El avion llego"))
    rules = [
        Match.model_validate({"id": f"r{n}", "name": name} | conditions)
        for n, (name, conditions, _) in enumerate(CONDITIONS)
    ]
    fired = {a.rule_name for a in fire(house, batch, *rules)}
    assert fired == {name for name, _, holds in CONDITIONS if holds}


def test_old_and_historic_pieces_alert_nobody_and_a_guessed_date_counts_from_its_reading(
    house: Any, classified: Make
) -> None:
    now_ms = int(NOW.timestamp() * 1000)
    old, recent = NOW - timedelta(hours=50), NOW - timedelta(hours=47)
    batch = indexed(
        house,
        classified("old", published_at=old, observed_at_ms=now_ms),
        classified("recent", published_at=recent, observed_at_ms=now_ms),
        classified("guessed", published_at=old, date_guessed=True, observed_at_ms=now_ms),
        classified("guessed-old", published_at=recent, date_guessed=True, observed_at_ms=now_ms - 50 * 3_600_000),
        classified("historic", published_at=recent, lane=Lane.HISTORIC),
    )
    fired = {a.title for a in fire(house, batch, CRITICISM)}
    assert fired == {"Flight recent lands in San Salvador", "Flight guessed lands in San Salvador"}


def test_rules_beyond_one_search_are_all_asked(house: Any, classified: Make) -> None:
    batch = indexed(house, classified(published_at=NOW))
    rules = [Match(id=f"r{n}", name=f"Rule {n}") for n in range(450)]
    assert len(fire(house, batch, *rules)) == 450


def test_the_sentences_that_speak_for_the_rule_come_first(classified: Make) -> None:
    piece = document(classified(), "story", [], NOW)
    sentence = {"part": "text", "start": 0, "end": 1, "confidence": 0.99, "topic": "human_rights"}
    piece["evidence"] = [sentence | {"text": f"surer {n}"} for n in range(5)] + piece["evidence"]
    made = alert_of(piece, CRITICISM, NOW)
    assert len(made.evidence) == SENTENCES
    assert made.evidence[0].target is Target.DEPORTATION_DEAL
    assert made.evidence[1].text == "surer 0"
    about = alert_of(piece, Match(id="r", name="R", topics=(Topic.DEPORTATION_RETURNS,)), NOW)
    assert about.evidence[0].topic is Topic.DEPORTATION_RETURNS


def test_an_alert_whose_rule_no_longer_fires_is_still_handed_over(house: Any, classified: Make) -> None:
    batch = indexed(house, classified(published_at=NOW))
    outcomes = alert(batch, es=house.es, rules=lambda: [CRITICISM], now=lambda: NOW, alerts=house.alerts)
    assert outcomes[-1] != Done()
    # the worker is killed here; when it is back, the rule is gone
    (made,) = fire(house, batch)
    assert made.rule_id == "criticism"
    assert fire(house, batch) == []


def test_killed_after_the_alert_is_created_it_is_delivered_once_after_the_restart(house: Any, classified: Make) -> None:
    house.produce(house.indexed, indexed(house, classified(published_at=datetime.now(tz=UTC))))
    house.work_and_die("alert", "after_effect")
    assert [a["handover"] for a in house.outbox()] == ["pending"]
    assert house.read(house.alerts) == []
    house.work(house.alert_stage(), until=1)
    assert [a.rule_id for a in house.read(house.alerts)] == ["deportation-deal-criticised"]
    assert [a["handover"] for a in house.outbox()] == ["done"]


def test_a_lost_answer_loses_no_alert(house: Any, classified: Make, proxy: Any) -> None:
    house.produce(house.indexed, indexed(house, classified(published_at=datetime.now(tz=UTC))))
    cut: list[bytes] = []

    def meddle(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes] | None:
        # the first create and the first mark: each is done, and its answer is lost
        for sign in (b'"create"', b'"update"'):
            if path.startswith("/_bulk") and sign in body and sign not in cut:
                cut.append(sign)
                return None
        return status, body

    proxy.meddle = meddle
    settings = house.settings.model_copy(
        update={"elasticsearch": house.settings.elasticsearch.model_copy(update={"url": proxy.url})}
    )
    house.work(house.alert_stage(), until=1, settings=settings)
    assert len(cut) == 2
    assert [a.rule_id for a in house.read(house.alerts)] == ["deportation-deal-criticised"]
    assert [a["handover"] for a in house.outbox()] == ["done"]


def test_a_search_that_fails_is_no_empty_answer(house: Any, classified: Make) -> None:
    batch = indexed(house, classified(published_at=NOW))
    house.es.es.indices.close(index=house.indices.alerts)
    with pytest.raises(Unavailable):
        fire(house, batch, CRITICISM)
    house.es.es.indices.open(index=house.indices.alerts)
    assert len(fire(house, batch, CRITICISM)) == 1


def test_a_mistake_in_the_rules_is_told_at_the_start(house: Any, tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[[rules]]\nid = "one"\nname = "One"\nseverity = "urgent"\n')
    settings = house.settings.model_copy(update={"alert": AlertSettings(rules_file=path)})
    with pytest.raises(ConfigError, match=r"rules\.toml:4"):
        house.work(house.alert_stage(), until=1, settings=settings)
