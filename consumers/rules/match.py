"""Why a piece is in a rule's scope, by how much, and whether it is an old text come back."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from consumers.archive import Client, search_each
from schemas.identity import similarity
from schemas.reason import Margin, Matched, Reason
from schemas.rule import Scope
from schemas.rule_queries import highlighted, same_text

SAME = 0.6
"""Estimated Jaccard similarity from which on two texts are the same."""

Doc = Mapping[str, Any]


def reason(piece: Doc, rule: Scope, now: datetime, fragments: Sequence[str] = ()) -> Reason:
    """The conditions that the piece meets, what met them, and the one that it meets most narrowly."""
    found = [Matched(field=field, found=tuple(values)) for field, values in _matched(piece, rule) if values]
    said = "; ".join(f"{one.field} {', '.join(one.found)}" for one in found) or "on the beat"
    return Reason(text=said, matched=tuple(found), words=tuple(fragments), margin=margin(piece, rule, now))


def _matched(piece: Doc, rule: Scope) -> list[tuple[str, list[str]]]:
    names = [name for entity in piece.get("entities", ()) for name in (entity["id"], entity["name"])]
    speakers = [v["speaker"] for v in piece.get("voices", ()) if _is_asked(v, rule.voices)]
    stance = piece.get("stance", {})
    rows = [
        ("query", [rule.query] if rule.query and rule.query.strip() else []),
        ("topics", [str(topic) for topic in rule.topics if topic in piece["topics"]]),
        ("voices", sorted(set(speakers))),
        ("entities", [entity for entity in rule.entities if entity in names]),
        ("outlets", [o for o in rule.outlets if o == piece["outlet"]]),
        ("countries", [c for c in rule.countries if c == piece.get("country")]),
        ("languages", [code for code in rule.languages if code == piece["language"]]),
        ("feeds", [feed for feed in rule.feeds if feed == piece["feed"]]),
    ]
    if rule.voices:
        for target in rule.stances:
            sides = {
                v["stance"] for v in piece.get("voices", ()) if v.get("target") == target and _is_asked(v, rule.voices)
            }
            rows.append((f"stance on {target}", sorted(side for side in sides if side in rule.stances[target])))
    else:
        rows += [(f"stance on {target}", [stance[target]] if target in stance else []) for target in rule.stances]
    return rows


def _is_asked(voice: Doc, asked: Sequence[str]) -> bool:
    said = voice["speaker"].casefold()
    return any(name == voice.get("entity") or name.casefold() in said for name in asked)


def margin(piece: Doc, rule: Scope, now: datetime) -> Margin:
    """The limit that lies nearest, as a share of the room that there was: just beyond it the alert would be silent."""
    sure = piece.get("stance_confidence", {})
    limits = [Margin(what="relevance", value=piece["relevance"], limit=rule.min_relevance)]
    if not rule.voices:
        limits += [
            Margin(what=f"confidence of the stance on {target}", value=sure[target], limit=rule.min_confidence)
            for target in rule.stances
            if target in sure
        ]
    if not piece["date_guessed"]:
        age = (now - datetime.fromisoformat(piece["published_at"])).total_seconds() / 3600
        limits.append(Margin(what="age in hours", value=round(max(age, 0.0), 2), limit=rule.max_age_hours))
    return min(limits, key=_room)


def _room(limit: Margin) -> float:
    if limit.what == "age in hours":
        return 1 - limit.value / limit.limit
    return (limit.value - limit.limit) / max(1 - limit.limit, 0.01)


def fragments(es: Client, asked: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    """For each article id and query, where the query's words stand in the piece. Raises Unavailable."""
    bodies = [highlighted(article_id, query) for article_id, query in asked]
    return [_fragments(hits) for hits in search_each(es, bodies, index=es.indices.news)]


def _fragments(hits: Sequence[Doc]) -> tuple[str, ...]:
    marked = [text for hit in hits for texts in hit.get("highlight", {}).values() for text in texts]
    bare = dict.fromkeys(marked)
    return tuple(bare)[:3]


def returned(es: Client, pieces: Sequence[Doc], hours: Mapping[str, float], now: datetime) -> set[str]:
    """The ids of pieces that are old texts come back: the address says so, or an old piece has the same text.

    `hours`: for each article id the age from which on a piece is old. Raises Unavailable.
    """
    old = {p["article_id"] for p in pieces if _dated_in_url(p["url"], now, hours[p["article_id"]])}
    asked = [p for p in pieces if p["article_id"] not in old and p.get("bands")]
    bodies = [same_text(p["bands"], now - timedelta(hours=hours[p["article_id"]])) for p in asked]
    for piece, hits in zip(asked, search_each(es, bodies, index=es.indices.news), strict=True):
        before = [hit["_source"] for hit in hits if hit["_source"]["article_id"] != piece["article_id"]]
        if any(similarity(piece["signature"], other["signature"]) >= SAME for other in before):
            old.add(piece["article_id"])
    return old


def _dated_in_url(url: str, now: datetime, hours: float) -> bool:
    """Whether the address holds a whole date that lies further back than `hours`, a day's grace given."""
    found = re.search(r"/(19\d\d|20\d\d)[/-](0[1-9]|1[0-2])[/-](0[1-9]|[12]\d|3[01])(?=[/-]|$)", url)
    if found is None:
        return False
    try:
        day = datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=UTC)
    except ValueError:
        return False
    return day < now - timedelta(hours=hours) - timedelta(days=2)
