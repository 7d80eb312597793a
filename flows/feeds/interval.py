"""When to poll a source next, from how often it publishes, how it fails and what its server asked for; pure.

The rate is that of a Poisson process seen through an exponential window, corrected for uneven looks; a prior stands in
for what has not been seen yet.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import exp

from pydantic import BaseModel, ConfigDict, Field

from schemas.watch import Tempo

FLOOR_S = 120.0
CEILING_S = 86_400.0
PATIENCE_S = 1800.0
"""How far `max-age` and `ttl` may slow a source down: most are a publishing system's default, not a wish."""

PROBE_S = 7 * 86_400.0
"""How often a source that was paused by itself is asked whether it is back."""

LONG_S = 2 * 86_400.0
SHORT_S = 3 * 3600.0
"""The two windows: the long one outlasts a night, the short one follows a busy morning."""

LOOKS_PER_ENTRY = 2.0
"""Polls for each entry expected: a new one waits half the gap at most, on average a quarter."""


class Hints(BaseModel):
    """What a server said of time, in seconds: Retry-After, for how long its answer is fresh, the feed's ttl."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retry_after_s: float | None = Field(default=None, ge=0)
    max_age_s: float | None = Field(default=None, ge=0)
    ttl_s: float | None = Field(default=None, ge=0)


def bounds(default_s: float) -> tuple[float, float]:
    """The shortest and the longest interval: two minutes and a day; a `default_s` under two minutes is meant so."""
    return (FLOOR_S, CEILING_S) if default_s >= FLOOR_S else (default_s, 4 * default_s)


def observe(tempo: Tempo, *, new: int, after_s: float) -> Tempo:
    """The tempo after `new` entries turned up within the last `after_s` seconds."""
    if after_s <= 0:
        return tempo
    long_s, long_new = _window(tempo.long_s, tempo.long_new, LONG_S, new, after_s)
    short_s, short_new = _window(tempo.short_s, tempo.short_new, SHORT_S, new, after_s)
    return Tempo(long_s=long_s, long_new=long_new, short_s=short_s, short_new=short_new)


def _window(seen_s: float, seen_new: float, span_s: float, new: int, after_s: float) -> tuple[float, float]:
    kept = exp(-after_s / span_s)
    gained_s = span_s * (1 - kept)
    return seen_s * kept + gained_s, seen_new * kept + new * gained_s / after_s


def first_tempo(published: Iterable[datetime | None], *, now: datetime) -> Tempo:
    """The tempo of a source just met, from the dates that its entries bear; none when they bear none."""
    ages = sorted((now - moment).total_seconds() for moment in published if moment is not None and moment <= now)
    if len(ages) < 2:
        return Tempo()
    # a feed that shows less than the window says nothing of the time before its oldest entry
    span_s = min(max(ages[-1], FLOOR_S), LONG_S)
    return observe(Tempo(), new=sum(age <= span_s for age in ages), after_s=span_s)


def next_interval(tempo: Tempo, *, default_s: float, hint_s: float | None = None, lost: bool = False) -> float:
    """Seconds until the next poll, by the rate at which the source publishes; within `bounds`.

    A source of which nothing is known waits `default_s`, or what it says itself (`hint_s`) when that is shorter: its
    ttl, its `sy:` update period (which publishing systems write as "hourly" unasked), how long its answer is fresh.
    When entries were `lost` between two polls, a quarter of the time that would be right otherwise.
    """
    floor, ceiling = bounds(default_s)
    prior_s = LOOKS_PER_ENTRY * (default_s if not hint_s else min(max(hint_s, floor), default_s))
    rate = (1 + tempo.long_new) / (prior_s + tempo.long_s)
    if tempo.short_s > 0:
        rate = max(rate, tempo.short_new / max(tempo.short_s, SHORT_S / 3))
    interval_s = 1 / (LOOKS_PER_ENTRY * rate)
    return min(max(interval_s / (4 if lost else 1), floor), ceiling)


def back_off(streak: int, *, default_s: float) -> float:
    """How long to wait after the `streak`-th failure in a row: doubles, six hours at most."""
    return float(min(default_s * 2 ** min(streak, 10), max(6 * 3600.0, default_s)))


def next_poll(interval_s: float, hints: Hints, *, now: datetime) -> datetime:
    """When to ask again: after the interval, later when the server asked for it.

    Retry-After is obeyed up to a day; max-age and ttl up to half an hour.
    """
    asked = max(hints.max_age_s or 0.0, hints.ttl_s or 0.0)
    wait = max(interval_s, min(asked, PATIENCE_S), min(hints.retry_after_s or 0.0, CEILING_S))
    return now + timedelta(seconds=wait)
