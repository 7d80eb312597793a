"""What is asked of the index, as a person puts it. It can be kept; `schemas.queries` makes it a body."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.taxonomy import Stance, Target, Topic


class Question(BaseModel):
    """Everything that is given must hold; what is left out always does.

    `since` and `until` are moments as people write them (7d, 36h, 2026-11-24), so that a kept question moves with the
    time. `semantic` is a text in either language, and `like` a piece, that those found are near to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: str | None = Field(default=None, max_length=10_000, description='words, "phrases", +must, -not, one | other')
    semantic: str | None = Field(default=None, max_length=2000, description="what it is about, in either language")
    like: str | None = Field(default=None, max_length=64, description="the id of a piece")
    topics: tuple[Topic, ...] = Field(default=(), description="any of them")
    stances: dict[Target, Stance] = Field(default_factory=dict, description="each")
    voice: str | None = Field(default=None, max_length=300, description="words of the name of someone quoted")
    voice_stances: dict[Target, Stance] = Field(default_factory=dict, description="each, of the one quoted")
    entities: tuple[str, ...] = Field(default=(), description="ids, each")
    outlets: tuple[str, ...] = Field(default=(), description="any of them")
    countries: tuple[str, ...] = Field(default=(), description="any of them")
    languages: tuple[str, ...] = Field(default=(), description="any of them")
    feeds: tuple[str, ...] = Field(default=(), description="any of them")
    since: str | None = Field(default=None, max_length=64)
    until: str | None = Field(default=None, max_length=64)
    min_relevance: float = Field(default=0, ge=0, le=1)
    min_confidence: float = Field(default=0, ge=0, le=1, description="of the stances asked for, else of any stance")
    by: Literal["date", "score"] | None = Field(default=None, description="none: score where nearness is asked for")
