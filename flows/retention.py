"""The flow that drops what is too old to keep: whole months of the index."""

import re
from datetime import datetime
from typing import Any

import structlog
from prefect import flow, get_run_logger

from flows import logs
from flows.archive import drop, months, open_archive
from flows.polling import clock
from schemas.errors import ConfigError
from schemas.indices import INDICES, Indices
from schemas.settings import Settings, load_settings

log = structlog.get_logger(__name__)

KEEP_MONTHS = 36


def drop_old(
    settings: Settings, *, keep_months: int, now: datetime, dry_run: bool = False, indices: Indices = INDICES
) -> dict[str, int]:
    """Drop the months before the last `keep_months`, the current one counted; those dropped, and their documents.

    A copy of an older piece that comes later begins a new story: the map of stories is left as it is. Raises
    ConfigError when no month would be kept, Unavailable when Elasticsearch is away.
    """
    if keep_months < 1:
        raise ConfigError("keep_months", f"is {keep_months}", remedy="Keep one month at least")
    oldest = now.year * 12 + now.month - keep_months + 1
    with open_archive(settings.elasticsearch) as es:
        old = {name: count for name, count in months(es, indices=indices).items() if 0 < _month(name) < oldest}
        if not dry_run:
            for name, count in old.items():
                drop(es, name, indices=indices)
                log.info("month.dropped", index=name, documents=count)
    return old


def _month(index: str) -> int:
    """The index's month, counted from the year nought; nought for a name that says none."""
    found = re.search(r"-(\d{4})\.(\d{2})$", index)
    return int(found[1]) * 12 + int(found[2]) if found else 0


@flow(name="retention", retries=0, persist_result=False, description="Drop months that are too old to keep")
def retention(keep_months: int = KEEP_MONTHS, dry_run: bool = False) -> dict[str, Any]:
    """Drop the months before the last `keep_months`."""
    logs.configure()
    dropped = drop_old(load_settings(), keep_months=keep_months, now=clock(), dry_run=dry_run)
    get_run_logger().info("%s months %s", len(dropped), "would be dropped" if dry_run else "dropped")
    return dropped
