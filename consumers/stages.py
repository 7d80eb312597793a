"""The workers: of each its name, the stream that it reads, and how its handler is opened."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from consumers.archive import Client, ensure, open_archive, ping
from consumers.outcome import Done, Handler
from schemas.deadletter import DeadLetter
from schemas.indices import INDICES, Indices
from schemas.settings import Settings
from schemas.streams import ALERTS, ARTICLES, CLASSIFIED, DEADLETTER, INDEXED, OPS, Stream

In = TypeVar("In", bound=BaseModel)


@dataclass(frozen=True)
class Opened(Generic[In]):
    """A handler that is ready to work; `probe` raises Unavailable while its sink doesn't answer.

    `tick` does what is due by the clock, whether or not messages come: the loop calls it about every `tick_s` seconds,
    at the worker that holds the stream's first partition alone, and treats what it returns as a message's outcome:
    `emit` acknowledged, then `then`. What is due follows from what is stored, so a tick may be repeated. It may raise
    Unavailable.
    """

    handle: Handler[In]
    probe: Callable[[], None] = lambda: None
    tick: Callable[[], Done] | None = None
    tick_s: float = 60.0


@dataclass(frozen=True)
class Stage(Generic[In]):
    """A worker's place in the pipeline. `open` may raise ConfigError or Unavailable; `group` names its consumers."""

    name: str
    stream: Stream[In]
    open: Callable[[Settings], AbstractContextManager[Opened[In]]]
    group: str
    deadletters: Stream[DeadLetter] = DEADLETTER


def now() -> datetime:
    """The time that handlers go by."""
    return datetime.now(tz=UTC)


@contextmanager
def archive(settings: Settings, indices: Indices = INDICES) -> Iterator[Client]:
    """Elasticsearch with its templates in place, for as long as the block runs."""
    with closing(open_archive(settings.elasticsearch, indices)) as es:
        ensure(es)
        yield es


# each opener imports its handler when it opens: no worker loads what only another one needs


@contextmanager
def open_classify(settings: Settings, **streams: Any) -> Iterator[Opened[Any]]:
    """The handler of `classify`. Raises ModelFileError or ConfigError when the model can't be loaded."""
    from consumers.classifier.backend import load
    from consumers.classify import classify

    yield Opened(partial(classify, model=load(settings.classify), now=now, **streams))


@contextmanager
def open_index(settings: Settings, indices: Indices = INDICES, **streams: Any) -> Iterator[Opened[Any]]:
    """The handler of `index`."""
    from consumers.index import index

    with archive(settings, indices) as es:
        yield Opened(partial(index, es=es, now=now, **streams), partial(ping, es))


@contextmanager
def open_alert(settings: Settings, indices: Indices = INDICES, **streams: Any) -> Iterator[Opened[Any]]:
    """The handler of `alert`. Raises ConfigError when rules.toml has a mistake."""
    from consumers.alert import alert, tick
    from consumers.rulebook import Rulebook

    book = Rulebook(settings.alert.rules_file)
    with archive(settings, indices) as es:
        parts: dict[str, Any] = {"es": es, "rules": book.rules, "now": now, **streams}
        yield Opened(partial(alert, **parts), partial(ping, es), partial(tick, **parts))


@contextmanager
def open_notify(settings: Settings, indices: Indices = INDICES) -> Iterator[Opened[Any]]:
    """The handler of `notify`. Raises ConfigError when a channel can't work as configured, or teams.toml is wrong."""
    from consumers.alerts.due import tick
    from consumers.alerts.roster import Roster
    from consumers.channels.send import ATTEMPTS, check
    from consumers.notify import notify

    check(settings.notify)
    ATTEMPTS.open(settings.home / "sending")
    teams = Roster(settings.notify).teams
    with archive(settings, indices) as es:
        parts: dict[str, Any] = {"es": es, "settings": settings.notify, "now": now, "teams": teams}
        yield Opened(
            partial(notify, **parts, apart=settings.ops.channel), partial(ping, es), partial(tick, **parts), tick_s=2.0
        )


@contextmanager
def open_ops(settings: Settings) -> Iterator[Opened[Any]]:
    """The handler of `ops`. Raises ConfigError when its channel is not there or can't work."""
    from consumers.channels.send import check_channel
    from consumers.ops import ops, ops_channel

    channel = ops_channel(settings)
    if channel is not None:
        check_channel(channel)
    yield Opened(partial(ops, channel=channel, settings=settings.notify, now=now))


STAGES: dict[str, Stage[Any]] = {
    stage.name: stage
    for stage in (
        Stage("classify", ARTICLES, open_classify, "vigia-classify"),
        Stage("index", CLASSIFIED, open_index, "vigia-index"),
        Stage("alert", INDEXED, open_alert, "vigia-alert"),
        Stage("notify", ALERTS, open_notify, "vigia-notify"),
        Stage("ops", OPS, open_ops, "vigia-ops"),
    )
}
"""Every worker by name, in the order in which a piece meets them."""
