"""An analyst's correction of what the model says of one passage."""

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.identity import digest
from schemas.taxonomy import Stance, Target, Topic


class Judged(BaseModel):
    """Labels of a passage: a target left out is not addressed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    relevant: bool
    topics: tuple[Topic, ...] = ()
    stances: dict[Target, Stance] = {}


class Correction(BaseModel):
    """What a passage's labels should be, who says so and when. Kept for ever: a later one on the same passage wins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    correction_id: str
    article_id: str
    url: str
    passage: int = Field(ge=1, description="its number in the piece, as shown")
    text: str = Field(min_length=1)
    language: Literal["en", "es"]
    labels: Judged
    said: Judged = Field(description="what the model said")
    model: str
    by: str = Field(min_length=1, max_length=200)
    at: AwareDatetime
    note: str = Field(default="", max_length=2000)


def correction_id(article: str, text: str, by: str, at: datetime) -> str:
    """A correction's identity."""
    return digest("correction", article, text, by, at.isoformat())


def corrected(
    said: Judged,
    *,
    relevant: bool | None = None,
    topics: tuple[Topic, ...] | None = None,
    stances: dict[Target, Stance | None] | None = None,
) -> Judged:
    """What the model said with what the analyst changes: topics are replaced, targets one by one (None: not addressed).

    A passage that is not relevant has no labels; naming labels makes it relevant unless the analyst says otherwise.
    """
    if relevant is False:
        return Judged(relevant=False)
    sides: dict[Target, Stance | None] = {**said.stances, **(stances or {})}
    return Judged(
        relevant=True if relevant or topics or any((stances or {}).values()) else said.relevant,
        topics=said.topics if topics is None else tuple(t for t in Topic if t in topics),
        stances={target: side for target, side in sides.items() if side is not None},
    )
