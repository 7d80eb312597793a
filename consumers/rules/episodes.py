"""Windows that move in time: when one fires, how long it holds, and which were told already. Pure.

What is found depends on the pieces' own times alone, never on when or in which order they came: so a replay, a restart
or a clock that is set back finds the same episodes, and those that were told stay told.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from schemas.reason import Window


@dataclass(frozen=True)
class Point:
    """A moment and what the window that ends then holds. `hold` is the weaker test: while it lasts nothing re-arms."""

    at: datetime
    fires: bool
    holds: bool
    value: float
    usual: float | None = None
    spread: float | None = None
    score: float | None = None
    odds: float | None = None


@dataclass(frozen=True)
class Episode:
    """From the point at which it fired to the last at which it held; `after` is the end of the episode before it."""

    fired: Point
    last: datetime
    after: datetime | None = None


@dataclass(frozen=True)
class Finding:
    """What a rule over windows found. `key` is its identity with the rule's id; `subject` what it speaks of."""

    key: str
    window: Window
    last: datetime
    after: datetime | None = None
    odds: float | None = None
    text: str = ""
    where: dict[str, str] = field(default_factory=dict)
    """Fields and values that narrow the rule's scope to the subject."""


def episodes(points: Iterable[Point]) -> list[Episode]:
    """The episodes among points in order of time. Fires when armed; arms again where a point doesn't hold."""
    found: list[Episode] = []
    armed = True
    for point in points:
        if armed and point.fires:
            after = found[-1].last if found else None
            found.append(Episode(point, point.at, after))
            armed = False
        elif not armed and (point.holds or point.fires):
            found[-1] = Episode(found[-1].fired, point.at, found[-1].after)
        else:
            armed = True
    return found


def untold(findings: Iterable[Finding], told: Sequence[Window]) -> list[Finding]:
    """The findings of which no window tells: one does whose end lies in the finding's episode or shortly before it."""
    return [finding for finding in findings if not any(_tells(window, finding) for window in told)]


def _tells(window: Window, finding: Finding) -> bool:
    return (
        window.subject == finding.window.subject
        and finding.window.start < window.end <= finding.last
        and (finding.after is None or finding.after < window.end)
    )


def ticks(since: datetime, until: datetime, step: timedelta) -> list[datetime]:
    """Moments on a fixed grid (whole steps since the epoch), from the one after `since` to the one after `until`."""
    width = step.total_seconds()
    first, last = int(since.timestamp() // width) + 1, int(-(-until.timestamp() // width))
    return [datetime.fromtimestamp(number * width, tz=since.tzinfo) for number in range(first, last + 1)]
