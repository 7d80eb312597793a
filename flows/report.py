"""What a poll did: a value, and the table that a flow run leaves in Prefect."""

from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from flows.pressure import Speed


class Result(StrEnum):
    """How it went with one source."""

    READ = "read"
    UNCHANGED = "unchanged"
    GONE = "gone"
    FAILED = "failed"


class Polled(BaseModel):
    """One source in one poll: `new` counts articles that the broker acknowledged, `bytes` what came over the wire."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feed: str
    result: Result
    entries: int = Field(default=0, ge=0, description="in the feed")
    new: int = Field(default=0, ge=0)
    skipped: int = Field(default=0, ge=0, description="entries that give no article")
    refused: int = Field(default=0, ge=0, description="articles that the broker would not take")
    broken: int = Field(default=0, ge=0, description="entries that could not be read")
    left: int = Field(default=0, ge=0, description="entries left for the next poll")
    held: int = Field(default=0, ge=0, description="entries over the day's budget")
    bytes: int = Field(default=0, ge=0)
    saved: int = Field(default=0, ge=0, description="bytes that an unchanged feed did not have to send")
    seconds: float = Field(default=0, ge=0, description="from its turn to its end")
    waited: float = Field(default=0, ge=0, description="seconds until its turn")
    reason: str | None = None
    notes: tuple[str, ...] = Field(default=(), description="what a person should know")


class Summary(BaseModel):
    """A whole poll."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    polled: tuple[Polled, ...] = ()
    speed: Speed = Speed.FULL
    why: str = Field(default="", description="it is not at full speed")
    busy: bool = Field(default=False, description="another poll was under way, so that this one did nothing")

    @property
    def new(self) -> int:
        """Articles published."""
        return sum(one.new for one in self.polled)

    @property
    def noteworthy(self) -> bool:
        """Whether there is anything to say: new articles, failures, what a person should know."""
        return self.speed is not Speed.FULL or any(
            one.new or one.notes or one.result in {Result.FAILED, Result.GONE} for one in self.polled
        )

    def count(self, result: Result) -> int:
        """Sources with that result."""
        return sum(one.result is result for one in self.polled)


def table(summary: Summary) -> list[dict[str, Any]]:
    """A row for each source, those that failed first, then those to know something of, then those with most news."""
    ordered = sorted(
        summary.polled, key=lambda one: (one.result is not Result.FAILED, not one.notes, -one.new, one.feed)
    )
    return [
        {
            "source": one.feed,
            "result": one.result.value,
            "new": one.new,
            "entries": one.entries,
            "skipped": one.skipped + one.broken + one.refused,
            "left": one.left + one.held,
            "bytes": one.bytes,
            "saved": one.saved,
            "seconds": round(one.seconds, 2),
            "reason": "; ".join((*([one.reason] if one.reason else []), *one.notes))[:300],
        }
        for one in ordered
    ]


def headline(summary: Summary) -> str:
    """The poll in a line."""
    slowed = f"{summary.speed.value}: {summary.why}; " if summary.speed is not Speed.FULL else ""
    return (
        f"{slowed}"
        f"{len(summary.polled)} sources polled: {summary.new} new articles, "
        f"{summary.count(Result.UNCHANGED)} sources unchanged, {summary.count(Result.FAILED)} failed, "
        f"{sum(one.bytes for one in summary.polled)} bytes, {sum(one.saved for one in summary.polled)} saved"
    )


async def leave_table(summary: Summary) -> None:
    """Leave the table as an artifact of the flow run."""
    from prefect.artifacts import acreate_table_artifact

    await acreate_table_artifact(key="poll", table=table(summary), description=headline(summary))
