"""Workers that die at each fault point in turn: python faulted.py PARAMETERS, run by a test as a process.

One process loads everything once and forks a worker for each point, as starting Python for each takes longer than all
that they do. Prints one JSON object: of each point the signal that ended its worker.
"""

import json
import os
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Any

from kafka.admin import KafkaAdminClient, MemberToRemove

from consumers import faults, stages
from consumers.stages import Stage
from consumers.worker import run
from schemas.indices import Indices
from schemas.settings import Settings
from schemas.streams import STREAMS, Stream


def forked(work: Callable[[], None]) -> int:
    """Do the work in a child; the signal that ended it, 0 for none."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def bury(group: str, settings: Settings) -> None:
    """Take the killed worker out of its group at once, rather than wait until it is missed."""
    with closing(KafkaAdminClient(**settings.kafka.client_options())) as admin:
        dead = [MemberToRemove(m["member_id"]) for m in admin.describe_groups([group])[group]["members"]]
        if dead:
            admin.remove_group_members(group, dead)


def main(settings: dict[str, Any], run_name: str, each: list[str]) -> None:
    """Run the index worker once for each fault."""
    streams: dict[str, Stream[Any]] = {s.name: replace(s, name=f"{run_name}.{s.name}") for s in STREAMS}
    opening = partial(stages.open_index, indices=Indices(f"{run_name}-"), indexed=streams["news.indexed"])
    stage: Stage[Any] = Stage(
        "index", streams["news.classified"], opening, f"{run_name}-index", streams["news.deadletter"]
    )
    own = Settings.model_validate(settings)

    def die_at(fault: str) -> None:
        faults.arm(fault)
        run(stage, own, stop=Event())

    ended = {}
    for fault in each:
        ended[fault] = forked(partial(die_at, fault))
        forked(partial(bury, stage.group, own))
    sys.stdout.write(json.dumps(ended))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
