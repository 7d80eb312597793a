"""Who is told of what, when, and by which channel, as written in teams.toml."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from schemas.alert import Severity
from schemas.hours import ClockTime, Hours, ZoneName, awake, awake_from
from schemas.message import Language

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="lower case, digits and hyphens")]

RANK = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2}
"""Severities as numbers, the weightiest highest."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class To(StrEnum):
    """Whom of a team an alert goes to."""

    ROOM = "room"
    """The team's own channels."""
    EVERYONE = "everyone"
    """Each of its people, by their channels and in their hours."""
    ON_DUTY = "on_duty"
    """Those of its people who are on duty at that moment; when nobody is, whoever comes on duty first."""


class Step(_Part):
    """When nobody has acknowledged an alert `after_minutes` after it was told, these people and teams are told."""

    after_minutes: float = Field(gt=0, le=60 * 24 * 7)
    to: tuple[Name, ...] = Field(min_length=1)


class Subscription(_Part):
    """Which alerts somebody wants: of any of these rules or tags (of all rules when neither is given).

    `digest`: none tells each at once; `hourly`, or a time of day such as `08:00` in the reader's zone, tells them
    together. `channels`: others than the reader's own.
    """

    rules: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    severity: Severity = Field(default=Severity.LOW, description="and above")
    to: To | None = Field(default=None, description="of a team: its room when it has channels, else everyone")
    channels: tuple[Name, ...] = ()
    digest: ClockTime | Annotated[str, Field(pattern="^hourly$")] | None = None
    escalate: tuple[Step, ...] = ()

    def wants(self, rule_id: str, tags: tuple[str, ...], severity: Severity) -> bool:
        """Whether an alert of that rule, with these tags, of that severity is meant."""
        named = rule_id in self.rules or bool(set(tags) & set(self.tags)) or not (self.rules or self.tags)
        return named and RANK[severity] >= RANK[self.severity]


class Reader(_Part):
    """A person, or a team's room: its language, zone and hours.

    Outside the duty hours, and in the quiet ones, alerts are held, and told together when that time is over; those of
    severity `wakes` and above are told at any hour.
    """

    id: Name
    name: str = Field(default="", max_length=200)
    language: Language | None = Field(default=None, description="the channel's when left out")
    zone: ZoneName = "UTC"
    duty: tuple[Hours, ...] = Field(default=(), description="always, when left out")
    quiet: tuple[Hours, ...] = ()
    wakes: Severity | None = None
    channels: tuple[Name, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()

    @property
    def tz(self) -> ZoneInfo:
        """The reader's zone."""
        return ZoneInfo(self.zone)

    def hears(self, severity: Severity, at: datetime) -> bool:
        """Whether an alert of that severity is told at that moment."""
        return self.woken_by(severity) or awake(self.duty, self.quiet, self.tz, at)

    def woken_by(self, severity: Severity) -> bool:
        """Whether such an alert is told at any hour."""
        return self.wakes is not None and RANK[severity] >= RANK[self.wakes]

    def hears_from(self, severity: Severity, at: datetime) -> datetime:
        """The first moment from `at` on at which such an alert is told."""
        if self.woken_by(severity):
            return at
        return awake_from(self.duty, self.quiet, self.tz, at) or at + timedelta(days=7)

    @model_validator(mode="after")
    def _is_reachable(self) -> Self:
        if awake_from(self.duty, self.quiet, self.tz, datetime(2026, 1, 5, tzinfo=UTC)) is None:
            msg = "is never on duty: the quiet hours cover all duty hours"
            raise ValueError(msg)
        return self


class Person(Reader):
    """Somebody who is told of alerts."""


class Team(Reader):
    """Several people, and perhaps a room (`channels`) of their own."""

    people: tuple[Name, ...] = ()


class Mute(_Part):
    """A time of maintenance: what it covers is held, and told together when it is over, or never (`drop`).

    It covers alerts of any of these rules, tags or outlets; all alerts when none is given.
    """

    since: AwareDatetime
    until: AwareDatetime
    rules: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    outlets: tuple[str, ...] = ()
    drop: bool = False
    reason: str = Field(default="", max_length=500)

    def covers(self, rule_id: str, tags: tuple[str, ...], outlet: str, at: datetime) -> bool:
        """Whether an alert is muted at that moment."""
        named = rule_id in self.rules or bool(set(tags) & set(self.tags)) or outlet in self.outlets
        return self.since <= at < self.until and (named or not (self.rules or self.tags or self.outlets))

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.until <= self.since:
            msg = "until lies after since"
            raise ValueError(msg)
        return self


class Teams(_Part):
    """The file teams.toml."""

    people: tuple[Person, ...] = ()
    teams: tuple[Team, ...] = ()
    mutes: tuple[Mute, ...] = ()

    @property
    def readers(self) -> dict[str, Reader]:
        """People and teams by their ids."""
        return {reader.id: reader for reader in (*self.people, *self.teams)}

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        ids = Counter([*(p.id for p in self.people), *(t.id for t in self.teams)])
        if twice := sorted(i for i, times in ids.items() if times > 1):
            msg = f"id used twice: {', '.join(twice)}"
            raise ValueError(msg)
        people = {p.id for p in self.people}
        for team in self.teams:
            if strangers := sorted(set(team.people) - people):
                msg = f"team {team.id} names people that are not listed: {', '.join(strangers)}"
                raise ValueError(msg)
        readers = self.readers
        for reader in readers.values():
            for wanted in reader.subscriptions:
                for step in wanted.escalate:
                    if strangers := sorted(set(step.to) - set(readers)):
                        msg = f"{reader.id} escalates to nobody known: {', '.join(strangers)}"
                        raise ValueError(msg)
        return self

    def channels_named(self) -> set[str]:
        """Every channel that is to be found in the settings."""
        readers = self.readers.values()
        return {name for r in readers for name in (*r.channels, *(c for s in r.subscriptions for c in s.channels))}
