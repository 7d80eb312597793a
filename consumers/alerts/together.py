"""Alerts that were held, as one message: the weightiest in full, the rest counted; pure."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from schemas.alert import AlertRecord, Hold
from schemas.message import Fact, Facts, Item, Items, Language, Message
from schemas.rendering.wording import SEVERITY_WORDS, when
from schemas.team import RANK

RULES = 10
"""Rules of which a message says how many alerts each made."""

TITLES: dict[Hold, dict[str, str]] = {
    Hold.QUIET: {"en": "While you were off duty", "es": "Mientras no estaba de turno"},
    Hold.DIGEST: {"en": "Digest", "es": "Resumen"},
    Hold.THROTTLE: {"en": "Held back: more than the limit", "es": "Retenidas: más que el límite"},
    Hold.MUTE: {"en": "After maintenance", "es": "Tras el mantenimiento"},
}
WORDS = {
    "count": {"en": "{n} alerts", "es": "{n} alertas"},
    "more": {"en": "and {n} more", "es": "y {n} más"},
    "rules": {"en": "rules", "es": "reglas"},
    "list": {"en": "vigia alerts list shows all", "es": "vigia alerts list las muestra todas"},
}


def weight(record: AlertRecord) -> tuple[float, ...]:
    """By what alerts are ordered, the weightiest first: severity, pieces of the story, relevance, age."""
    return (-RANK[record.severity], -len(record.thread), -record.relevance, record.created_at_ms)


def of_many(
    records: Sequence[AlertRecord],
    holds: Sequence[Hold],
    *,
    message_id: str,
    language: Language,
    zone: tzinfo = UTC,
    at: datetime,
    items: int,
) -> Message:
    """One message about all of them; `holds` says why each had to wait."""
    ordered = sorted(records, key=weight)
    shown = ordered[:items]
    more = len(ordered) - len(shown)
    most = max(Counter(holds).items(), key=lambda held: held[1])[0]
    rules = Counter(record.rule_name for record in ordered)
    names = rules.most_common(RULES)
    facts = tuple(Fact(label=name, value=_number(n, language)) for name, n in names)
    if left := len(rules) - len(names):
        label = f"{_say('more', language, left)} {WORDS['rules'][language]}"
        facts = (*facts, Fact(label=label, value=_number(len(ordered) - sum(n for _, n in names), language)))
    rows = tuple(
        Item(
            title=record.title,
            url=record.url,
            detail=f"{SEVERITY_WORDS[record.severity][language]}, {record.rule_name}, {record.outlet}, "
            f"{when(record.published_at.astimezone(zone), language)}",
        )
        for record in shown
    )
    count = _say("count", language, len(ordered))
    return Message(
        message_id=message_id,
        kind="digest.created",
        language=language,
        severity=ordered[0].severity,
        label=TITLES[most][language],
        title=count,
        blocks=(
            Items(title=count, rows=rows, more=_say("more", language, more) if more else ""),
            Facts(rows=facts),
        ),
        footer=WORDS["list"][language],
        at=at,
        feed="digest",
        feed_name=TITLES[Hold.DIGEST][language],
        data=_data(shown, len(ordered), more, most, rules),
    )


def _data(shown: Sequence[AlertRecord], count: int, more: int, hold: Hold, rules: Counter[str]) -> dict[str, Any]:
    kept = {"alert_id", "rule_id", "rule_name", "severity", "title", "url", "outlet", "published_at", "story_id"}
    return {
        "held": hold.value,
        "count": count,
        "more": more,
        "by_rule": dict(rules.most_common()),
        "alerts": [record.model_dump(mode="json", include=kept) for record in shown],
    }


def _say(word: str, language: Language, n: int) -> str:
    return WORDS[word][language].format(n=_number(n, language))


def _number(n: int, language: Language) -> str:
    return f"{n:,}" if language is Language.ENGLISH else f"{n:,}".replace(",", ".")
