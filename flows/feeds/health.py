"""How the sources do, silent loss included: what no error tells, such as entries that came and went unseen."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from flows import pressure
from flows.feeds.hole import said
from flows.feeds.state import States
from flows.feeds.subscriptions import subscriptions
from flows.feeds.turn import stretched
from schemas.alert import Severity
from schemas.feed import Feed, FeedState
from schemas.ops import Key, Trouble
from schemas.watch import Hole, Looks, Spent


class Condition(StrEnum):
    """In one word, the worst first."""

    GONE = "gone"
    PAUSED = "paused"
    FAILING = "failing"
    LOSING = "losing"
    DRIFTING = "drifting"
    HOLDING = "holding"
    NEW = "new"
    WELL = "well"
    ASLEEP = "asleep"


class FeedHealth(BaseModel):
    """How one source does. `interval_s` in seconds; `word` is for a person, empty when all is well.

    `slowed` says why the poller reads all sources less often, or none; empty when it doesn't. `push` says how its
    subscription at a hub stands; empty without one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    feed: str
    outlet: str = ""
    condition: Condition
    word: str = ""
    last_success_at: AwareDatetime | None = None
    last_new_at: AwareDatetime | None = None
    next_poll_at: AwareDatetime | None = None
    interval_s: float | None = None
    error_streak: int = 0
    last_error: str | None = None
    slowed: str = ""
    push: str = ""
    held: int = 0
    bytes_saved: int = 0
    looks: Looks = Looks()


def report(home: Path, feeds: Iterable[Feed], *, now: datetime) -> tuple[FeedHealth, ...]:
    """How each of the sources does, the worst first.

    Raises ConfigError when what is remembered is damaged, Unavailable when it can't be read.
    """
    with States(home) as states:
        remembered, gauge = states.all(), pressure.noted(states, now=now)
        pushes = {feed: one.word(now) for feed, one in subscriptions(states).items()}
    found = [
        of(feed, remembered.get(feed.id, FeedState(feed=feed.id)), gauge, push=pushes.get(feed.id, ""))
        for feed in feeds
    ]
    order = list(Condition)
    return tuple(sorted(found, key=lambda one: (order.index(one.condition), one.feed)))


def of(feed: Feed, state: FeedState, gauge: pressure.Gauge | None = None, *, push: str = "") -> FeedHealth:
    """How one source does, by what is remembered of it, and of what follows the poller."""
    slow = gauge is not None and gauge.speed is not pressure.Speed.FULL
    condition, word = _judged(feed, state)
    return FeedHealth(
        feed=feed.id,
        outlet=feed.outlet,
        condition=condition,
        word=word,
        last_success_at=state.last_success_at,
        last_new_at=state.last_new_at,
        next_poll_at=stretched(state, gauge.stretch) if gauge and state.next_poll_at else state.next_poll_at,
        slowed=f"{gauge.speed.value}: {gauge.why}" if gauge and slow else "",
        interval_s=state.interval_s,
        error_streak=state.error_streak,
        last_error=state.last_error,
        push=push,
        held=state.spent.held,
        bytes_saved=state.bytes_saved,
        looks=state.looks,
    )


def _judged(feed: Feed, state: FeedState) -> tuple[Condition, str]:
    looks = state.looks
    if feed.paused:
        return Condition.ASLEEP, "paused in feeds.toml"
    if state.gone:
        return Condition.GONE, "410: the server asks not to be asked again"
    if state.paused_at is not None:
        return Condition.PAUSED, f"asked once a week, after {state.error_streak} failures: {state.last_error}"
    if state.error_streak:
        return Condition.FAILING, f"{state.last_error} ({state.error_streak} in a row)"
    if state.last_success_at is None:
        return Condition.NEW, "not polled yet"
    if looks.overlap == 0 and looks.lost_at is not None:
        return Condition.LOSING, _lost(looks, looks.lost_at)
    if looks.drift:
        return Condition.DRIFTING, "; ".join(looks.drift)
    if state.spent.held or state.spent.lost:
        return Condition.HOLDING, _held(state.spent)
    if state.move is not None and state.move.settled:
        return Condition.WELL, f"moved to {state.move.to}"
    return Condition.WELL, ""


def _held(spent: Spent) -> str:
    said = f"{spent.held} entries wait for tomorrow's budget"
    said += f", {spent.over} of them in the feed alone: more than poll.max_held" if spent.over else ""
    return said + (f"; {spent.lost} were dropped by the feed before there was room" if spent.lost else "")


def _mended(hole: Hole | None) -> bool:
    """Whether the site's sitemap had what the feed lost."""
    return hole is not None and not hole.open and hole.found > 0 and not hole.over


WHATS = ("feed.drift", "feed.paused", "feed.gone", "feed.losing", "feed.overflow")


def looked_at(feed: str) -> tuple[Key, ...]:
    """The troubles that `troubles` looks for in a source."""
    return tuple((what, feed) for what in WHATS)


def troubles(state: FeedState) -> list[Trouble]:
    """What those who run this must be told of one source: what no later poll mends by itself."""
    found: list[tuple[str, str, str, Severity]] = []
    test, resume = f"`vigia feeds test {state.feed}` shows what is read", f"`vigia feeds resume {state.feed}`"
    if state.looks.drift:
        found.append(("feed.drift", "; ".join(state.looks.drift), test, Severity.MEDIUM))
    if state.gone:
        found.append(("feed.gone", "410: the server asks not to be asked again", resume, Severity.MEDIUM))
    if state.paused_at is not None:
        evidence = f"{state.error_streak} failures in a row: {state.last_error}"
        found.append(("feed.paused", evidence, f"asked once a week; {resume} asks at once", Severity.MEDIUM))
    if state.looks.overlap == 0 and state.looks.lost_at is not None and not _mended(state.looks.hole):
        evidence = _lost(state.looks, state.looks.lost_at)
        remedy = f"`vigia flow run backfill` reads them from the sitemap of {state.feed}"
        found.append(("feed.losing", evidence, remedy, Severity.MEDIUM))
    if state.spent.over or state.spent.lost:
        remedy = "Raise poll.max_entries_day or poll.max_held if it is no flood, else `vigia feeds pause`"
        found.append(("feed.overflow", _held(state.spent), remedy, Severity.MEDIUM))
    return [
        Trouble(what=what, source=state.feed, evidence=evidence[:2000], remedy=remedy, severity=severity)
        for what, evidence, remedy, severity in found
    ]


def _lost(looks: Looks, at: datetime) -> str:
    found = said(looks.hole)
    return f"entries were probably lost before the poll of {_minute(at)}" + (f"; {found}" if found else "")


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def notes(before: FeedState, after: FeedState) -> tuple[str, ...]:
    """What a poll found that a person should know of."""
    found = list(after.looks.drift)
    if after.looks.losses > before.looks.losses:
        found.append("nothing of the last poll is left in it: entries were probably lost, it is polled more often")
    if after.looks.hole != before.looks.hole:
        found.append(said(after.looks.hole))
    if after.spent.held:
        found.append(f"{after.spent.held} entries are held back: the day's budget is spent")
    if after.spent.lost > before.spent.lost:
        found.append(
            f"{after.spent.lost} entries were lost today: held back beyond poll.max_held, and dropped by the feed"
        )
    if after.move is not None and after.move.settled and not (before.move and before.move.settled):
        found.append(f"has moved for good to {after.move.to}")
    if after.paused_at is not None and before.paused_at is None:
        found.append(f"paused after {after.error_streak} failures in a row: asked once a week from now on")
    if before.paused_at is not None and after.paused_at is None:
        found.append("is back")
    return tuple(found)
