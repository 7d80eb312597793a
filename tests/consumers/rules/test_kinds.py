"""Each kind of rule on the real node: what it finds, what it says of it, and when it stays silent."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from schemas.article import Lane
from schemas.classification import Classification, Voice
from schemas.reason import JoinedAs
from schemas.rule import FirstSeen, Follow, Match, Moves, Novelty, Rule, Shift, Silence, Spike, Threshold
from schemas.taxonomy import Stance, Target, Topic

if TYPE_CHECKING:
    from tests.consumers.rules.conftest import Desk

Labelled = Callable[..., Classification]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
BUKELE = ("nayib-bukele", "person", "Nayib Bukele")
CECOT = ("cecot", "prison", "CECOT")
COURT = ("fourth-circuit", "court", "Fourth Circuit")


def usual_weeks(labelled: Labelled, *, weeks: int = 8, stories: int = 2) -> list[Classification]:
    """A few stories in each of these hours of the weeks before."""
    return [
        labelled(
            f"usual-{week}-{n}",
            title=f"Talks continue, week {week} report {n}",
            published_at=NOW - week * WEEK - n * HOUR,
            entities=[BUKELE],
            outlet=f"Outlet {n}",
        )
        for week in range(1, weeks + 1)
        for n in range(stories)
    ]


def test_a_spike_says_what_caused_it_and_is_told_once(desk: "Desk", labelled: Labelled) -> None:
    burst = [
        labelled(
            f"burst-{n}",
            title=f"Ruling stops flight number {n}",
            published_at=NOW - timedelta(minutes=20 * n),
            entities=[BUKELE, COURT],
            outlet=f"Outlet {n % 4}",
        )
        for n in range(1, 10)
    ]
    rule = Spike(kind="spike", id="burst", name="Burst", window_hours=6, min_stories=5)
    batch = desk.index([*usual_weeks(labelled), *burst], now=NOW)
    (made,) = desk.fire(batch, [rule], now=NOW, size=7)
    assert made.kind == "spike"
    assert made.reason is not None
    assert "Fourth Circuit" in [cause.value for cause in made.reason.causes[:3]]
    assert len(made.reason.stories) == 3
    assert made.window is not None
    assert made.window.usual is not None
    assert made.window.usual <= 2
    assert made.reason.odds is not None
    assert made.reason.odds < 0.02
    assert made.reason.margin is not None
    assert made.reason.margin.value >= made.reason.margin.limit == rule.z
    assert desk.fire(batch[::-1], [rule], now=NOW, size=5) == []
    assert desk.fire(batch, [rule], now=NOW + HOUR) == []
    assert desk.fire(batch, [rule], now=NOW - HOUR) == []


def test_what_is_usual_at_this_hour_is_no_spike(desk: "Desk", labelled: Labelled) -> None:
    every = usual_weeks(labelled, stories=9)
    today = [labelled(f"today-{n}", title=f"Report {n} of today", published_at=NOW - n * HOUR / 2) for n in range(9)]
    batch = desk.index([*every, *today], now=NOW)
    assert desk.fire(batch, [Spike(kind="spike", id="burst", name="Burst", window_hours=9)], now=NOW) == []


def test_a_threshold_fires_once_until_it_has_been_quiet(desk: "Desk", labelled: Labelled) -> None:
    rule = Threshold(kind="threshold", id="many", name="Many", stories=4, window_hours=6, rearm=2)
    first = [
        labelled(f"a-{n}", title=f"Morning report {n}", published_at=NOW - 40 * HOUR + n * HOUR / 2) for n in range(6)
    ]
    second = [labelled(f"b-{n}", title=f"Evening report {n}", published_at=NOW - n * HOUR / 2) for n in range(4)]
    batch = desk.index([*first, *second], now=NOW)
    made = desk.fire(batch, [rule], now=NOW, size=3)
    assert sorted(a.window.end for a in made if a.window) == [NOW - 40 * HOUR + 1.5 * HOUR, NOW]
    assert [a.reason.margin.limit for a in made if a.reason and a.reason.margin] == [4, 4]
    assert desk.fire(batch[::-1], [rule], now=NOW) == []


def test_a_threshold_counts_stories_not_copies(desk: "Desk", labelled: Labelled) -> None:
    copies = [
        labelled(f"copy-{n}", published_at=NOW - n * HOUR / 2, signature=tuple(range(64)), outlet=f"Outlet {n}")
        for n in range(6)
    ]
    batch = desk.index(copies, now=NOW)
    assert desk.fire(batch, [Threshold(kind="threshold", id="many", name="Many", stories=2)], now=NOW) == []


@pytest.mark.parametrize("of", [Moves.OUTLET, Moves.VOICE, Moves.BEAT])
def test_a_shift_of_stance_is_told_of_the_one_that_moved(desk: "Desk", labelled: Labelled, of: Moves) -> None:
    target = Target.US_AID

    def said(n: int, outlet: str, side: Stance, at: datetime) -> Classification:
        voice = Voice(speaker=f"Speaker of {outlet}", quote="Words.", passage=0, target=target, stance=side)
        return labelled(
            f"{outlet}-{n}",
            title=f"{outlet} {n} on aid",
            published_at=at,
            stances={target: (side, 0.9)},
            voices=[voice],
            outlet=outlet,
        )

    pieces = [said(n, "Steady", Stance.NEUTRAL, NOW - 40 * DAY + n * DAY) for n in range(40)]
    pieces += [said(n, "Turned", Stance.FAVOR, NOW - 40 * DAY + n * DAY) for n in range(37)]
    pieces += [said(n, "Turned", Stance.AGAINST, NOW - 60 * HOUR + (n - 37) * 5 * HOUR) for n in range(37, 49)]
    batch = desk.index(pieces, now=NOW)
    rule = Shift(kind="shift", id="turn", name="Turn", target=target, of=of)
    (made,) = desk.fire(batch, [rule], now=NOW)
    assert made.window is not None
    assert made.window.subject == {"outlet": "Turned", "voice": "Speaker of Turned", "beat": ""}[of]
    assert made.window.usual is not None
    assert made.window.value < made.window.usual
    assert made.reason is not None
    assert f"{target}: against" in [cause.value for cause in made.reason.causes[:3]]
    assert desk.fire(batch[::-1], [rule], now=NOW) == []


def test_a_new_name_is_told_once_and_known_ones_are_not(desk: "Desk", labelled: Labelled) -> None:
    rule = FirstSeen(kind="first_seen", id="new", name="New", of=(Novelty.PRISON, Novelty.COURT, Novelty.VOICE))
    known = Voice(speaker="Ana Pérez", quote="Words.", passage=0)
    fresh = Voice(speaker="Luz Rivas", quote="Words.", passage=0)
    unnamed = Voice(speaker="a mother", quote="Words.", passage=0, named=False)
    old = [labelled("old", published_at=NOW - 30 * DAY, entities=[CECOT], voices=[known], lane=Lane.HISTORIC)]
    new = [
        labelled("late", title="B", published_at=NOW - HOUR, entities=[COURT, CECOT], voices=[fresh, known, unnamed]),
        labelled("early", title="A", published_at=NOW - 3 * HOUR, entities=[COURT], outlet="First"),
    ]
    made = desk.fire(desk.index([*old, *new], now=NOW), [rule], now=NOW, size=1)
    assert {a.window.subject for a in made if a.window} == {"Fourth Circuit", "Luz Rivas"}
    court = next(a for a in made if a.window and a.window.subject == "Fourth Circuit")
    assert court.outlet == "First"
    again = labelled("again", title="C", published_at=NOW, entities=[COURT], voices=[fresh])
    assert desk.fire(desk.index([again], now=NOW), [rule], now=NOW + HOUR) == []


def test_at_first_everything_is_new_and_nothing_is_told(desk: "Desk", labelled: Labelled) -> None:
    batch = desk.index([labelled("a", published_at=NOW, entities=[CECOT])], now=NOW)
    rule = FirstSeen(kind="first_seen", id="new", name="New", of=(Novelty.PRISON,))
    assert desk.fire(batch, [rule], now=NOW) == []


def test_an_outlet_gone_quiet_is_told_once_and_again_after_it_spoke(desk: "Desk", labelled: Labelled) -> None:
    hourly = [
        labelled(f"h-{n}", title=f"Hourly {n}", published_at=NOW - 30 * HOUR - n * 2 * HOUR, outlet="Daily")
        for n in range(12 * 7 * 3)
    ]
    others = [labelled(f"o-{n}", title=f"Other {n}", published_at=NOW - n * HOUR, outlet="Other") for n in range(8)]
    rule = Silence(kind="silence", id="quiet", name="Quiet", outlets=("Daily",), weeks=3)
    desk.index([*hourly, *others], now=NOW)
    (made,) = desk.tick([rule], now=NOW)
    assert made.window is not None
    assert (made.window.subject, made.window.start) == ("Daily", NOW - 30 * HOUR)
    assert 12 * HOUR <= made.window.end - made.window.start <= 16 * HOUR
    assert made.reason is not None
    assert made.reason.odds is not None
    assert made.reason.odds <= rule.odds
    assert len(made.reason.stories) == 3
    assert desk.tick([rule], now=NOW + HOUR) == []
    assert desk.tick([rule], now=NOW - 2 * HOUR) == []
    spoke = labelled("spoke", title="Back", published_at=NOW + HOUR, outlet="Daily")
    other = labelled("o-late", title="Other again", published_at=NOW + 20 * HOUR, outlet="Other")
    desk.index([spoke, other], now=NOW)
    (second,) = desk.tick([rule], now=NOW + 20 * HOUR)
    assert second.window is not None
    assert second.window.start == NOW + HOUR


def test_when_nothing_comes_at_all_it_is_we_who_do_not_hear(desk: "Desk", labelled: Labelled) -> None:
    hourly = [
        labelled(f"h-{n}", title=f"Hourly {n}", published_at=NOW - 30 * HOUR - n * 4 * HOUR, outlet=f"Daily {n % 2}")
        for n in range(6 * 7 * 3)
    ]
    rule = Silence(kind="silence", id="quiet", name="Quiet", outlets=("Daily 0",), quiet_hours=10)
    desk.index(hourly, now=NOW)
    assert desk.tick([rule], now=NOW) == []


def test_a_story_that_an_outlet_lacks_is_told_once(desk: "Desk", labelled: Labelled) -> None:
    def carried(n: int, at: datetime, *outlets: str) -> list[Classification]:
        signature = tuple(range(n * 64, n * 64 + 64))
        return [
            labelled(f"{o}-{n}", title=f"Story {n}", published_at=at, outlet=o, signature=signature) for o in outlets
        ]

    pieces = [p for n in range(1, 8) for p in carried(n, NOW - n * 8 * DAY, "One", "Two", "Always", "Seldom")]
    pieces += [p for n in range(8, 12) for p in carried(n, NOW - n * DAY, "One", "Two", "Always")]
    pieces += carried(20, NOW - 10 * HOUR, "One", "Two")
    pieces += carried(21, NOW - 9 * HOUR, "One", "Two", "Always")
    rule = Silence(
        kind="silence", id="lacks", name="Lacks", outlets=("Always", "Seldom"), carried_by=2, grace_hours=6, weeks=10
    )
    batch = desk.index(pieces, now=NOW)
    (made,) = desk.fire(batch, [rule], now=NOW)
    assert made.window is not None
    assert made.window.subject == "Always"
    assert "lacks a story that 2 others carry" in made.title
    assert desk.tick([rule], now=NOW + HOUR) == []


def test_a_followed_story_of_nine_pieces_is_one_thread(desk: "Desk", labelled: Labelled) -> None:
    signature = tuple(range(64))
    act, prison = ("alien-enemies-act", "law", "Alien Enemies Act"), ("zacatecoluca", "prison", "Zacatecoluca")
    old = usual_weeks(labelled)
    first = labelled(
        "first", title="Court halts transfers", published_at=NOW - 8 * HOUR, signature=signature,
        entities=[BUKELE, COURT, act, prison], outlet="First",
    )  # fmt: skip
    copies = [
        labelled(f"copy-{n}", title="Court halts transfers", published_at=NOW - (7 - n) * HOUR, signature=signature,
                 entities=[BUKELE, COURT, act, prison], outlet=f"Copy {n}")
        for n in range(3)
    ]  # fmt: skip
    reports = [
        labelled(f"report-{n}", title=f"Un tribunal frena los traslados {n}", text=f"Texto propio {n}.", language="es",
                 published_at=NOW - 5 * HOUR + n * HOUR, entities=[COURT, act, BUKELE], outlet=f"Diario {n}")
        for n in range(3)
    ]  # fmt: skip
    stranger = labelled("stranger", title="Coffee fair", published_at=NOW - 2 * HOUR, entities=[BUKELE])
    rule = Follow(kind="follow", id="case", name="The case", story="https://news.example/first")
    batch = desk.index([*old, first, *copies, *reports, stranger], now=NOW)
    made = desk.fire(batch, [rule], now=NOW, size=4)
    later = int((NOW + HOUR).timestamp() * 1000)
    revised = first.model_copy(
        update={"article": first.article.model_copy(
            update={"title": "Court halts transfers, judge explains", "observed_at_ms": later, "content_hash": "1" * 32}
        )}
    )  # fmt: skip
    turned = labelled(
        "report-0", title="Un tribunal frena los traslados 0, en contra", text="Otro.", language="es",
        published_at=NOW - 5 * HOUR, observed_at_ms=later, entities=[COURT, act, BUKELE], outlet="Diario 0",
        stances={Target.DEPORTATION_DEAL: (Stance.AGAINST, 0.9)},
    )  # fmt: skip
    made += desk.fire(desk.index([revised, turned], now=NOW), [rule], now=NOW + HOUR)
    assert len({a.alert_id for a in made}) == 1
    (kept,) = desk.house.outbox()
    kinds = [entry["kind"] for entry in kept["thread"]]
    assert len(kinds) == 9
    assert kinds[0] == JoinedAs.FIRST
    assert sorted(kinds[1:7]) == [JoinedAs.COPY] * 3 + [JoinedAs.REPORT] * 3
    assert sorted(kinds[7:]) == [JoinedAs.REVISION, JoinedAs.STANCE]
    assert kept["edition"] == made[-1].edition
    assert desk.fire(batch[::-1], [rule], now=NOW + HOUR) == []


def test_a_copy_and_a_correction_update_the_alert_and_send_nothing(desk: "Desk", labelled: Labelled) -> None:
    signature = tuple(range(64))
    rule = Match(id="any", name="Any", topics=(Topic.HUMAN_RIGHTS,))
    first = labelled("a", published_at=NOW - HOUR, topics=[Topic.HUMAN_RIGHTS], signature=signature)
    (made,) = desk.fire(desk.index([first], now=NOW), [rule], now=NOW)
    assert [entry.kind for entry in made.thread] == [JoinedAs.FIRST]
    copy = labelled("b", published_at=NOW, topics=[Topic.HUMAN_RIGHTS], signature=signature, outlet="Copy")
    later = int((NOW + HOUR).timestamp() * 1000)
    corrected = labelled(
        "a", title="Corrected", published_at=NOW - HOUR, observed_at_ms=later, topics=[Topic.HUMAN_RIGHTS],
        signature=signature,
    )  # fmt: skip
    assert desk.fire(desk.index([copy, corrected], now=NOW), [rule], now=NOW + HOUR) == []
    (kept,) = desk.house.outbox()
    assert [entry["kind"] for entry in kept["thread"]] == ["first", "revision", "copy"]


def test_old_texts_that_come_back_alert_nobody(desk: "Desk", labelled: Labelled) -> None:
    signature = tuple(range(64))
    old = labelled("old", published_at=NOW - 200 * DAY, signature=signature)
    read_before = labelled("same-page", published_at=NOW - 10 * DAY)
    desk.index([old, read_before], now=NOW)
    back = [
        labelled("reprint", title="New headline", published_at=NOW, signature=signature),
        labelled("same-page", title="Dated anew", published_at=NOW),
        labelled("2019/03/04/archive", published_at=NOW),
        labelled("guessed", published_at=NOW - 100 * DAY, observed_at_ms=int(NOW.timestamp() * 1000)),
    ]
    fresh = labelled("2026/11/24/today", published_at=NOW)
    made = desk.fire(desk.index([*back, fresh], now=NOW), [Match(id="any", name="Any")], now=NOW)
    assert [a.article_id for a in made] == [fresh.article_id]


def test_the_reason_names_what_was_met_and_what_would_have_kept_it_silent(desk: "Desk", labelled: Labelled) -> None:
    voice = Voice(
        speaker="Luz Rivas", quote="No.", passage=0, target=Target.US_AID, stance=Stance.AGAINST, entity="luz-rivas"
    )
    piece = labelled(
        "a", title="Transfers to CECOT go on", published_at=NOW - HOUR, topics=[Topic.DEPORTATION_RETURNS],
        entities=[CECOT], voices=[voice], relevance=0.55, stances={Target.US_AID: (Stance.FAVOR, 0.9)},
    )  # fmt: skip
    met: list[Rule] = [
        Match(id="all", name="All", query="transfer", topics=(Topic.DEPORTATION_RETURNS,), entities=("CECOT",)),
        Match(id="voice", name="Voice", voices=("rivas",), stances={Target.US_AID: (Stance.AGAINST,)}),
        Match(id="voice-id", name="Voice", voices=("luz-rivas",)),
        Match(id="feed", name="Feed", feeds=("example",), tags=("daily",)),
    ]
    unmet: list[Rule] = [
        Match(id="no-voice", name="No", voices=("Ana",)),
        Match(id="no-side", name="No", voices=("rivas",), stances={Target.US_AID: (Stance.FAVOR,)}),
        Match(id="no-entity", name="No", entities=("fourth-circuit",)),
        Match(id="no-feed", name="No", feeds=("other",)),
        Match(id="muted", name="No", muted_until=NOW + HOUR),
    ]
    made = {a.rule_id: a for a in desk.fire(desk.index([piece], now=NOW), [*met, *unmet], now=NOW)}
    assert set(made) == {rule.id for rule in met}
    reason = made["all"].reason
    assert reason is not None
    assert {one.field: one.found for one in reason.matched} == {
        "query": ("transfer",),
        "topics": ("deportation_returns",),
        "entities": ("CECOT",),
    }
    assert any("⟦Transfers⟧" in words for words in reason.words)
    assert reason.margin is not None
    assert (reason.margin.what, reason.margin.limit) == ("relevance", 0.5)
    voiced = made["voice"].reason
    assert voiced is not None
    assert {one.field: one.found for one in voiced.matched}["stance on us_aid"] == ("against",)
    assert made["feed"].tags == ("daily",)


HOSTILE = [
    '"', "((((", "*" * 1000, "a*" * 60, "-" * 1000, "+ | - ~2 ^5", "\\" * 500, "field:value",
    "/(a+)+$/", "x AND OR NOT", " | ".join(f"word{n}" for n in range(60)), "移" * 60,
    "a~9 b~9", '"a b"~99999', "[1 TO *]", "_exists_:title",
]  # fmt: skip


def test_hostile_queries_keep_no_other_rule_from_firing(desk: "Desk", labelled: Labelled) -> None:
    batch = desk.index([labelled("a", title="A ruling", published_at=NOW)], now=NOW)
    rules = [Match(id=f"hostile-{n}", name="H", query=query) for n, query in enumerate(HOSTILE * 4)]
    unlike = [rule.model_copy(update={"id": f"{rule.id}-{n}"}) for n, rule in enumerate(rules)]
    made = desk.fire(batch, [*unlike, Match(id="good", name="Good", query="ruling")], now=NOW)
    assert "good" in {a.rule_id for a in made}


def test_a_query_of_too_many_words_is_refused() -> None:
    with pytest.raises(ValueError, match="split the rule"):
        Match(id="long", name="Long", query="word " * 61)
