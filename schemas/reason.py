"""Why an alert was made: what its rule found, by how much, and what differs from before."""

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.taxonomy import Stance, Target


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Matched(_Frozen):
    """A condition of the rule and what of the piece met it."""

    field: str
    found: tuple[str, ...]


class Margin(_Frozen):
    """What would have kept the alert silent: `value` (of `what`) on the other side of `limit`."""

    what: str
    value: float
    limit: float


class Cause(_Frozen):
    """Something that pieces have more often now than before: in `now` of `of_now` pieces, before in `before` of many.

    `score` is the z-value of the log-odds ratio (Monroe, Colaresi & Quinn 2008): above 2 chance hardly explains it.
    """

    kind: Literal["word", "entity", "outlet", "voice", "stance", "topic"]
    value: str
    now: int = Field(ge=0)
    of_now: int = Field(ge=0)
    before: int = Field(ge=0)
    of_before: int = Field(ge=0)
    score: float


class Story(_Frozen):
    """A story that an alert points to, by the piece that stands for it."""

    story_id: str
    article_id: str
    title: str
    url: str
    outlet: str
    published_at: AwareDatetime
    pieces: int = Field(default=1, ge=1)


class Reason(_Frozen):
    """In words (`text`), and in parts: the conditions met, the margin, the causes, stories, and the odds of chance."""

    text: str = ""
    matched: tuple[Matched, ...] = ()
    words: tuple[str, ...] = Field(default=(), description="fragments with what the query found between ⟦ and ⟧")
    margin: Margin | None = None
    causes: tuple[Cause, ...] = Field(default=(), description="the strongest first")
    stories: tuple[Story, ...] = ()
    odds: float | None = Field(default=None, ge=0, le=1, description="the probability of this by chance alone")


class Window(_Frozen):
    """The time an alert speaks of; `subject` is what moved (an outlet, a voice, a value), empty for the whole beat."""

    subject: str = ""
    start: AwareDatetime
    end: AwareDatetime
    value: float
    usual: float | None = None
    spread: float | None = None
    score: float | None = None


class JoinedAs(StrEnum):
    """How a piece belongs to the story that an alert is about."""

    FIRST = "first"
    COPY = "copy"
    REPORT = "report"
    REVISION = "revision"
    STANCE = "stance"
    """A revision that takes another side."""


class Joined(_Frozen):
    """A piece that belongs to the alert's story; a changed text is another entry of the same `article_id`."""

    article_id: str
    content_hash: str
    kind: JoinedAs
    title: str
    url: str
    outlet: str
    published_at: AwareDatetime
    stances: dict[Target, Stance] = {}
