"""What the monitoring team wants to be told of, as written in rules.toml: one model a kind, told apart by `kind`."""

import re
from collections import Counter
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from schemas.alert import Severity
from schemas.taxonomy import Stance, Target, Topic

QUERY_WORDS = 60
"""Words that a query may have: each is looked for in seven fields."""


class Scope(BaseModel):
    """The pieces that a rule is about: those that meet every condition given; one left out always holds.

    `query` is Elasticsearch's simple query syntax (words, "phrases", +, -, |) over headline and text. Of topics,
    voices, entities, outlets, countries, languages and feeds any one will do. `stances`: every target listed must take
    one of the sides given; with `voices`, it must be one of these voices that takes it. A voice or an entity is
    given by its id in the index (`cristosal`), an entity also by its name, a voice by words of the name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="lower case, digits and hyphens")
    name: str = Field(min_length=1, max_length=200)
    severity: Severity = Severity.MEDIUM
    enabled: bool = True
    muted_until: AwareDatetime | None = Field(default=None, description="no alert is made before that moment")
    tags: tuple[str, ...] = ()
    channels: tuple[str, ...] = Field(default=(), description="names from the settings; all channels when empty")
    query: str | None = Field(default=None, max_length=1000)
    topics: tuple[Topic, ...] = ()
    stances: dict[Target, tuple[Stance, ...]] = {}
    voices: tuple[str, ...] = Field(default=(), max_length=50)
    entities: tuple[str, ...] = Field(default=(), max_length=200)
    outlets: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    min_relevance: float = Field(default=0.5, ge=0, le=1)
    min_confidence: float = Field(default=0.5, ge=0, le=1, description="of each stance asked for")
    max_age_hours: float = Field(default=48, gt=0, description="older pieces alert nobody")

    @field_validator("stances", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        if isinstance(value, dict):
            return {target: (sides,) if isinstance(sides, str) else sides for target, sides in value.items()}
        return value

    @field_validator("query")
    @classmethod
    def _few_words(cls, value: str | None) -> str | None:
        if value is not None and words_in(value) > QUERY_WORDS:
            msg = f"{words_in(value)} words, at most {QUERY_WORDS}: split the rule in two"
            raise ValueError(msg)
        return value

    def awake(self, now: datetime) -> bool:
        """Whether the rule may alert at that moment."""
        return self.enabled and (self.muted_until is None or self.muted_until <= now)


def words_in(query: str) -> int:
    """About how many terms the query makes; scripts without spaces count each character."""
    return len(re.findall(r"[\u2e80-\ud7ff\uf900-\ufaff]|[^\W\u2e80-\ud7ff\uf900-\ufaff]+", query))


class Match(Scope):
    """Fires on each story of which a piece is in scope, once."""

    kind: Literal["match"] = "match"


class Threshold(Scope):
    """Fires when `stories` stories in scope stand within `window_hours`; again after they were fewer than `rearm`."""

    kind: Literal["threshold"]
    stories: int = Field(ge=2, le=10_000)
    window_hours: float = Field(default=24, gt=0, le=24 * 31)
    rearm: int | None = Field(default=None, ge=1, description="half of `stories` when left out")

    @property
    def rearm_below(self) -> int:
        """The count under which the rule may fire anew."""
        return self.rearm or max(1, self.stories // 2)

    @model_validator(mode="after")
    def _rearms_below_its_threshold(self) -> "Threshold":
        if self.rearm is not None and self.rearm > self.stories:
            msg = "rearm lies at or below stories"
            raise ValueError(msg)
        return self


class Spike(Scope):
    """Fires when a window holds far more stories than the same hours of the same weekday in the weeks before.

    Far more: the robust z-score (distance from the median in units of 1.4826 times the median absolute deviation, or of
    the median's own counting noise where that is larger) reaches `z`.
    """

    kind: Literal["spike"]
    window_hours: float = Field(default=6, ge=0.25, le=24 * 7)
    weeks: int = Field(default=8, ge=4, le=52)
    z: float = Field(default=4, gt=0)
    min_stories: int = Field(default=5, ge=2)


class Moves(StrEnum):
    """Whose stance is watched."""

    OUTLET = "outlet"
    VOICE = "voice"
    BEAT = "beat"


class Shift(Scope):
    """Fires when the mean stance on `target` of each outlet, each voice or the beat moves by more than its noise.

    The mean over the last `window_days` is compared with that over `baseline_days` before them, on the scale from -1
    (against) to 1 (favor): it must have moved by `min_change` and by `z` standard errors.
    """

    kind: Literal["shift"]
    target: Target
    of: Moves = Moves.OUTLET
    window_days: float = Field(default=7, gt=0, le=90)
    baseline_days: float = Field(default=56, gt=0, le=730)
    z: float = Field(default=3, gt=0)
    min_change: float = Field(default=0.3, gt=0, le=2)
    min_stories: int = Field(default=5, ge=3, description="in the window; twice as many before it")


class Novelty(StrEnum):
    """What may be new on the beat."""

    VOICE = "voice"
    PERSON = "person"
    PLACE = "place"
    PRISON = "prison"
    AGREEMENT = "agreement"
    AGENCY = "agency"
    LAW = "law"
    COURT = "court"
    ORGANISATION = "organisation"
    OTHER = "other"


class FirstSeen(Scope):
    """Fires when a voice, place, agreement or other entity is named that no piece of the past `lookback_days` names.

    Silent until the index holds pieces of `warmup_days`, for at first everything is new.
    """

    kind: Literal["first_seen"]
    of: tuple[Novelty, ...] = Field(default=(Novelty.VOICE, Novelty.PLACE, Novelty.AGREEMENT), min_length=1)
    lookback_days: float = Field(default=365, gt=0)
    warmup_days: float = Field(default=14, ge=0)
    min_outlets: int = Field(default=1, ge=1, description="outlets that must name it")


class Silence(Scope):
    """Fires when an expected outlet or feed has gone quiet, or lacks a story that it always carries.

    `outlets` and `feeds` name the expected. Without `carried_by`: nothing in scope has come for so long that chance
    explains it with a probability below `odds`, going by the same hours of the weeks before; or, with `quiet_hours`,
    for that long. With `carried_by`: a story of that many other outlets is missing for `grace_hours`, where the
    outlet carried a share of `usually` of such stories before.
    """

    kind: Literal["silence"]
    odds: float = Field(default=0.001, gt=0, lt=0.5)
    quiet_hours: float | None = Field(default=None, gt=0)
    carried_by: int | None = Field(default=None, ge=2)
    grace_hours: float = Field(default=6, gt=0)
    usually: float = Field(default=0.8, gt=0, le=1)
    weeks: int = Field(default=8, ge=2, le=52)

    @model_validator(mode="after")
    def _somebody_is_expected(self) -> "Silence":
        if not self.outlets and not self.feeds:
            msg = "name the outlets or feeds that are expected"
            raise ValueError(msg)
        if self.carried_by is not None and self.feeds:
            msg = "carried_by goes by outlets, not by feeds"
            raise ValueError(msg)
        return self


class Follow(Scope):
    """One alert that grows: everything that joins the story of `story`, a piece's URL, article id or story id.

    Copies, revisions and changes of side; other outlets' reports when they share enough of what the story names.
    """

    kind: Literal["follow"]
    story: str = Field(min_length=1, max_length=4096)
    days: float = Field(default=14, gt=0, le=365, description="after its first piece nothing joins any more")
    min_likeness: float = Field(default=0.5, gt=0, le=1, description="of another outlet's own report")


def _kind(value: Any) -> str:
    kind = value.get("kind", "match") if isinstance(value, dict) else getattr(value, "kind", "match")
    return kind if isinstance(kind, str) else "match"


Rule = Annotated[
    Annotated[Match, Tag("match")]
    | Annotated[Threshold, Tag("threshold")]
    | Annotated[Spike, Tag("spike")]
    | Annotated[Shift, Tag("shift")]
    | Annotated[FirstSeen, Tag("first_seen")]
    | Annotated[Silence, Tag("silence")]
    | Annotated[Follow, Tag("follow")],
    Discriminator(_kind),
]
"""Every kind of rule."""

KINDS = (Match, Threshold, Spike, Shift, FirstSeen, Silence, Follow)
"""Their models, in the order in which they are explained."""


class Rules(BaseModel):
    """The file rules.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...] = ()

    @field_validator("rules")
    @classmethod
    def _ids_differ(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        ids = [rule.id for rule in rules]
        twice = sorted(i for i, times in Counter(ids).items() if times > 1)
        if twice:
            msg = f"rule id used twice: {', '.join(twice)}"
            raise ValueError(msg)
        return rules
