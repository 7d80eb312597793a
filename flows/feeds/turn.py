"""What one poll changes in what is remembered of a source; pure: state and answer in, state out."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from flows.feeds.interval import (
    CEILING_S,
    PROBE_S,
    Hints,
    back_off,
    first_tempo,
    next_interval,
    next_poll,
    observe,
)
from schemas.feed import Feed, FeedState
from schemas.watch import Hub, Move, Spent, Tempo

MOVE_DAYS = 3
"""Days on which a permanent redirect must lead to the same place before it is believed."""

MOVE_PATIENCE = 3
"""Failures in a row at a new place after which the one in feeds.toml is asked again."""

PAUSE_SPAN = timedelta(days=3)
"""A streak of failures pauses a source only when it lasted this long: an outage of an evening is none."""

FEWEST_SHOWN = 3
"""A feed that shows fewer entries replaces them without losing any."""


@dataclass(frozen=True)
class Pace:
    """What the settings say of time and numbers; seconds, entries, failures in a row."""

    default_s: float
    poll_entries: int = 500
    day_entries: int = 2000
    held_entries: int = 5000
    pause_after: int = 15


@dataclass(frozen=True)
class Told:
    """What came back, whether or not it was new: validators, hints, the URL asked and where it has moved for good."""

    asked: str
    moved: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    hints: Hints = field(default_factory=Hints)
    wire_bytes: int = 0


@dataclass(frozen=True)
class Reading:
    """What was read in a feed: entries shown, those known before, those met for the first time and taken.

    `left` and `owed` are to be tried again, `held` wait for the next day's budget, `over` of them in the feed alone,
    which has dropped `lost`; `taken` counts against the budget.
    """

    body_hash: str
    shown: int
    known: int
    fresh: int
    taken: int
    new: int
    left: int = 0
    owed: int = 0
    held: int = 0
    over: int = 0
    lost: int = 0
    published: tuple[datetime | None, ...] = ()
    wait_s: float | None = None
    ttl_s: float | None = None
    update_s: float | None = None
    hub: Hub | None = None


def located(feed: Feed, state: FeedState) -> Feed:
    """The feed where it is to be asked: at its new place when it has moved for good."""
    move = state.move
    if move is not None and move.settled and move.asked == feed.url:
        return feed.model_copy(update={"url": move.to})
    return feed


def room(state: FeedState, pace: Pace, *, now: datetime) -> int:
    """How many entries may still be taken in this poll."""
    return max(0, min(pace.poll_entries, pace.day_entries - _spent(state, now).entries))


def day_is_over(state: FeedState, pace: Pace, *, taken: int, now: datetime) -> bool:
    """Whether the day's budget is spent once `taken` entries more have been read."""
    return _spent(state, now).entries + taken >= pace.day_entries


def unchanged(
    state: FeedState, answer: Told, *, pace: Pace, now: datetime, taken: int = 0, new: int = 0, held: int = 0
) -> FeedState:
    """After a poll in which the feed showed nothing new; `taken` and `new` are of what had been held back."""
    tempo = observe(state.tempo, new=0, after_s=_since(state, now))
    hint_s = state.said_s or answer.hints.max_age_s
    interval_s = next_interval(tempo, default_s=pace.default_s, hint_s=hint_s)
    wait = next_poll(interval_s, answer.hints, now=now)
    spent = _spent(state, now)
    spent = spent.model_copy(update={"entries": spent.entries + taken})
    return state.model_copy(
        update=_well(state, answer, now)
        | {
            "etag": answer.etag,
            "last_modified": answer.last_modified,
            "tempo": tempo,
            "interval_s": interval_s,
            "next_poll_at": now if taken and held and spent.entries < pace.day_entries else wait,
            "last_new_at": now if new else state.last_new_at,
            "spent": spent.model_copy(update={"held": held}) if taken else state.spent,
            "bytes_saved": state.bytes_saved + max(0, state.body_bytes - answer.wire_bytes),
        }
    )


def read(state: FeedState, answer: Told, reading: Reading, *, pace: Pace, now: datetime) -> FeedState:
    """After a poll that read the feed; `looks` gets its overlap here, and the rest by the caller who has the pieces."""
    lost = lost_some(state, shown=reading.shown, known=reading.known)
    looks = state.looks.model_copy(
        update={
            "overlap": reading.known / reading.shown if reading.shown and state.last_success_at else None,
            "lost_at": now if lost else state.looks.lost_at,
            "losses": state.looks.losses + lost,
        }
    )
    hints = answer.hints.model_copy(update={"ttl_s": reading.ttl_s, "retry_after_s": reading.wait_s})
    tempo = _tempo(state, reading, now)
    said_s = _said(reading)
    interval_s = next_interval(tempo, default_s=pace.default_s, hint_s=said_s or hints.max_age_s, lost=lost)
    # what was left must be offered again, which an unchanged feed would not do
    whole = not (reading.left or reading.owed or reading.over)
    at_once = reading.left > 0 and reading.wait_s is None
    spent = _spent(state, now)
    return state.model_copy(
        update=_well(state, answer, now)
        | {
            "etag": answer.etag if whole else None,
            "last_modified": answer.last_modified if whole else None,
            "body_hash": reading.body_hash if whole else None,
            "body_bytes": answer.wire_bytes,
            "tempo": tempo,
            "interval_s": interval_s,
            "last_new_at": now if reading.new else state.last_new_at,
            "next_poll_at": now if at_once else next_poll(interval_s, hints, now=now),
            "spent": spent.model_copy(
                update={
                    "entries": spent.entries + reading.taken,
                    "held": reading.held,
                    "over": reading.over,
                    "lost": spent.lost + reading.lost,
                }
            ),
            "looks": looks,
            "said_s": said_s,
            "hub": reading.hub,
        }
    )


def lost_some(state: FeedState, *, shown: int, known: int) -> bool:
    """Whether entries came and went unseen: of those that the feed shows none was `known` at the last poll."""
    return state.last_success_at is not None and known == 0 and shown >= FEWEST_SHOWN


def failed(
    state: FeedState, reason: str, *, pace: Pace, now: datetime, after_s: float | None = None, worse: int = 0
) -> FeedState:
    """After a poll that failed: `after_s` is what the server asked to wait, `worse` how many failures it counts more.

    A source that failed so often, and for days, is paused: asked once a week whether it is back.
    """
    streak = state.error_streak + 1
    since = state.failing_since or now
    wait_s = back_off(streak + worse - 1, default_s=pace.default_s)
    paused_at = state.paused_at
    if paused_at is None and streak >= pace.pause_after and now - since >= PAUSE_SPAN:
        paused_at = now
    if paused_at is not None:
        wait_s = PROBE_S
    move = state.move
    if move is not None and move.settled and streak >= MOVE_PATIENCE:
        move = None
    return state.model_copy(
        update={
            "last_polled_at": now,
            "next_poll_at": next_poll(wait_s, Hints(retry_after_s=after_s), now=now),
            "last_error": reason,
            "error_streak": streak,
            "failing_since": since,
            "paused_at": paused_at,
            "move": move,
        }
    )


def gone(state: FeedState, *, now: datetime) -> FeedState:
    """After a 410: not asked again until somebody resumes it."""
    return state.model_copy(
        update={
            "last_polled_at": now,
            "next_poll_at": now + timedelta(seconds=CEILING_S),
            "etag": None,
            "last_modified": None,
            "last_error": None,
            "error_streak": 0,
            "failing_since": None,
            "gone": True,
        }
    )


def resumed(state: FeedState) -> FeedState:
    """After somebody asked for it to go on: due at once, as though it had never failed."""
    update = {"gone": False, "paused_at": None, "failing_since": None, "error_streak": 0, "next_poll_at": None}
    return state.model_copy(update=update)


def stretched(state: FeedState, stretch: float) -> datetime:
    """When the feed is polled next, its wait multiplied by `stretch`: a day at most, or what it would be anyway."""
    if state.next_poll_at is None or state.last_polled_at is None:
        return state.next_poll_at or datetime.min.replace(tzinfo=UTC)
    wait = max(timedelta(0), state.next_poll_at - state.last_polled_at)
    longest = max(wait, timedelta(seconds=CEILING_S))
    return state.last_polled_at + min(stretch * wait, longest)


def moved(move: Move | None, *, asked: str, to: str | None, now: datetime) -> Move | None:
    """What is known of the feed's move after it was asked for at `asked` and sent on, for good, to `to`.

    Nobody is sent from https to http.
    """
    if move is not None and move.settled and move.to == asked:
        # sent on once more: begin anew from the place in feeds.toml
        return move if to is None else None
    if to is None or to == asked or (_scheme(asked) == "https" and _scheme(to) != "https"):
        return None
    days = move.days if move is not None and (move.asked, move.to) == (asked, to) else ()
    days = tuple(sorted({*days, now.astimezone(UTC).date()}))[-MOVE_DAYS:]
    return Move(asked=asked, to=to, days=days, settled=len(days) >= MOVE_DAYS)


def _well(state: FeedState, answer: Told, now: datetime) -> dict[str, object]:
    return {
        "last_polled_at": now,
        "last_success_at": now,
        "last_error": None,
        "error_streak": 0,
        "failing_since": None,
        "paused_at": None,
        "gone": False,
        "move": moved(state.move, asked=answer.asked, to=answer.moved, now=now),
    }


def _tempo(state: FeedState, reading: Reading, now: datetime) -> Tempo:
    if state.last_success_at is None:
        return first_tempo(reading.published, now=now)
    return observe(state.tempo, new=reading.fresh, after_s=_since(state, now))


def _since(state: FeedState, now: datetime) -> float:
    return (now - state.last_success_at).total_seconds() if state.last_success_at is not None else 0.0


def _spent(state: FeedState, now: datetime) -> Spent:
    today = now.astimezone(UTC).date()
    return state.spent if state.spent.day == today else Spent(day=today)


def _said(reading: Reading) -> float | None:
    """What the source says of its own tempo: its ttl or its update period, the shorter."""
    return min(filter(None, (reading.ttl_s, reading.update_s)), default=None)


def _scheme(url: str) -> str:
    return urlsplit(url).scheme.lower()
