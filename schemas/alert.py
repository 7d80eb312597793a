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
    AlertState.RESOLVED: frozenset({AlertState.ACKNOWLEDGED}),
    AlertState.DISMISSED: frozenset({AlertState.ACKNOWLEDGED}),
}
"""What may follow what; a settled alert is only ever taken up again by whoever reopens it."""


class Action(StrEnum):
    """What a person does with an alert."""

    ACK = "ack"
    RESOLVE = "resolve"
    DISMISS = "dismiss"
    REOPEN = "reopen"
    VERDICT = "verdict"
    NOTE = "note"


class Verdict(StrEnum):
    """What a reader says of it: the rule was right to alert, it doesn't matter, or the side was read wrongly."""

    RIGHT = "right"
    NOT_RELEVANT = "not_relevant"
    WRONG_STANCE = "wrong_stance"


class Event(BaseModel):
    """Who did what with an alert, and when; never changed once it is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    who: str = Field(min_length=1, max_length=200)
    action: Action
    note: str = Field(default="", max_length=4000)
    verdict: Verdict | None = None


class DeliveryStatus(StrEnum):
    """What became of telling one reader by one channel."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """No answer yet that lasts: tried again."""
    REFUSED = "refused"
    HELD = "held"
    SETTLED = "settled"
    """Not told any more: when its time came, it was resolved, dismissed or (an escalation) acknowledged."""
    MUTED = "muted"
    """Not told: in a time of maintenance that tells nothing afterwards."""


class Hold(StrEnum):
    """Why an alert waits."""

    QUIET = "quiet"
    """The reader is off duty."""
    DIGEST = "digest"
    """The reader wants these together."""
    THROTTLE = "throttle"
    """So many were told already."""
    MUTE = "mute"
    """Maintenance."""


class Delivery(BaseModel):
    """What became of telling one reader (none: whoever reads the channel) of an alert by one channel.

    `step` is 0, or of an escalation its minutes. A held one is told at `due`, with others in the message `message_id`
    once that is written; `failed_at` is when its channel failed first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: str
    recipient: str = ""
    step: float = 0
    at: AwareDatetime
    status: DeliveryStatus
    reason: str | None = None
    edition: int = 1
    hold: Hold | None = None
    due: AwareDatetime | None = None
    message_id: str = ""
    failed_at: AwareDatetime | None = None

    @property
    def key(self) -> tuple[str, str, float]:
        """Whom, by what, at which step: told once an edition."""
        return self.recipient, self.channel, self.step


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


class AlertRecord(Alert):
    """What the index `alerts` holds of an alert: also what people did with it, and whom it was told.

    `wake_at` is when the clock next asks something of it; `notified_at` when it was told at once, and `held_for` whom
    it waits for (`reader/channel`): by these the notifier finds what it must know, and keeps nothing in memory.
    """

    events: tuple[Event, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    acknowledged_at: AwareDatetime | None = None
    acknowledged_by: str | None = None
    acknowledged_after_s: float | None = Field(default=None, description="since it was made")
    settled_at: AwareDatetime | None = None
    settled_by: str | None = None
    verdict: Verdict | None = Field(default=None, description="the last one")
    verdict_by: str | None = None
    wake_at: AwareDatetime | None = None
    notified_at: tuple[AwareDatetime, ...] = ()
    held_for: tuple[str, ...] = ()
