"""Backfills of one source, one after the other, each killed at the next of the points that it is given.

Started by `test_killed_polls.py`. Each backfill is a fork of a process that has everything imported; by turns they read
the sitemap and the WARC file.
"""

import asyncio
import functools
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kafka import KafkaProducer

from flows import backfill
from flows.backfill import read_past
from flows.feeds.state import States
from flows.publish import Publisher
from schemas.settings import Settings
from schemas.streams import ARTICLES

backfill.BATCH = 2


def main() -> None:
    """Read the past once for each point, `name:n`: die at the n-th time that it is passed."""
    settings = Settings.model_validate_json(sys.argv[1])
    stream, warc = replace(ARTICLES, name=sys.argv[2], partitions=2), Path(sys.argv[3])
    for number, point in enumerate(sys.argv[4:]):
        child = os.fork()
        if child == 0:
            arm(*point.split(":"))
            since, until = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
            files = [warc] if number % 2 else []
            asyncio.run(read_past(settings, "one", since=since, until=until, warc=files, stream=stream))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(json.dumps({point: os.waitstatus_to_exitcode(status)}) + "\n")


def arm(name: str, times: str) -> None:
    """Wrap every function that a point is named for."""
    left = int(times)

    def passed(point: str) -> None:
        nonlocal left
        left -= point == name
        if point == name and left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(owner: Any, attribute: str, point: str) -> None:
        inner: Callable[..., Any] = getattr(owner, attribute)

        @functools.wraps(inner)
        def outer(*args: Any, **kwargs: Any) -> Any:
            passed(f"before_{point}")
            result = inner(*args, **kwargs)
            passed(f"after_{point}")
            return result

        setattr(owner, attribute, outer)

    around(Publisher, "send", "send")
    around(KafkaProducer, "send", "message")
    around(States, "remember", "remember")


if __name__ == "__main__":
    main()
