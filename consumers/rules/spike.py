"""Far more stories than the same hours of the same weekday in the weeks before."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from statistics import median

from consumers.archive import Client
from consumers.rules.episodes import Finding, Point, episodes, ticks
from consumers.rules.reading import covered, facts, story_times
from schemas.reason import Window
from schemas.rule import Spike

SAMPLES = 4
"""Fewer windows than this say nothing of what is usual."""

DAYS = 14
"""While the weeks don't give enough, the same hours of so many days before are asked."""

CONSISTENT = 1.4826
"""Makes the median absolute deviation of a normal distribution its standard deviation."""

STEPS = 4
"""Windows overlap: one begins each quarter of its width, but not more often than each 15 minutes."""


def findings(es: Client, rule: Spike, since: datetime, until: datetime) -> list[Finding]:
    """Each spike that began between `since` and `until`."""
    width = timedelta(hours=rule.window_hours)
    recent = facts(es, rule, since - 2 * width, until)
    times = story_times(recent, only_counting=True)
    if not any(count_in(times, moment - width.total_seconds(), moment) >= rule.min_stories for moment in times):
        return []  # most often so, and the baseline need not be read
    begin = since - 2 * width - timedelta(weeks=rule.weeks)
    before = story_times(
        [*facts(es, rule, begin, since - 2 * width), *recent],
        only_counting=False,
    )
    return found(times, before, covered(es, begin, until), rule, since, until)


def found(
    times: Sequence[float],
    before: Sequence[float],
    days: frozenset[date],
    rule: Spike,
    since: datetime,
    until: datetime,
) -> list[Finding]:
    """The same, from when stories began: `times` those that count now, `before` all; `days` are those with news."""
    width = timedelta(hours=rule.window_hours)
    step = max(width / STEPS, timedelta(minutes=15))
    points = [
        point(count_in(times, (at - width).timestamp(), at.timestamp()), baseline(before, days, at, rule), at, rule)
        for at in ticks(since - width, until, step)
    ]
    return [
        Finding(
            key=f"@{episode.fired.at.isoformat()}",
            window=Window(
                start=episode.fired.at - width,
                end=episode.fired.at,
                value=episode.fired.value,
                usual=episode.fired.usual,
                spread=episode.fired.spread,
                score=episode.fired.score,
            ),
            last=episode.last,
            after=episode.after,
            odds=episode.fired.odds,
            text=f"{episode.fired.value:.0f} stories within {rule.window_hours:g} h, where {episode.fired.usual:g} are "
            f"usual at this hour of the week: {episode.fired.score:.1f} times the usual spread above it",
        )
        for episode in episodes(points)
        if episode.fired.at >= since
    ]


def count_in(times: Sequence[float], start: float, end: float) -> int:
    """How many of the times (in order) lie after `start`, up to and at `end`."""
    return bisect_right(times, end) - bisect_right(times, start)


def baseline(times: Sequence[float], days: frozenset[date], at: datetime, rule: Spike) -> list[int]:
    """What the same window held in the weeks before; on the days before while there are not enough weeks."""
    width = timedelta(hours=rule.window_hours)
    for back in (
        [timedelta(weeks=n) for n in range(1, rule.weeks + 1)],
        [timedelta(days=n) for n in range(1, DAYS + 1)] if width <= timedelta(days=1) else [],
    ):
        ends = [at - ago for ago in back if (at - ago).date() in days or (at - ago - width).date() in days]
        if len(ends) >= SAMPLES:
            return [count_in(times, (end - width).timestamp(), end.timestamp()) for end in ends]
    return []


def point(value: int, samples: Sequence[int], at: datetime, rule: Spike) -> Point:
    """How far the value stands out of the samples; too few samples never fire."""
    if not samples:
        return Point(at, fires=False, holds=False, value=value)
    usual = float(median(samples))
    spread = max(CONSISTENT * median(abs(x - usual) for x in samples), math.sqrt(max(usual, 1.0)))
    score = (value - usual) / spread
    return Point(
        at,
        fires=score >= rule.z and value >= rule.min_stories,
        holds=score >= rule.z / 2,
        value=value,
        usual=usual,
        spread=spread,
        score=score,
        odds=at_least(value, max(usual, 0.5)),
    )


def at_least(value: int, mean: float) -> float:
    """The probability that a Poisson count of that mean reaches `value`."""
    term, total = math.exp(-mean), 0.0
    for n in range(value):
        total += term
        term *= mean / (n + 1)
    if total < 0.999:
        return 1.0 - total
    tail = 0.0  # where 1 - total would be nothing but rounding
    for n in range(value, value + 200):
        tail += term
        term *= mean / (n + 1)
    return min(1.0, tail)
