"""A worker that is killed (SIGKILL) at a given point: python killed.py PARAMETERS, run by tests as a process."""

import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Any

from consumers import notify, stages
from consumers.outcome import Outcome
from consumers.stages import Opened, Stage
from consumers.worker import run
from schemas.indices import Indices
from schemas.settings import Settings
from schemas.streams import STREAMS, Stream


def die(*_: Any, **__: Any) -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def dying(opening: Any, settings: Settings) -> Iterator[Opened[Any]]:
    """The handler, killed when its effect stands and before anything is emitted or committed."""
    with opening(settings) as opened:

        def handle(batch: Sequence[Any]) -> list[Outcome]:
            outcomes = list(opened.handle(batch))
            die()
            return outcomes

        yield Opened(handle, opened.probe)


def main(name: str, settings: dict[str, Any], run_name: str, fault: str) -> None:
    """Run the stage `name` of the test's own streams."""
    streams: dict[str, Stream[Any]] = {s.name: replace(s, name=f"{run_name}.{s.name}") for s in STREAMS}
    indices = Indices(f"{run_name}-")
    opening: Any = {
        "index": partial(stages.open_index, indices=indices, indexed=streams["news.indexed"]),
        "alert": partial(stages.open_alert, indices=indices, alerts=streams["news.alerts"]),
        "notify": partial(stages.open_notify, indices=indices),
    }[name]
    stream = {"index": "news.classified", "alert": "news.indexed", "notify": "news.alerts"}[name]
    if fault == "after_effect":
        opening = partial(dying, opening)
    elif fault == "before_note":
        notify.__dict__["_note"] = die
    stage: Stage[Any] = Stage(name, streams[stream], opening, f"{run_name}-{name}", streams["news.deadletter"])
    run(stage, Settings.model_validate(settings), stop=Event())


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
