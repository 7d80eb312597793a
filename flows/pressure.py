"""Whether what follows the poller keeps up: a long queue before the classifier or a full disk slow it down.

Fresh pieces are fetched less often then, and historic work waits altogether. Entered at the limits that the settings
state, left only well within them, so that it does not flicker.
"""

import asyncio
import shutil
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from flows.feeds.state import States
from flows.publish import lag
from schemas.alert import Severity
from schemas.article import Article
from schemas.errors import Unavailable
from schemas.ops import Key, Trouble
from schemas.settings import PollSettings, Settings
from schemas.streams import ARTICLES, Stream

log = structlog.get_logger(__name__)

LOOK_S = 30.0
"""How often it is looked at."""

STRETCH = 4.0
"""By how much the intervals are stretched when slowed."""

EASED = 0.5
"""The share of the limit to which a queue must shrink before it counts as short again."""

MARGIN = 0.05
"""How much more of the disk than the limit must be free before it counts as free again."""

BRIM = 0.2
"""The share of the disk's limit under which nothing is fetched: Elasticsearch is about to refuse writes then."""

STALE = timedelta(minutes=15)
"""A gauge that old was left by a poller that is gone."""

NOTE = "pressure"
TROUBLE: Key = ("poll.slowed", "poller")


class Speed(StrEnum):
    """How the poller goes."""

    FULL = "full"
    SLOWED = "slowed"
    STOPPED = "stopped"


class Gauge(BaseModel):
    """What was seen at a moment: pieces that wait before the classifier (none: unknown), the free share of the disk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    lag: int | None = Field(default=None, ge=0)
    free: float | None = Field(default=None, ge=0, le=1)
    lagging: bool = False
    filling: bool = Field(default=False, description="the disk")
    full: bool = Field(default=False, description="the disk: nothing is fetched")
    why: str = ""

    @property
    def speed(self) -> Speed:
        """How the poller goes under it."""
        if self.full:
            return Speed.STOPPED
        return Speed.SLOWED if self.lagging or self.filling else Speed.FULL

    @property
    def stretch(self) -> float:
        """By what the time between two polls of a source is multiplied."""
        return STRETCH if self.speed is Speed.SLOWED else 1.0

    def troubles(self) -> list[Trouble]:
        """What those who run it are to be told."""
        if self.speed is Speed.FULL:
            return []
        remedy = "More classify workers (`vigia up --classify 2`), or room on the disk; it resumes by itself"
        severity = Severity.HIGH if self.full else Severity.MEDIUM
        what, source = TROUBLE
        return [Trouble(what=what, source=source, evidence=self.why, remedy=remedy, severity=severity)]


def judge(before: Gauge | None, poll: PollSettings, *, lag: int | None, free: float | None, now: datetime) -> Gauge:
    """The gauge after a look; what could not be seen leaves its part of the judgement as it was."""
    lagging = _over(lag, poll.max_lag, poll.max_lag * EASED, before is not None and before.lagging)
    filling = _under(free, poll.min_free_disk, MARGIN, before is not None and before.filling)
    full = _under(free, poll.min_free_disk * BRIM, MARGIN * BRIM, before is not None and before.full)
    why = []
    if lagging:
        why.append(f"{lag if lag is not None else 'unknown how many'} pieces wait for {poll.lag_group}")
        why[-1] += f" (poll.max_lag {poll.max_lag})"
    if filling or full:
        share = f"{free:.1%}" if free is not None else "an unknown share"
        why.append(f"{share} of the disk is free (poll.min_free_disk {poll.min_free_disk:.0%})")
    return Gauge(at=now, lag=lag, free=free, lagging=lagging, filling=filling, full=full, why="; ".join(why))


def _over(value: int | None, limit: int, eased: float, was: bool) -> bool:
    return was if value is None else value > (eased if was else limit)


def _under(value: float | None, limit: float, margin: float, was: bool) -> bool:
    return was if value is None else value < limit + (margin if was and limit > 0 else 0.0)


def look(before: Gauge | None, settings: Settings, *, now: datetime, stream: Stream[Article] = ARTICLES) -> Gauge:
    """Look at the queue and the disk; takes some hundred milliseconds, and ten seconds when the broker is away."""
    poll = settings.poll
    waiting: int | None = None
    try:
        waiting = lag(settings.kafka, poll.lag_group, stream)
    except Unavailable as error:
        log.debug("pressure.unknown", reason=error.reason)
    gauge = judge(before, poll, lag=waiting, free=free_share(settings.home), now=now)
    if (before.speed if before else Speed.FULL) is not gauge.speed:
        log.warning("poll.speed", speed=gauge.speed.value, lag=gauge.lag, free=gauge.free, why=gauge.why)
    return gauge


def free_share(home: Path) -> float | None:
    """The share of the home's disk that is free for us; None when it can't be seen."""
    try:
        found = shutil.disk_usage(home)
    except OSError:
        return None
    return found.free / found.total if found.total else None


def noted(states: States, *, now: datetime) -> Gauge | None:
    """The gauge as a poller left it a short while ago; None when none polls."""
    found = states.note(NOTE)
    gauge = Gauge.model_validate_json(found) if found is not None else None
    return gauge if gauge is not None and abs(now - gauge.at) <= STALE else None


def take_note(states: States, gauge: Gauge) -> None:
    """Leave the gauge for the next poller and for whoever asks after the sources' health."""
    states.take_note(NOTE, gauge.model_dump_json())


class Brake:
    """Holds up historic work while the poller would be slowed; such work is done in steps, and asks before each."""

    def __init__(self, settings: Settings, *, now: Callable[[], datetime], stream: Stream[Article] = ARTICLES) -> None:
        self._settings, self._now, self._stream = settings, now, stream
        self._gauge: Gauge | None = None
        self._looked = float("-inf")

    def pressed(self, *, within_s: float = LOOK_S) -> bool:
        """Whether it is to wait, as was seen within the last seconds."""
        if self._gauge is None or time.monotonic() - self._looked >= within_s:
            self._gauge = look(self._gauge, self._settings, now=self._now(), stream=self._stream)
            self._looked = time.monotonic()
        if self._gauge.speed is not Speed.FULL:
            log.info("historic.waits", why=self._gauge.why)
        return self._gauge.speed is not Speed.FULL

    def wait(self, *, step_s: float = LOOK_S) -> None:
        """Return when there is room."""
        while self.pressed(within_s=step_s):
            time.sleep(step_s)

    async def ease(self, *, step_s: float = LOOK_S) -> None:
        """As `wait`, for a flow that has an event loop."""
        while True:
            if not await asyncio.to_thread(self.pressed, within_s=step_s):
                return
            await asyncio.sleep(step_s)
