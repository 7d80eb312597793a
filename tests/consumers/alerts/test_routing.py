"""Who is told of what, and when."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.alerts.roster import read_teams
from consumers.alerts.routing import Subject, escalations, route
from consumers.alerts.throttle import Told, held_until
from schemas.alert import Hold, Severity
from schemas.errors import ConfigError
from schemas.settings import ThrottleSettings
from schemas.team import Teams

FRIDAY_NOON = datetime(2026, 11, 27, 18, tzinfo=UTC)  # noon in San Salvador
FRIDAY_NIGHT = datetime(2026, 11, 28, 5, tzinfo=UTC)  # 23:00
ZONE = "America/El_Salvador"
PEOPLE: list[dict[str, Any]] = [
    {"id": "editor", "zone": ZONE, "duty": ["mon-fri 07:00-19:00"], "channels": ["mail-editor"], "wakes": "high"},
    {"id": "night", "zone": ZONE, "duty": ["19:00-07:00"], "channels": ["mail-night"]},
    {"id": "chief", "zone": ZONE, "channels": ["phone"]},
]


def teams_of(*subscriptions: dict[str, Any], mutes: list[dict[str, Any]] | None = None, **team: Any) -> Teams:
    desk = {"id": "desk", "people": ["editor", "night"], "subscriptions": list(subscriptions)} | team
    return Teams.model_validate({"people": PEOPLE, "teams": [desk], "mutes": mutes or []})


def told(teams: Teams, at: datetime, severity: Severity = Severity.MEDIUM, **subject: Any) -> dict[str, Any]:
    found = route(Subject("rule", severity, **subject), teams, ["a", "b"], at)
    return {target.name: target.due for target in found}


def test_without_teams_an_alert_goes_to_every_channel_or_to_those_of_its_rule() -> None:
    subject = Subject("rule", Severity.LOW)
    assert [t.name for t in route(subject, None, ["a", "ops"], FRIDAY_NOON, apart="ops")] == ["/a"]
    named = Subject("rule", Severity.LOW, channels=("ops",))
    assert [t.name for t in route(named, None, ["a", "ops"], FRIDAY_NOON, apart="ops")] == ["/ops"]


def test_maintenance_needs_nobody_named() -> None:
    mute = {"since": FRIDAY_NOON, "until": FRIDAY_NOON + timedelta(hours=2)}
    (target,) = route(Subject("rule", Severity.LOW), Teams.model_validate({"mutes": [mute]}), ["a"], FRIDAY_NOON)
    assert (target.name, target.hold, target.due) == ("/a", Hold.MUTE, FRIDAY_NOON + timedelta(hours=2))


def test_everyone_is_told_in_their_own_hours() -> None:
    teams = teams_of({"to": "everyone"})
    assert told(teams, FRIDAY_NOON) == {
        "editor/mail-editor": None,
        "night/mail-night": datetime(2026, 11, 28, 1, tzinfo=UTC),
    }
    # the editor's next duty begins on Monday at 07:00
    assert told(teams, FRIDAY_NIGHT)["editor/mail-editor"] == datetime(2026, 11, 30, 13, tzinfo=UTC)
    assert told(teams, FRIDAY_NIGHT, Severity.HIGH)["editor/mail-editor"] is None


def test_those_on_duty_alone_are_told_or_whoever_is_first() -> None:
    teams = teams_of({"to": "on_duty"})
    assert told(teams, FRIDAY_NOON) == {"editor/mail-editor": None}
    assert told(teams, FRIDAY_NIGHT) == {"night/mail-night": None}
    alone = teams_of({"to": "on_duty"}, people=["editor"])
    assert told(alone, FRIDAY_NIGHT) == {"editor/mail-editor": datetime(2026, 11, 30, 13, tzinfo=UTC)}


def test_rules_tags_and_the_severity_floor_decide_and_nobody_is_told_twice() -> None:
    teams = teams_of(
        {"rules": ["rule"], "severity": "high", "to": "everyone"},
        {"tags": ["rights"], "to": "everyone", "digest": "08:00"},
        people=["editor"],
    )
    assert told(teams, FRIDAY_NOON, Severity.LOW) == {}
    assert told(teams, FRIDAY_NOON, Severity.HIGH) == {"editor/mail-editor": None}
    assert told(teams, FRIDAY_NOON, Severity.HIGH, tags=("rights",)) == {"editor/mail-editor": None}
    digest = told(teams, FRIDAY_NOON, Severity.LOW, tags=("rights",))
    assert digest == {"editor/mail-editor": datetime(2026, 11, 30, 13, tzinfo=UTC)}  # not on Saturday: off duty


def test_a_team_s_room_has_hours_of_its_own() -> None:
    teams = teams_of({}, channels=["room"], quiet=["22:00-06:00"], zone=ZONE)
    assert told(teams, FRIDAY_NOON) == {"desk/room": None}
    assert told(teams, FRIDAY_NIGHT) == {"desk/room": datetime(2026, 11, 28, 12, tzinfo=UTC)}


def test_maintenance_holds_or_drops_what_it_covers() -> None:
    until = FRIDAY_NOON + timedelta(hours=2)
    mute = {"since": FRIDAY_NOON, "until": until, "rules": ["rule"], "reason": "new servers"}
    teams = teams_of({}, channels=["room"], mutes=[mute])
    (target,) = route(Subject("rule", Severity.LOW), teams, [], FRIDAY_NOON)
    assert (target.hold, target.due) == (Hold.MUTE, until)
    assert "new servers" in target.why
    assert told(teams, until) == {"desk/room": None}
    (other,) = route(Subject("other", Severity.LOW), teams, [], FRIDAY_NOON)
    assert other.due is None
    (dropped,) = route(
        Subject("rule", Severity.LOW), teams_of({}, channels=["room"], mutes=[mute | {"drop": True}]), [], FRIDAY_NOON
    )
    assert dropped.dropped


def test_escalation_steps_come_in_order() -> None:
    steps = [{"after_minutes": 60, "to": ["chief", "desk"]}, {"after_minutes": 15, "to": ["night"]}]
    teams = teams_of({"rules": ["rule"], "escalate": steps})
    found = escalations(Subject("rule", Severity.LOW), teams)
    assert found == [(timedelta(minutes=15), ("night",)), (timedelta(minutes=60), ("chief", "desk"))]
    assert escalations(Subject("other", Severity.LOW), teams) == []


@given(st.sampled_from(Severity), st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_route_names_each_reader_and_channel_once_and_never_the_past(severity: Severity, at: datetime) -> None:
    teams = teams_of({"to": "everyone"}, {"to": "on_duty"}, {"digest": "hourly", "to": "everyone"})
    found = route(Subject("rule", severity), teams, [], at)
    assert len({t.name for t in found}) == len(found) == 2
    assert all((t.due is None) == (t.hold is None) and (t.due is None or t.due > at) for t in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[people]]\nid = "editor"\nzone = "Mars/Olympus"', "people editor zone: .*America/El_Salvador"),
        ('[[people]]\nid = "editor"\nduty = ["mon 9-5"]', "people editor duty 1: .*mon-fri 07:00-19:00"),
        ('[[teams]]\nid = "desk"\npeople = ["nobody"]', "names people that are not listed: nobody"),
        ('[[people]]\nid = "editor"\nquiet = ["00:00-24:00"]', "is never on duty"),
        ("people = 3", "people: "),
        ("[[people]", "is not TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "teams.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_teams(file)


def test_the_example_in_the_docs_is_right(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs/alerts.md").read_text()
    file = tmp_path / "teams.toml"
    file.write_text(text.split("```toml\n")[1].split("```")[0])
    teams = read_teams(file)
    found = route(Subject("deal-criticised", Severity.HIGH, ("deportation",)), teams, [], FRIDAY_NIGHT)
    assert [(t.name, t.due is None) for t in found] == [
        ("desk/room", True),
        ("editor/mail-editor", True),
        ("night-editor/mail-night", True),
        ("analysts/analysts", False),
    ]


LIMITS = ThrottleSettings(window_s=3600, per_rule=2, per_source=3, overall=4)


def test_the_limits_per_rule_source_and_overall_hold_what_is_more() -> None:
    now = FRIDAY_NOON
    before = [Told("/a", now - timedelta(minutes=50 - n), "rule", "outlet") for n in range(2)]
    assert held_until("/a", "rule", "else", before, LIMITS, now) == now + timedelta(minutes=10)
    assert held_until("/a", "other", "outlet", before, LIMITS, now) is None
    assert held_until("/b", "rule", "outlet", before, LIMITS, now) is None
    assert held_until("/a", "rule", "outlet", before, LIMITS, now + timedelta(minutes=11)) is None
    more = [*before, Told("/a", now, "third", "outlet")]
    assert held_until("/a", "other", "outlet", more, LIMITS, now) == now + timedelta(minutes=10)
    most = [*more, Told("/a", now, "fourth", "else")]
    assert held_until("/a", "fifth", "fifth", most, LIMITS, now) == now + timedelta(minutes=10)


@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from("ab"), st.sampled_from("xy")), max_size=60))
def test_no_window_ever_holds_more_than_the_limits(arrivals: list[tuple[int, str, str]]) -> None:
    sent: list[Told] = []
    for minute, rule, outlet in sorted(arrivals):
        now = FRIDAY_NOON + timedelta(minutes=minute)
        if held_until("/a", rule, outlet, sent, LIMITS, now) is None:
            sent.append(Told("/a", now, rule, outlet))
    for last in sent:
        window = [t for t in sent if last.at - timedelta(hours=1) < t.at <= last.at]
        assert len(window) <= 4
        assert max(sum(t.rule_id == rule for t in window) for rule in "ab") <= 2
        assert max(sum(t.outlet == outlet for t in window) for outlet in "xy") <= 3
