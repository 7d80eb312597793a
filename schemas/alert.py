"""An alert: what was said, by whom, which rule it met, and what became of it."""

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.reason import Joined, Reason, Window
from schemas.taxonomy import Stance, Target, Topic


class Severity(StrEnum):
    """How much it matters."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class AlertState(StrEnum):
    """Where a person stands with it."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


class Handover(StrEnum):
    """Whether the alert has reached `news.alerts`: the outbox's mark."""

    PENDING = "pending"
    DONE = "done"


TRANSITIONS: dict[AlertState, frozenset[AlertState]] = {
    AlertState.NEW: frozenset({AlertState.ACKNOWLEDGED, AlertState.RESOLVED, AlertState.DISMISSED}),
    AlertState.ACKNOWLEDGED: frozenset({AlertState.RESOLVED, AlertState.DISMISSED}),
    AlertState.RESOLVED: frozenset(),
    AlertState.DISMISSED: frozenset(),
}
"""What may follow what."""


class Evidence(BaseModel):
    """A sentence of the piece and the label that it carried."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    confidence: float = Field(ge=0, le=1)
    topic: Topic | None = None
    target: Target | None = None
    stance: Stance | None = None
    speaker: str | None = None


class Alert(BaseModel):
    """One alert per rule and story, or rule and window, ever; `alert_id` is its identity wherever it goes.

    `thread` holds what belongs to its story so far. `edition` grows when an alert that was handed over has news that
    its readers asked for (a followed story): it is then handed over again, under the same `alert_id`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    alert_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    rule_id: str
    rule_name: str
    severity: Severity
    channels: tuple[str, ...] = ()
    story_id: str
    article_id: str
    title: str
    url: str
    outlet: str
    language: str
    published_at: AwareDatetime
    date_guessed: bool = False
    observed_at_ms: int = Field(ge=0, description="when the poller read the piece, ms since the epoch")
    created_at_ms: int = Field(ge=0, description="when the rule fired, ms since the epoch")
    relevance: float = Field(ge=0, le=1)
    topics: tuple[Topic, ...] = ()
    stances: dict[Target, Stance] = {}
    evidence: tuple[Evidence, ...] = ()
    kind: str = Field(default="match", description="the rule's kind")
    tags: tuple[str, ...] = ()
    reason: Reason | None = None
    window: Window | None = None
    thread: tuple[Joined, ...] = ()
    edition: int = Field(default=1, ge=1)
    state: AlertState = AlertState.NEW
    handover: Handover = Handover.PENDING
