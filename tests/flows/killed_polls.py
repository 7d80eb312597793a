"""A process that polls, over and over, and is killed each time at the next of the points that it is given.

Started by `test_killed_polls.py`. Each poll is a fork of a process that has everything imported; what a poll is about
to find is made by the test, which is asked for on standard output and answers on standard input.
"""

import asyncio
import functools
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kafka import KafkaProducer

from flows import polling
from flows.feeds import obtain, source
from flows.feeds.readers import Readers
from flows.feeds.state import States
from flows.polling import poll_once
from flows.publish import Publisher
from schemas.article import Article
from schemas.settings import Settings
from schemas.streams import ARTICLES, Stream

source.BATCH = 2


def main() -> None:
    """Poll once for each point, `name:n`: die at the n-th time that it is passed."""
    settings = Settings.model_validate_json(sys.argv[1])
    stream = replace(ARTICLES, name=sys.argv[2], partitions=2)
    for point in sys.argv[3:]:
        say(next=point)
        sys.stdin.readline()
        child = os.fork()
        if child == 0:
            arm(*point.split(":"))
            asyncio.run(poll(settings, stream))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        say(point=point, status=os.waitstatus_to_exitcode(status))


async def poll(settings: Settings, stream: Stream[Article]) -> None:
    async with Readers(size=1) as readers:
        await poll_once(settings, force=True, stream=stream, readers=readers)


def say(**words: Any) -> None:
    """One line of JSON to the test."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


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

    around(polling, "ensure", "ensure")
    around(Publisher, "open", "open")
    around(Publisher, "send", "send")
    around(KafkaProducer, "send", "message")
    around(States, "remember", "remember")
    around(States, "save", "save")
    around(obtain, "fetch", "fetch")


if __name__ == "__main__":
    main()
