"""The alerts that a rule would have sent over a past time, made as the worker makes them. May raise Unavailable."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from consumers.archive import Client
from consumers.rules import follow, match
from consumers.rules.made import THREAD, alert_of, joined
from consumers.rules.reading import DETAIL, Fact, facts, first_seen
from consumers.rules.windows import explained, findings
from schemas.alert import Alert
from schemas.reason import Joined, JoinedAs
from schemas.rule import Follow, Match, Rule

FIELDS = (*DETAIL, "feed", "country", "stance_confidence")


def would_send(es: Client, rule: Rule, since: datetime, until: datetime) -> list[Alert]:
    """One alert a story or window, the earliest first, whether or not the rule is awake.

    Each piece is taken to have been read when it first was; so what a correction brought later isn't told apart.
    """
    match rule:
        case Match():
            return _stories(es, rule, since, until)
        case Follow():
            return _thread(es, rule, since, until)
        case _:
            found = findings(es, rule, since, until)
            made = [explained(es, rule, one, one.window.end) for one in found if since <= one.window.end]
            return sorted((a for a in made if a is not None), key=lambda a: a.created_at_ms)


def _stories(es: Client, rule: Match, since: datetime, until: datetime) -> list[Alert]:
    stories: dict[str, list[Fact]] = {}
    for fact in facts(es, rule, since, until, fields=FIELDS):
        if fact.counts and _young(fact, rule):
            stories.setdefault(fact.story_id, []).append(fact)
    return [_alert(rows, rule) for rows in stories.values()]


def _young(fact: Fact, rule: Match) -> bool:
    """Whether the piece was read while it was young enough to alert."""
    read = first_seen(fact.doc) or fact.at
    return fact.doc["date_guessed"] or read - fact.at <= timedelta(hours=rule.max_age_hours)


def _alert(rows: Sequence[Fact], rule: Match) -> Alert:
    first = rows[0].doc
    read = max(first_seen(first) or rows[0].at, rows[0].at)
    thread: list[Joined] = []
    for fact in rows[:THREAD]:
        entry = joined(fact.doc, thread, JoinedAs.COPY if thread else JoinedAs.FIRST)
        thread += [entry] if entry else []
    reason = match.reason(first, rule, read)
    return alert_of(first, rule, read, reason).model_copy(update={"thread": tuple(thread)})


def _thread(es: Client, rule: Follow, since: datetime, until: datetime) -> list[Alert]:
    story = follow.seeds(es, [rule])[rule.id]
    if not story:
        return []
    weighed = follow.weights(es, story)
    thread: list[Joined] = []
    for fact in facts(es, rule, since, until, fields=FIELDS):
        kind = follow.joins(fact.doc, story, rule, weighed) if fact.counts else None
        entry = joined(fact.doc, thread, kind) if kind is not None else None
        thread += [entry] if entry else []
    if not thread:
        return []
    made = alert_of(story[0], rule, thread[0].published_at)
    return [made.model_copy(update={"thread": tuple(thread)})]
