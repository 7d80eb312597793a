"""Fixtures that several test folders use. Everything real: a missing broker is a failure, never a skip."""

import signal
from collections.abc import Iterator

import pytest

from deploy.local.home import home_at
from deploy.local.supervise import RunningStack, start_stack

# a run in the background is started with Ctrl-C ignored, which its children would inherit
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A Kafka broker and an Elasticsearch node of this test run's own; `stack.endpoints` says where they answer."""
    running = start_stack(home_at(tmp_path_factory.mktemp("stack")), parts=("kafka", "elasticsearch"))
    try:
        running.wait_ready(120)
        yield running
    finally:
        running.stop()
