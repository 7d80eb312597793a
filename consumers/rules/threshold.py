"""So many stories within a window."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from consumers.archive import Client
from consumers.rules.episodes import Finding, Point, episodes
from consumers.rules.reading import facts, story_times
from schemas.reason import Window
from schemas.rule import Threshold


def findings(es: Client, rule: Threshold, since: datetime, until: datetime) -> list[Finding]:
    """Each time between `since` and `until` at which the window came to hold as many stories as asked."""
    width = timedelta(hours=rule.window_hours)
    times = story_times(facts(es, rule, since - 2 * width, until), only_counting=True)
    return found(times, rule, since)


def found(times: Sequence[float], rule: Threshold, since: datetime) -> list[Finding]:
    """The same, from the times at which stories began (seconds, in order)."""
    width = timedelta(hours=rule.window_hours)
    return [
        Finding(
            key=f"@{episode.fired.at.isoformat()}",
            window=Window(start=episode.fired.at - width, end=episode.fired.at, value=episode.fired.value),
            last=episode.last,
            after=episode.after,
            text=f"{episode.fired.value:.0f} stories within {rule.window_hours:g} h; the rule asks for {rule.stories}",
        )
        for episode in episodes(_points(times, rule))
        if episode.fired.at >= since
    ]


def _points(times: Sequence[float], rule: Threshold) -> Iterator[Point]:
    width = rule.window_hours * 3600
    for number, moment in enumerate(times):
        at = datetime.fromtimestamp(moment, tz=UTC)
        count = number + 1 - bisect_right(times, moment - width)
        # the window was emptiest just before this story came
        before = count - 1
        yield Point(at, fires=False, holds=before >= rule.rearm_below, value=before)
        yield Point(at, fires=count >= rule.stories, holds=count >= rule.rearm_below, value=count)
