"""Who is told of an alert, by which channel, and when: data in, data out; pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from schemas.alert import Alert, Hold, Severity
from schemas.hours import next_daily
from schemas.message import Language
from schemas.rule import Rule
from schemas.team import Mute, Person, Reader, Subscription, Team, Teams, To


@dataclass(frozen=True)
class Subject:
    """What of an alert decides where it goes."""

    rule_id: str
    severity: Severity
    tags: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    outlet: str = ""

    @classmethod
    def of(cls, alert: Alert) -> "Subject":
        """That of an alert."""
        return cls(alert.rule_id, alert.severity, alert.tags, alert.channels, alert.outlet)

    @classmethod
    def of_rule(cls, rule: Rule) -> "Subject":
        """That of the alerts which a rule makes."""
        return cls(rule.id, rule.severity, rule.tags, rule.channels)


@dataclass(frozen=True)
class Target:
    """One reader by one channel: at once when `due` is None, else held until then, or never told (`dropped`)."""

    recipient: str
    channel: str
    why: str
    language: Language | None = None
    zone: tzinfo = UTC
    hold: Hold | None = None
    due: datetime | None = None
    dropped: bool = False

    @property
    def name(self) -> str:
        """Reader and channel in one word."""
        return f"{self.recipient}/{self.channel}"


@dataclass(frozen=True)
class Escalation:
    """Whom an alert is told when nobody has acknowledged it some time after it was told first."""

    after: timedelta
    target: Target

    @property
    def step(self) -> float:
        """Its minutes, by which its deliveries are known."""
        return self.after.total_seconds() / 60


def route(
    subject: Subject, teams: Teams | None, every: Sequence[str], at: datetime, *, apart: str | None = None
) -> list[Target]:
    """The targets of an alert that is made at a moment, each reader and channel once.

    A rule's own channels always get it. While teams.toml names nobody, a rule without channels goes to `every` channel
    but the one kept `apart`; else to those who subscribe. The Target that comes first of several for one reader and
    channel wins.
    """
    found: dict[tuple[str, str], Target] = {}
    for target in _targets(subject, teams, every, at, apart):
        known = found.get((target.recipient, target.channel))
        if known is None or (target.due or at) < (known.due or at):
            found[target.recipient, target.channel] = target
    muted = _mute(subject, teams, at)
    return [_muted(target, muted, subject, teams) if muted else target for target in found.values()]


def _targets(
    subject: Subject, teams: Teams | None, every: Sequence[str], at: datetime, apart: str | None
) -> Iterator[Target]:
    for name in subject.channels:
        yield Target("", name, "the rule names this channel")
    if teams is None or not teams.readers:
        if not subject.channels:
            yield from (Target("", name, "every channel: teams.toml names nobody") for name in every if name != apart)
        return
    people = {person.id: person for person in teams.people}
    for reader in teams.readers.values():
        for wanted in reader.subscriptions:
            if wanted.wants(subject.rule_id, subject.tags, subject.severity):
                for told, why in _told(reader, wanted, people, subject.severity, at):
                    for channel in (wanted.channels if told is reader else ()) or told.channels:
                        yield _timed(told, channel, wanted, subject.severity, at, why)


def _told(
    reader: Reader, wanted: Subscription, people: dict[str, Person], severity: Severity, at: datetime
) -> Iterator[tuple[Reader, str]]:
    """The readers that a subscription means, and why."""
    asked = f"{reader.id} subscribes to {_described(wanted)}"
    to = wanted.to or (To.ROOM if reader.channels or wanted.channels else To.EVERYONE)
    if not isinstance(reader, Team) or to is To.ROOM:
        yield reader, asked
        return
    members = [people[name] for name in reader.people]
    if to is To.EVERYONE or not members:
        yield from ((person, f"{asked}, for everyone") for person in members)
        return
    on_duty = [person for person in members if person.hears(severity, at)]
    if on_duty:
        yield from ((person, f"{asked}, for those on duty") for person in on_duty)
    else:
        first = min(members, key=lambda person: (person.hears_from(severity, at), person.id))
        yield first, f"{asked}; nobody is on duty, {first.id} is first"


def _described(wanted: Subscription) -> str:
    named = [f"rule {rule}" for rule in wanted.rules] + [f"tag {tag}" for tag in wanted.tags]
    return f"{' or '.join(named) or 'every rule'} from {wanted.severity} on"


def _timed(reader: Reader, channel: str, wanted: Subscription, severity: Severity, at: datetime, why: str) -> Target:
    hold, due = None, at
    if wanted.digest is not None:
        hold, due = Hold.DIGEST, _digest_after(wanted.digest, reader, at)
    heard = reader.hears_from(severity, due)
    if heard > due:
        hold = Hold.DIGEST if hold is Hold.DIGEST else Hold.QUIET
        due = heard
    return Target(reader.id, channel, why, reader.language, reader.tz, hold=hold, due=None if hold is None else due)


def _digest_after(when: str, reader: Reader, at: datetime) -> datetime:
    if when == "hourly":
        return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return next_daily(when, reader.tz, at)


def _mute(subject: Subject, teams: Teams | None, at: datetime) -> Mute | None:
    """The mute that covers it and lasts longest; one that drops wins."""
    covering = [
        m for m in (teams.mutes if teams else ()) if m.covers(subject.rule_id, subject.tags, subject.outlet, at)
    ]
    return max(covering, key=lambda mute: (mute.drop, mute.until), default=None)


def _muted(target: Target, mute: Mute, subject: Subject, teams: Teams | None) -> Target:
    why = f"{target.why}; muted{f': {mute.reason}' if mute.reason else ''}"
    if mute.drop:
        return replace(target, why=why, dropped=True, hold=None, due=None)
    due = max(target.due or mute.until, mute.until)
    reader = teams.readers.get(target.recipient) if teams else None
    if reader is not None:
        due = reader.hears_from(subject.severity, due)
    return replace(target, why=why, hold=Hold.MUTE, due=due)


def escalations(subject: Subject, teams: Teams | None) -> list[tuple[timedelta, tuple[str, ...]]]:
    """The steps of every subscription that the alert meets, the earliest first: after which time, whom."""
    if teams is None:
        return []
    steps = {
        (timedelta(minutes=step.after_minutes), step.to)
        for reader in teams.readers.values()
        for wanted in reader.subscriptions
        if wanted.wants(subject.rule_id, subject.tags, subject.severity)
        for step in wanted.escalate
    }
    return sorted(steps)


def escalated(subject: Subject, teams: Teams | None, at: datetime) -> list[Escalation]:
    """Every step, for each of its targets, as it would be told at a moment: in their hours."""
    return [
        Escalation(after, target)
        for after, ids in escalations(subject, teams)
        if teams is not None
        for target in _escalation_targets(ids, teams, subject.severity, after, at)
    ]


def _escalation_targets(
    ids: Iterable[str], teams: Teams, severity: Severity, after: timedelta, at: datetime
) -> Iterator[Target]:
    why = f"nobody acknowledged it for {after.total_seconds() / 60:g} min"
    for reader in (teams.readers[name] for name in ids):
        people = reader.people if isinstance(reader, Team) and not reader.channels else ()
        members: list[Reader] = [person for person in teams.people if person.id in people]
        for one in members or [reader]:
            for channel in one.channels:
                yield _timed(one, channel, Subscription(), severity, at, why)
