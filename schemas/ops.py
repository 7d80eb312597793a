"""What those who run Vigía must know: a trouble told once when it begins, and once when it is over; pure.

Whoever watches something calls `settle` with what is wrong now, keeps what it returns, and publishes the alerts to
`news.ops`; the worker `ops` sends them to the channel that the setting `ops.channel` names.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.alert import Severity
from schemas.identity import digest

REARM = timedelta(hours=6)
"""For how long a trouble must be gone before it is over: one that comes and goes is told once."""

Key = tuple[str, str]
"""What is wrong, and with which source: under this a trouble is known."""


class Trouble(BaseModel):
    """Something that is wrong now. `what` is a constant dotted name, such as `feed.drift`; `source` is what has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str = Field(pattern=r"^[a-z]+(\.[a-z_]+)+$", max_length=100)
    source: str = Field(min_length=1, max_length=200, description="a feed's id, a worker's name, a host, a disk")
    evidence: str = Field(max_length=2000, description="what was seen, with its figures")
    remedy: str = Field(default="", max_length=1000, description="what to do about it")
    severity: Severity = Severity.MEDIUM

    @property
    def key(self) -> Key:
        """What is wrong, and with what."""
        return self.what, self.source


class OpsAlert(Trouble):
    """A trouble that has begun at `since`, or that is over at `ended_at`."""

    schema_version: Literal[1] = 1
    ops_id: str = Field(pattern=r"^[0-9a-f]{32}$", description="the same on every try")
    since: AwareDatetime
    ended_at: AwareDatetime | None = None


class Standing(BaseModel):
    """A trouble that has been told and is not over; `seen_at` is when it was there last."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trouble: Trouble
    since: AwareDatetime
    seen_at: AwareDatetime


def settle(
    standing: Mapping[Key, Standing], found: Iterable[Trouble], *, looked_at: Iterable[Key], now: datetime
) -> tuple[dict[Key, Standing], list[OpsAlert]]:
    """What stands after a look, and what is to be told: troubles that began, and those that have been gone for `REARM`.

    A trouble that stands is over only when it was `looked_at` and not found.
    """
    troubles = {trouble.key: trouble for trouble in found}
    after, alerts = dict(standing), []
    for key, trouble in troubles.items():
        before = standing.get(key)
        if before is None:
            alerts.append(_alert(trouble, since=now))
        after[key] = Standing(trouble=trouble, since=now if before is None else before.since, seen_at=now)
    for key in set(looked_at) - set(troubles):
        before = standing.get(key)
        if before is not None and now - before.seen_at >= REARM:
            del after[key]
            alerts.append(_alert(before.trouble, since=before.since, ended_at=now))
    return after, alerts


def _alert(trouble: Trouble, *, since: datetime, ended_at: datetime | None = None) -> OpsAlert:
    told = "begun" if ended_at is None else "ended"
    ops_id = digest("ops", trouble.what, trouble.source, since.isoformat(), told)
    return OpsAlert(**trouble.model_dump(), ops_id=ops_id, since=since, ended_at=ended_at)
