"""Rules over windows: what they found that nobody was told of yet, and why. May raise Unavailable."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from consumers.archive import Client, get_many
from consumers.rules import firstseen, shift, silence, spike, threshold
from consumers.rules.episodes import Finding, untold
from consumers.rules.made import identity, window_alert
from consumers.rules.reading import DETAIL, Fact, facts, told, whole
from consumers.rules.why import causes, leading
from schemas.alert import Alert
from schemas.reason import Margin, Reason
from schemas.rule import FirstSeen, Rule, Shift, Silence, Spike, Threshold
from schemas.rule_queries import Body

REMEMBERED = timedelta(days=62)
"""An episode that lasts longer may be told again."""

BEFORE = timedelta(weeks=4)
"""What pieces are compared with to say why."""

COMPARED = 3000
"""Pieces read at most to say why, on either side."""

Doc = Mapping[str, Any]
Windowed = Threshold | Spike | Shift | FirstSeen | Silence


def window_alerts(es: Client, touched: Mapping[str, tuple[Windowed, Sequence[Doc]]], now: datetime) -> list[Alert]:
    """The alerts to make: of each rule that pieces touched (or that the clock asks about), by rule id."""
    if not touched:
        return []
    before = told(es, sorted(touched), now - REMEMBERED)
    fresh: list[tuple[Windowed, Finding]] = []
    for rule_id, (rule, docs) in touched.items():
        since = now - timedelta(hours=rule.max_age_hours)
        # an episode that was told and still lasts must be seen from its beginning
        start = min([since, *(max(window.start, now - REMEMBERED) for window in before[rule_id])])
        found = findings(es, rule, start, now, docs=docs)
        fresh += [(rule, one) for one in untold(found, before[rule_id]) if one.window.end >= since]
    index = es.indices.alerts
    there = get_many(es, [(index, identity(rule, one)) for rule, one in fresh], fields=["alert_id"])
    made = [explained(es, rule, one, now) for rule, one in fresh if identity(rule, one) not in there]
    return [alert for alert in made if alert is not None]


def findings(
    es: Client, rule: Rule, since: datetime, until: datetime, *, docs: Sequence[Doc] | None = None
) -> list[Finding]:
    """What the rule finds in that time; a rule of first mentions only among `docs` where they are given."""
    match rule:
        case Threshold():
            return threshold.findings(es, rule, since, until)
        case Spike():
            return spike.findings(es, rule, since, until)
        case Shift():
            return shift.findings(es, rule, since, until)
        case FirstSeen():
            return firstseen.findings(es, rule, since, until, of=docs)
        case Silence():
            return silence.findings(es, rule, since, until)
        case _:
            return []


def explained(es: Client, rule: Windowed, finding: Finding, now: datetime) -> Alert | None:
    """The alert on a finding, with its causes, stories and margin; None when no piece can stand for it any more."""
    current, earlier = _compared(es, rule, finding)
    why = causes([fact.doc for fact in current], [fact.doc for fact in earlier]) if _has_causes(rule) else ()
    stories = leading([fact.doc for fact in current], why)
    lead = whole(es, stories[0].article_id) if stories else _last(es, rule, finding)
    if lead is None:
        return None
    reason = Reason(text=finding.text, margin=margin(rule, finding), causes=why, stories=stories, odds=finding.odds)
    return window_alert(finding, lead, rule, now, reason)


def _has_causes(rule: Windowed) -> bool:
    return not isinstance(rule, FirstSeen)


def _compared(es: Client, rule: Windowed, finding: Finding) -> tuple[list[Fact], list[Fact]]:
    """The pieces that the finding is about, and those before it to compare them with."""
    start, end = finding.window.start, finding.window.end
    also: list[Body] = []
    among = True
    match rule:
        case FirstSeen():
            start = start - timedelta(milliseconds=1)
            also = [firstseen.named(name) for name in finding.where.items()]
        case Shift():
            also = [shift.speaks_of(rule)]
            also += [firstseen.named(("voice", v)) for k, v in finding.where.items() if k == "voice"]
            also += [{"term": {"outlet": v}} for k, v in finding.where.items() if k == "outlet"]
        case Silence():
            among = False  # what the others carry meanwhile
            if "story" in finding.where:
                also, start = [{"term": {"story_id": finding.where["story"]}}], start - BEFORE
            else:
                also, end = [{"bool": {"must_not": [{"term": finding.where}]}}], finding.last
    current = facts(es, rule, start, end, also=also, among=among, fields=DETAIL, most=COMPARED)
    if isinstance(rule, FirstSeen) or "story" in finding.where:
        return current, []
    days = timedelta(days=rule.baseline_days) if isinstance(rule, Shift) else BEFORE
    earlier = facts(es, rule, start - days, start, also=also, among=among, fields=DETAIL, most=COMPARED)
    return [fact for fact in current if fact.counts], earlier


def _last(es: Client, rule: Windowed, finding: Finding) -> dict[str, Any] | None:
    """The piece after which the silence began."""
    own: list[Body] = [{"term": finding.where}] if finding.where else []
    start = finding.window.start
    rows = facts(es, rule, start - timedelta(milliseconds=1), start, also=own, among=False)
    return whole(es, rows[-1].doc["article_id"]) if rows else None


def margin(rule: Windowed, finding: Finding) -> Margin | None:
    """What would have kept it silent."""
    window = finding.window
    match rule:
        case Threshold():
            return Margin(what="stories in the window", value=window.value, limit=rule.stories)
        case Spike():
            return Margin(what="robust z-score", value=round(window.score or 0, 2), limit=rule.z)
        case Shift():
            return Margin(what="standard errors moved", value=round(abs(window.score or 0), 2), limit=rule.z)
        case Silence() if rule.carried_by is not None:
            return Margin(what="share of such stories carried before", value=window.usual or 0, limit=rule.usually)
        case Silence() if rule.quiet_hours is not None:
            hours = (window.end - window.start).total_seconds() / 3600
            return Margin(what="hours of silence", value=round(hours, 2), limit=rule.quiet_hours)
        case Silence():
            return Margin(what="odds of the silence by chance", value=finding.odds or 0, limit=rule.odds)
        case _:
            return None
