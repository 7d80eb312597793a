"""When to poll a source next, from how it behaved and what its server asked for; pure."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

FLOOR_S = 120.0
CEILING_S = 86_400.0
PATIENCE_S = 1800.0
"""How far `max-age` and `ttl` may slow a source down: most are a publishing system's default, not a wish."""


class Hints(BaseModel):
    """What a server said of time, in seconds: Retry-After, Cache-Control's max-age, the feed's ttl."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    retry_after_s: float | None = Field(default=None, ge=0)
    max_age_s: float | None = Field(default=None, ge=0)
    ttl_s: float | None = Field(default=None, ge=0)


def next_interval(current_s: float | None, *, new: int, default_s: float) -> float:
    """How long to wait until the next poll: shorter after news, longer after none; `default_s` for a source just met.

    Stays between a fifth and twelve times `default_s`, and within two minutes and a day (a `default_s` below two
    minutes is taken at its word).
    """
    floor = max(min(FLOOR_S, default_s), default_s / 5)
    ceiling = min(CEILING_S, default_s * 12)
    if current_s is None:
        return min(max(default_s, floor), ceiling)
    return min(max(current_s * (0.6 if new else 1.25), floor), ceiling)


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
