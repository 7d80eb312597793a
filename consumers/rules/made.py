"""Alerts, made of what rules found. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from consumers.rules.episodes import Finding
from schemas.alert import Alert, Evidence
from schemas.identity import alert_id
from schemas.reason import Joined, JoinedAs, Reason
from schemas.rule import Scope

SENTENCES = 4
"""Sentences of a piece that an alert quotes."""

THREAD = 500
"""Pieces that an alert's thread holds; a story with more has been told."""


def alert_of(piece: Mapping[str, Any], rule: Scope, now: datetime, reason: Reason | None = None) -> Alert:
    """The alert that a document of `news` gives under a rule."""
    return Alert(
        alert_id=alert_id(rule.id, piece["story_id"]),
        rule_id=rule.id,
        rule_name=rule.name,
        severity=rule.severity,
        channels=rule.channels,
        story_id=piece["story_id"],
        article_id=piece["article_id"],
        title=piece["title"],
        url=piece["url"],
        outlet=piece["outlet"],
        language=piece["language"],
        published_at=piece["published_at"],
        date_guessed=piece["date_guessed"],
        observed_at_ms=round(datetime.fromisoformat(piece["observed_at"]).timestamp() * 1000),
        created_at_ms=round(now.timestamp() * 1000),
        relevance=piece["relevance"],
        topics=tuple(piece["topics"]),
        stances=piece["stance"],
        evidence=tuple(_evidence(piece.get("evidence", ()), rule)),
        kind=getattr(rule, "kind", "match"),
        tags=rule.tags,
        reason=reason,
    )


def window_alert(finding: Finding, piece: Mapping[str, Any], rule: Scope, now: datetime, reason: Reason) -> Alert:
    """The alert on a window: its headline says what was found, `piece` stands for it."""
    return alert_of(piece, rule, now, reason).model_copy(
        update={
            "alert_id": identity(rule, finding),
            "title": finding.text,
            "language": "en",
            "window": finding.window,
        }
    )


def identity(rule: Scope, finding: Finding) -> str:
    """The alert's id: one a rule and window, ever."""
    return alert_id(rule.id, finding.key)


def joined(piece: Mapping[str, Any], thread: Sequence[Joined], otherwise: JoinedAs) -> Joined | None:
    """The piece as the next entry of a thread; None when it is there already, or the thread is full."""
    earlier = [entry for entry in thread if entry.article_id == piece["article_id"]]
    if len(thread) >= THREAD or any(entry.content_hash == piece["content_hash"] for entry in earlier):
        return None
    kind = otherwise
    if earlier:
        turned = {str(target): str(side) for target, side in earlier[-1].stances.items()} != dict(piece["stance"])
        kind = JoinedAs.STANCE if turned else JoinedAs.REVISION
    return Joined(
        article_id=piece["article_id"],
        content_hash=piece["content_hash"],
        kind=kind,
        title=piece["title"],
        url=piece["url"],
        outlet=piece["outlet"],
        published_at=piece["published_at"],
        stances=piece["stance"],
    )


def _evidence(found: Sequence[Mapping[str, Any]], rule: Scope) -> Iterator[Evidence]:
    """The sentences that speak for what the rule asks: its stances first, then its topics, then the surest."""

    def rank(sentence: Mapping[str, Any]) -> tuple[bool, bool, float]:
        sides = [str(side) for side in rule.stances.get(sentence.get("target", ""), ())]
        return sentence.get("stance") in sides, sentence.get("topic") in rule.topics, sentence["confidence"]

    texts: set[str] = set()
    for sentence in sorted(found, key=rank, reverse=True):
        if len(texts) == SENTENCES:
            return
        if sentence["text"] not in texts:
            texts.add(sentence["text"])
            yield Evidence.model_validate({k: v for k, v in sentence.items() if k in Evidence.model_fields})
