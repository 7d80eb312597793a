"""400 pieces under 60 rules of all kinds give exactly the alerts that brute force over the same labels computes.

The brute force goes one rule after the other, from the labels alone; it shares no code with Vigía's.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

from schemas.alert import Alert
from schemas.article import Lane
from schemas.classification import Classification, Voice
from schemas.rule import FirstSeen, Follow, Match, Novelty, Rule, Shift, Silence, Spike, Threshold
from schemas.taxonomy import Stance, Target, Topic

if TYPE_CHECKING:
    from tests.consumers.rules.conftest import Desk

Labelled = Callable[..., Classification]
NOW = datetime(2026, 11, 24, 12, 7, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
OUTLETS = [f"Outlet {letter}" for letter in "ABCDEFGH"]
WORDS = ["tribunal", "cecot", "senate", "embassy", "visa", "convoy", "pandilla", "budget"]
ENTITIES = [
    (f"entity-{n}", kind, f"Entity {n}") for n, kind in enumerate(["person", "place", "court", "agreement"] * 4)
]


Piece = tuple[Classification, str]
"""A classification and the story that it is of."""

Found = tuple[str, str]
"""The rule's id, and the story, or the subject and moment."""


def in_scope(rule: Rule, piece: Classification, *, outlets: bool = True) -> bool:
    article = piece.article
    words = f"{article.title} {article.text}".lower()
    sides = {stance.target: stance for stance in piece.stances}
    return (
        piece.relevance >= rule.min_relevance
        and (not rule.query or rule.query in words)
        and (not rule.topics or any(topic.topic in rule.topics for topic in piece.topics))
        and (not rule.outlets or not outlets or article.outlet in rule.outlets)
        and (not rule.countries or article.country in rule.countries)
        and (not rule.languages or article.language in rule.languages)
        and (not rule.entities or any(entity.id in rule.entities for entity in piece.entities))
        and (not rule.voices or any(voice.entity in rule.voices for voice in piece.voices))
        and all(
            target in sides and sides[target].stance in wanted and sides[target].confidence >= rule.min_confidence
            for target, wanted in rule.stances.items()
        )
    )


def expected(rules: Sequence[Rule], pieces: Sequence[Piece], now: datetime) -> set[Found]:
    return {(rule.id, what) for rule in rules for what in _of(rule, pieces, now)}


def _of(rule: Rule, pieces: Sequence[Piece], now: datetime) -> Iterator[str]:
    ours = [(p, story) for p, story in pieces if in_scope(rule, p)]
    since = now - rule.max_age_hours * HOUR
    match rule:
        case Match():
            yield from {story for p, story in ours if p.article.published_at >= since}
        case Threshold():
            yield from _threshold(rule, ours, since)
        case Spike():
            yield from _spike(rule, ours, pieces, since, now)
        case Shift():
            yield from _shift(rule, ours, since, now)
        case FirstSeen():
            yield from _first_seen(rule, ours, pieces, since)
        case Silence():
            yield from _silence(rule, pieces, since, now)
        case _:
            raise AssertionError(rule.kind)


def begins(pieces: Sequence[Piece]) -> dict[str, datetime]:
    first: dict[str, datetime] = {}
    for piece, story in sorted(pieces, key=lambda p: p[0].article.published_at):
        first.setdefault(story, piece.article.published_at)
    return first


def _threshold(rule: Threshold, ours: Sequence[Piece], since: datetime) -> Iterator[str]:
    width = rule.window_hours * HOUR
    times = sorted(begins([p for p in ours if p[0].article.published_at > since - 2 * width]).values())
    armed = True
    for at in times:
        inside = [t for t in times if at - width < t <= at]
        if len(inside) - 1 < (rule.rearm or rule.stories // 2):
            armed = True
        if armed and len(inside) >= rule.stories:
            armed = False
            if at >= since:
                yield at.isoformat()


def _spike(
    rule: Spike, ours: Sequence[Piece], everything: Sequence[Piece], since: datetime, now: datetime
) -> Iterator[str]:
    width = rule.window_hours * HOUR
    times = list(begins(ours).values())
    days = {p.article.published_at.date() for p, _ in everything}
    at = datetime(2026, 9, 1, tzinfo=UTC)
    armed = True
    while at < now:
        at += width / 4
        if at <= since - width:
            continue
        count = sum(at - width < t <= at for t in times)
        ends = [at - n * WEEK for n in range(1, rule.weeks + 1)]
        usual = [sum(e - width < t <= e for t in times) for e in ends if {e.date(), (e - width).date()} & days]
        assert len(usual) >= 4, "the pieces cover the weeks before"
        middle = median(usual)
        z = (count - middle) / max(1.4826 * median(abs(u - middle) for u in usual), math.sqrt(max(middle, 1)))
        if armed and z >= rule.z and count >= rule.min_stories:
            armed = False
            if at >= since:
                yield at.isoformat()
        elif z < rule.z / 2:
            armed = True


def _shift(rule: Shift, ours: Sequence[Piece], since: datetime, now: datetime) -> Iterator[str]:
    scores: dict[str, dict[str, list[tuple[datetime, float]]]] = {}
    for piece, story in ours:
        for side in piece.stances:
            if side.target == rule.target:
                rows = scores.setdefault(piece.article.outlet, {}).setdefault(story, [])
                rows.append((piece.article.published_at, side.score))
    for outlet, stories in scores.items():
        said = [(min(t for t, _ in rows), sum(s for _, s in rows) / len(rows)) for rows in stories.values()]
        midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
        armed = True
        while midnight < now + DAY:
            start = midnight - rule.window_days * DAY
            new = [s for t, s in said if start < t <= midnight]
            old = [s for t, s in said if start - rule.baseline_days * DAY < t <= start]
            z = change = 0.0
            if len(new) >= rule.min_stories and len(old) >= 2 * rule.min_stories:
                change = sum(new) / len(new) - sum(old) / len(old)
                z = change / math.sqrt(sum(max(_variance(x), 0.01) / len(x) for x in (new, old)))
            if armed and abs(z) >= rule.z and abs(change) >= rule.min_change:
                armed = False
                if midnight >= since:
                    yield f"{outlet}@{midnight.isoformat()}"
            elif abs(z) < rule.z / 2 or abs(change) < rule.min_change / 2:
                armed = True
            midnight += DAY


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((v - mean) ** 2 for v in values) / (len(values) - 1)


def _first_seen(rule: FirstSeen, ours: Sequence[Piece], everything: Sequence[Piece], since: datetime) -> Iterator[str]:
    def names(piece: Classification) -> set[str]:
        return {entity.name for entity in piece.entities if entity.kind.value in rule.of}

    before = {n for p, _ in everything if p.article.published_at <= since for n in names(p)}
    yield from {n for p, _ in ours if p.article.published_at > since for n in names(p)} - before


def _silence(rule: Silence, everything: Sequence[Piece], since: datetime, now: datetime) -> Iterator[str]:
    assert rule.quiet_hours is not None
    for outlet in rule.outlets:
        times: list[Any] = sorted(
            p.article.published_at
            for p, _ in everything
            if p.article.outlet == outlet and in_scope(rule, p, outlets=False)
        )
        for last, following in zip(times, [*times[1:], now], strict=True):
            at = last + rule.quiet_hours * HOUR
            lately = max(at, following - 3 * HOUR)
            others = any(
                p.article.outlet != outlet and lately < p.article.observed_at <= following for p, _ in everything
            )
            if since <= at <= following and others:
                yield f"{outlet}@{last.isoformat()}"


def pieces(labelled: Labelled, seed: int) -> list[Classification]:
    """120 of the past 48 hours, with a burst among them, and 280 of the ten weeks before; every tenth is a copy."""
    chance = random.Random(seed)
    made: list[Classification] = []
    for n in range(400):
        hours = chance.uniform(0, 47) if n < 80 else chance.uniform(0, 3) if n < 120 else chance.uniform(48, 70 * 24)
        copied = n % 10 == 9
        at = made[-1].article.published_at + timedelta(minutes=1) if copied else NOW - hours * HOUR
        late = hours < 24 and chance.random() < 0.5
        entities = chance.sample(ENTITIES[: 16 if n < 120 else 13], 2)
        speaker = chance.choice(ENTITIES[:4])
        words = chance.sample(WORDS, 2)
        text = n - 1 if copied else n
        made.append(
            labelled(
                f"piece-{n}",
                title=f"{words[0]} {words[1]} {n}",
                text="Texto.",
                outlet=chance.choice(OUTLETS[: 7 if late else 8]),
                country=chance.choice(["SV", "US"]),
                language=chance.choice(["en", "es"]),
                published_at=at,
                signature=tuple(range(text * 64, text * 64 + 64)),
                relevance=chance.choice([0.4, 0.6, 0.9]),
                topics=chance.sample(list(Topic), 2),
                stances={
                    target: (chance.choice(list(Stance)), chance.choice([0.4, 0.7, 0.9]))
                    for target in chance.sample(list(Target), 2)
                },
                entities=entities,
                voices=[Voice(speaker=speaker[2], entity=speaker[0], quote="Texto.", passage=0)],
            )
        )  # fmt: skip
    return made


def sixty(chance: random.Random) -> list[Rule]:
    """44 of one piece each, 16 of windows."""
    rules: list[Rule] = []
    for n in range(44):
        scope: dict[str, object] = {}
        for field, value in (
            ("topics", chance.sample(list(Topic), 3)),
            ("stances", {chance.choice(list(Target)): chance.sample(list(Stance), 2)}),
            ("query", chance.choice(WORDS)),
            ("outlets", chance.sample(OUTLETS, 3)),
            ("countries", ["SV"]),
            ("languages", ["es"]),
            ("entities", [entity[0] for entity in chance.sample(ENTITIES, 4)]),
            ("voices", [ENTITIES[chance.randrange(4)][0]]),
        ):
            if chance.random() < 0.25 and not (field == "voices" and "stances" in scope):
                scope[field] = value
        scope |= {"min_relevance": chance.choice([0.3, 0.5, 0.7]), "max_age_hours": chance.choice([12, 48])}
        rules.append(Match.model_validate({"id": f"match-{n}", "name": "M"} | scope))
    for n, (stories, hours) in enumerate([(10, 3), (20, 6), (40, 24), (4, 12)]):
        topics = list(Topic)[n : n + 6]
        rules.append(
            Threshold(kind="threshold", id=f"many-{n}", name="T", stories=stories, window_hours=hours, topics=topics)
        )
    rules += [Spike(kind="spike", id=f"spike-{h}", name="S", window_hours=h, z=z) for h, z in ((4, 4), (8, 6), (12, 3))]
    rules += [
        Shift(kind="shift", id=f"shift-{n}", name="S", target=target, z=1.5, min_stories=3, baseline_days=50)
        for n, target in enumerate(list(Target)[:4])
    ]
    rules += [
        FirstSeen(kind="first_seen", id=f"new-{kind.value}", name="N", of=(kind,))
        for kind in (Novelty.COURT, Novelty.AGREEMENT, Novelty.PLACE)
    ]
    rules += [
        Silence(kind="silence", id=f"quiet-{h}", name="Q", outlets=tuple(OUTLETS), quiet_hours=h) for h in (20, 30)
    ]
    assert len(rules) == 60
    return rules


def found(alerts: Sequence[Alert]) -> list[Found]:
    rows = []
    for alert in alerts:
        window = alert.window
        what = alert.story_id
        if window is not None:
            moment = (window.start if alert.kind == "silence" else window.end).isoformat()
            what = f"{window.subject}@{moment}" if window.subject else moment
            what = window.subject if alert.kind == "first_seen" else what
        rows.append((alert.rule_id, what))
    return rows


def test_exactly_the_alerts_of_brute_force_and_none_again(desk: "Desk", labelled: Labelled) -> None:
    chance = random.Random(7)
    every, rules = pieces(labelled, 7), sixty(chance)
    batch = desk.index(every, now=NOW)
    stories = {said.article_id: said.story_id for said in batch}
    wanted = expected(rules, [(piece, stories[piece.article_id]) for piece in every], NOW)
    made = found(desk.fire(batch, rules, now=NOW))
    kinds = {rule.kind: {r.id for r in rules if r.kind == rule.kind} for rule in rules}
    for kind, ids in kinds.items():
        assert {row for row in made if row[0] in ids} == {row for row in wanted if row[0] in ids}, kind
        assert any(row[0] in ids for row in wanted), f"the pieces give {kind} nothing to find"
    assert len(made) == len(set(made))
    chance.shuffle(batch)
    assert desk.fire(batch, rules, now=NOW, size=150) == []
    second = [
        piece.model_copy(update={"model": piece.model.model_copy(update={"generation": 2})}) for piece in every[:150]
    ]
    assert desk.fire(desk.index(second, now=NOW), rules, now=NOW, size=150) == []


def test_a_backfill_of_old_pieces_alerts_nobody(desk: "Desk", labelled: Labelled) -> None:
    old = [
        piece.model_copy(
            update={
                "article": piece.article.model_copy(
                    update={"published_at": piece.article.published_at - (0 if n % 2 else 300) * DAY,
                            "lane": Lane.HISTORIC if n % 2 else Lane.FRESH}
                )
            }
        )
        for n, piece in enumerate(pieces(labelled, 8)[:200])
    ]  # fmt: skip
    rules = [rule for rule in sixty(random.Random(8)) if not isinstance(rule, Follow)]
    batch = desk.index(old, now=NOW)
    assert desk.fire(batch, rules, now=NOW, size=200) == []
