"""A mean stance that moved by more than its noise."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, variance

from consumers.archive import Client
from consumers.rules.episodes import Finding, Point, episodes, ticks
from consumers.rules.reading import DETAIL, Fact, facts
from schemas.reason import Window
from schemas.rule import Moves, Shift
from schemas.rule_queries import Body
from schemas.taxonomy import Stance

STEP = timedelta(days=1)
"""Windows end at midnight, UTC."""

SIGN = {Stance.FAVOR: 1.0, Stance.AGAINST: -1.0, Stance.NEUTRAL: 0.0}

LEAST_SPREAD = 0.1
"""A subject that always says the very same has no noise at all: its next word would be a shift."""


@dataclass(frozen=True)
class Said:
    """The side that a subject took in a story, from -1 to 1."""

    at: datetime
    story_id: str
    score: float
    counts: bool


def findings(es: Client, rule: Shift, since: datetime, until: datetime) -> list[Finding]:
    """Each shift, of each subject, that shows at a midnight from `since` to the one after `until`."""
    reach = timedelta(days=rule.window_days + rule.baseline_days)
    found = facts(es, rule, since - reach - STEP, until, also=[speaks_of(rule)], fields=DETAIL)
    return found_in(by_subject(found, rule), rule, since, until)


def speaks_of(rule: Shift) -> Body:
    """That a piece, or a voice in it, takes a side on the target."""
    if rule.of is Moves.VOICE:
        return {"nested": {"path": "voices", "query": {"term": {"voices.target": str(rule.target)}}}}
    return {"exists": {"field": f"stance_score.{rule.target}"}}


def by_subject(found: Iterable[Fact], rule: Shift) -> dict[str, list[Said]]:
    """What each subject said, one a story: copies and the same voice quoted twice count once, by their mean."""
    said: dict[tuple[str, str], list[tuple[Fact, float]]] = {}
    for fact in found:
        for subject, score in _sides(fact, rule):
            said.setdefault((subject, fact.story_id), []).append((fact, score))
    subjects: dict[str, list[Said]] = {}
    for (subject, story_id), rows in said.items():
        at = min(fact.at for fact, _ in rows)
        mean = fmean(score for _, score in rows)
        subjects.setdefault(subject, []).append(Said(at, story_id, mean, any(fact.counts for fact, _ in rows)))
    return subjects


def _sides(fact: Fact, rule: Shift) -> Iterator[tuple[str, float]]:
    if rule.of is Moves.VOICE:
        for voice in fact.doc.get("voices", ()):
            if voice.get("named", True) and voice.get("target") == rule.target and voice.get("stance"):
                yield voice.get("entity") or voice["speaker"], SIGN[Stance(voice["stance"])]
        return
    score = fact.doc.get("stance_score", {}).get(rule.target)
    if score is not None:
        yield fact.outlet if rule.of is Moves.OUTLET else "", float(score)


def found_in(subjects: Mapping[str, Sequence[Said]], rule: Shift, since: datetime, until: datetime) -> list[Finding]:
    """The same, from what each subject said."""
    window = timedelta(days=rule.window_days)
    findings: list[Finding] = []
    for subject, said in sorted(subjects.items()):
        if len(said) < 3 * rule.min_stories:
            continue
        points = (point(said, at, rule) for at in ticks(since - STEP, until, STEP))
        for episode in episodes(points):
            fired = episode.fired
            if fired.at < since or fired.usual is None:
                continue
            whose = subject or "the beat"
            findings.append(
                Finding(
                    key=f"{subject}@{fired.at.isoformat()}",
                    window=Window(
                        subject=subject,
                        start=fired.at - window,
                        end=fired.at,
                        value=fired.value,
                        usual=fired.usual,
                        spread=fired.spread,
                        score=fired.score,
                    ),
                    last=episode.last,
                    after=episode.after,
                    odds=fired.odds,
                    text=f"The mean stance of {whose} on {rule.target} moved from {fired.usual:+.2f} to "
                    f"{fired.value:+.2f} (-1 against, 1 in favor), {abs(fired.score or 0):.1f} times its noise",
                    where={"outlet": subject} if rule.of is Moves.OUTLET else {"voice": subject} if subject else {},
                )
            )
    return findings


def point(said: Iterable[Said], at: datetime, rule: Shift) -> Point:
    """The difference of the two means, in standard errors (Welch)."""
    start = at - timedelta(days=rule.window_days)
    begin = start - timedelta(days=rule.baseline_days)
    now = [one.score for one in said if start < one.at <= at and one.counts]
    before = [one.score for one in said if begin < one.at <= start]
    if len(now) < rule.min_stories or len(before) < 2 * rule.min_stories:
        return Point(at, fires=False, holds=False, value=0.0)
    error = math.sqrt(
        max(variance(now), LEAST_SPREAD**2) / len(now) + max(variance(before), LEAST_SPREAD**2) / len(before)
    )
    change = fmean(now) - fmean(before)
    z = change / error
    return Point(
        at,
        fires=abs(z) >= rule.z and abs(change) >= rule.min_change,
        holds=abs(z) >= rule.z / 2 and abs(change) >= rule.min_change / 2,
        value=fmean(now),
        usual=fmean(before),
        spread=error,
        score=z,
        odds=math.erfc(abs(z) / math.sqrt(2)),
    )
