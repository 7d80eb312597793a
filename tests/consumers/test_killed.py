"""A worker killed at every step of its loop, on the real broker and index: nothing is lost, nothing is there twice."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from consumers.faults import POINTS
from schemas.classification import Classification
from schemas.settings import Settings

PIECES = 200


def test_a_worker_killed_at_each_step_loses_nothing_and_doubles_nothing(
    house: Any, classified: Callable[..., Classification]
) -> None:
    pieces = [classified(f"p{n}", title=f"Flight {n} lands", text=f"Number {n}. " + "word " * 5) for n in range(PIECES)]
    house.produce(house.classified, [*pieces[:50], b"{", *pieces[50:]])
    settings = Settings.model_validate(
        house.settings.model_dump() | {"worker": house.settings.worker.model_dump() | {"batch_messages": 15}}
    )
    each = [f"{point}:2" for point in POINTS]
    parameters = {"settings": settings.model_dump(mode="json"), "run_name": house.name, "each": each}
    script = Path(__file__).with_name("faulted.py")
    ended = subprocess.run(
        [sys.executable, str(script), json.dumps(parameters)], timeout=120, check=True, capture_output=True, text=True
    )
    assert json.loads(ended.stdout.splitlines()[-1]) == dict.fromkeys(each, int(signal.SIGKILL))
    hits = [json.loads(line)["point"] for line in ended.stderr.splitlines() if "fault.hit" in line]
    assert hits == list(POINTS)

    stage = house.index_stage()
    assert 0 < house.committed(stage) < PIECES, "the last worker has something left to do"
    house.work(stage, until=PIECES + 1, settings=settings)

    held = house.pieces()
    assert Counter(hit["_id"] for hit in held) == Counter(piece.article_id for piece in pieces)
    assert {hit["_id"]: hit["_version"] for hit in held} == {piece.article_id: piece.version for piece in pieces}
    assert {told.article_id for told in house.read(house.indexed)} == {piece.article_id for piece in pieces}
    letters = house.read(house.deadletter)
    assert {(letter.offset, letter.error) for letter in letters} == {(50, "WireError")}
