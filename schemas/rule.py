"""What the monitoring team wants to be told of, as written in rules.toml."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from schemas.alert import Severity
from schemas.taxonomy import Stance, Target, Topic


class Match(BaseModel):
    """Fires on each story whose piece meets every condition given; a condition left out always holds.

    `query` is Elasticsearch's simple query syntax (words, "phrases", +, -, |) over headline and text. `topics`: any of
    them. `stances`: every target listed must take one of the sides given. `max_age_hours`: older pieces alert nobody.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["match"] = "match"
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="lower case, digits and hyphens")
    name: str = Field(min_length=1, max_length=200)
    severity: Severity = Severity.MEDIUM
    enabled: bool = True
    query: str | None = Field(default=None, max_length=1000)
    topics: tuple[Topic, ...] = ()
    stances: dict[Target, tuple[Stance, ...]] = {}
    languages: tuple[str, ...] = ()
    outlets: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    min_relevance: float = Field(default=0.5, ge=0, le=1)
    min_confidence: float = Field(default=0.5, ge=0, le=1, description="of each stance asked for")
    max_age_hours: float = Field(default=48, gt=0)
    channels: tuple[str, ...] = Field(default=(), description="names from the settings; all channels when empty")

    @field_validator("stances", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        if isinstance(value, dict):
            return {target: (sides,) if isinstance(sides, str) else sides for target, sides in value.items()}
        return value


Rule = Match
"""Every kind of rule."""


class Rules(BaseModel):
    """The file rules.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...] = ()

    @field_validator("rules")
    @classmethod
    def _ids_differ(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        ids = [rule.id for rule in rules]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            msg = f"rule id used twice: {', '.join(twice)}"
            raise ValueError(msg)
        return rules
