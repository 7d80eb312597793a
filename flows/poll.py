"""The flow that polls: one run takes every source that is due."""

from typing import Any

from filelock import FileLock, Timeout
from prefect import flow, get_run_logger

from flows import logs
from flows.polling import clock, poll_once
from flows.report import Summary, headline, leave_table
from schemas.settings import load_settings

WAIT_S = 120.0
"""How long a poll that somebody asked for waits for the one under way."""


@flow(name="poll", retries=0, persist_result=False, description="Read the news sources that are due")
async def poll(only: list[str] | None = None, force: bool = False) -> dict[str, Any]:
    """Poll the sources that are due; with `only` among those ids, with `force` although they are not due.

    A poll that finds another one under way on this machine leaves the work to it, unless it was asked for by id or by
    force: then it waits. The lock is the operating system's, so that a killed poll holds nothing.
    """
    logs.configure()
    settings = load_settings()
    settings.home.mkdir(parents=True, exist_ok=True)
    asked_for = force or only is not None
    try:
        with FileLock(settings.home / "poll.lock", timeout=WAIT_S if asked_for else 0):
            summary = await poll_once(settings, only=only, force=force)
    except Timeout:
        summary = Summary(at=clock(), busy=True)
        get_run_logger().warning("another poll is under way")
    if summary.polled:
        get_run_logger().info(headline(summary))
        await leave_table(summary)
    return summary.model_dump(mode="json")
