"""An expected outlet or feed that has gone quiet, or lacks a story that it always carries."""

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

from consumers.archive import Client, search
from consumers.rules.episodes import Finding
from consumers.rules.reading import Fact, covered, facts
from consumers.rules.spike import count_in
from schemas.reason import Window
from schemas.rule import Silence
from schemas.rule_queries import Body, named_before

STEP = timedelta(hours=1)
"""How finely the moment is found at which a silence began to count."""

HEARD = timedelta(hours=3)
"""Others must have been heard as lately as this: while we catch up after an outage, nobody is silent."""

STORIES = 5
"""Fewer stories than this don't show that an outlet always carries them."""

Expected = tuple[str, str]
"""`outlet` or `feed`, and its name."""


def findings(es: Client, rule: Silence, since: datetime, until: datetime) -> list[Finding]:
    """What fell silent between `since` and `until`, or was missing then."""
    begin = since - timedelta(weeks=rule.weeks)
    if rule.carried_by is not None:
        found = facts(es, rule, begin, until, among=False)
        return [finding for outlet in rule.outlets for finding in missing(found, outlet, rule, since, until)]
    who: list[Expected] = [("outlet", name) for name in rule.outlets] + [("feed", name) for name in rule.feeds]
    days = covered(es, begin, until)
    every: list[Finding] = []
    for one in who:
        own: Body = {"term": {one[0]: one[1]}}
        times = [(fact.at, fact.counts) for fact in facts(es, rule, begin, until, also=[own], among=False)]
        every += [
            finding
            for finding in quiet(times, days, one, rule, since, until)
            if _others_heard(es, own, max(finding.window.end, finding.last - HEARD), finding.last)
        ]
    return every


def _others_heard(es: Client, own: Body, since: datetime, until: datetime) -> bool:
    """Whether pieces of others were read in that time: when nothing comes at all, it is we who don't hear."""
    read = {"range": {"observed_at": {"gt": since.isoformat(), "lte": until.isoformat()}}}
    conditions: list[Body] = [read, {"bool": {"must_not": [own]}}]
    return bool(search(es, named_before(conditions))["hits"]["hits"])


def quiet(
    times: Sequence[tuple[datetime, bool]],
    days: frozenset[date],
    who: Expected,
    rule: Silence,
    since: datetime,
    until: datetime,
) -> Iterator[Finding]:
    """Each gap between pieces that is too long, whether it goes on or has ended.

    `times`: in order, when each piece is dated, and whether a silence may begin there (not at a historic one).
    """
    stamps = [moment.timestamp() for moment, _ in times]
    for number, (last, counts) in enumerate(times):
        end = times[number + 1][0] if number + 1 < len(times) else until
        if end <= since or not counts:
            continue
        heard = _too_long(stamps, days, last, end, rule)
        if heard is None or heard[0] < since:
            continue
        at, expected = heard
        hours = (at - last).total_seconds() / 3600
        odds = math.exp(-expected)
        usual = f"{expected:.1f} pieces are usual in such a time" if rule.quiet_hours is None else "the rule's limit"
        yield Finding(
            key=f"{who[0]}:{who[1]}@{last.isoformat()}",
            window=Window(subject=who[1], start=last, end=at, value=0, usual=expected, score=expected),
            last=end,
            after=last,
            odds=odds,
            text=f"Nothing in scope from {who[1]} for {hours:.0f} h; {usual}",
            where={who[0]: who[1]},
        )


def _too_long(
    stamps: Sequence[float], days: frozenset[date], last: datetime, end: datetime, rule: Silence
) -> tuple[datetime, float] | None:
    """When the silence since `last` began to count, if before `end`, and how many pieces were to be expected."""
    if rule.quiet_hours is not None:
        at = last + timedelta(hours=rule.quiet_hours)
        return (at, expected(stamps, days, last, at, rule.weeks)) if at <= end else None
    wanted = -math.log(rule.odds)
    at = last
    while (at := at + STEP) <= end:
        so_far = expected(stamps, days, last, at, rule.weeks)
        if so_far >= wanted:
            return at, so_far
    return None


def expected(stamps: Sequence[float], days: frozenset[date], start: datetime, end: datetime, weeks: int) -> float:
    """How many pieces the same time of the weeks before held, on the mean; 0 when fewer than two weeks say."""
    shifts = [timedelta(weeks=n) for n in range(1, weeks + 1)]
    counts = [
        count_in(stamps, (start - ago).timestamp(), (end - ago).timestamp())
        for ago in shifts
        if (start - ago).date() in days or (end - ago).date() in days
    ]
    return sum(counts) / len(counts) if len(counts) >= 2 else 0.0


def missing(found: Iterable[Fact], outlet: str, rule: Silence, since: datetime, until: datetime) -> Iterator[Finding]:
    """Each story that enough others carry and the outlet, which usually does, has not had for the time of grace."""
    stories: dict[str, dict[str, datetime]] = {}
    for fact in found:
        first = stories.setdefault(fact.story_id, {})
        first[fact.outlet] = min(first.get(fact.outlet, fact.at), fact.at)
    need = rule.carried_by or 2
    carried: list[tuple[datetime, str, dict[str, datetime]]] = []
    for story_id, first in stories.items():
        others = sorted(at for name, at in first.items() if name != outlet)
        if len(others) >= need:
            carried.append((others[need - 1], story_id, first))
    for at, story_id, first in sorted(carried, key=lambda row: row[:2]):
        due = at + timedelta(hours=rule.grace_hours)
        if not since <= due <= until or first.get(outlet, due + STEP) <= due:
            continue
        had = [outlet in names for before, other, names in carried if before < at and other != story_id]
        share = sum(had) / len(had) if had else 0.0
        if len(had) < STORIES or share < rule.usually:
            continue
        yield Finding(
            key=f"{outlet}|{story_id}",
            window=Window(subject=outlet, start=at, end=due, value=0, usual=share, score=share),
            last=due,
            odds=max(0.0, 1 - share),
            text=f"{outlet} lacks a story that {len(first) - (outlet in first)} others carry; it had {sum(had)} of "
            f"{len(had)} such stories before",
            where={"story": story_id},
        )
