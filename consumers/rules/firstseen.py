"""A voice, place, agreement or other name that is new on the beat."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from consumers.archive import Client, search, search_each
from consumers.rules.episodes import Finding
from consumers.rules.reading import DETAIL, Fact, facts
from schemas.reason import Window
from schemas.rule import FirstSeen, Novelty
from schemas.rule_queries import Body, between, named_before

ASKED = 200
"""Names asked for in one request."""

Name = tuple[str, str]
"""What a name is of (`voice`, `entity`) and its id, or its words where it has none."""


def findings(
    es: Client, rule: FirstSeen, since: datetime, until: datetime, *, of: Iterable[Mapping[str, Any]] | None = None
) -> list[Finding]:
    """Each name that pieces from `since` to `until` give and none before; with `of`, only names in those pieces."""
    wanted = None if of is None else {name for doc in of for name, _ in names(doc, rule)}
    if wanted is not None and not wanted:
        return []
    if not _warm(es, rule, since):
        return []
    rows = first_named(facts(es, rule, since, until, fields=DETAIL), rule)
    kept = {name: row for name, row in rows.items() if wanted is None or name in wanted}
    fresh = [name for name in kept if name not in _known(es, kept, rule, since)]
    return [_finding(name, *kept[name]) for name in fresh]


def first_named(found: Iterable[Fact], rule: FirstSeen) -> dict[Name, tuple[str, Fact]]:
    """Each name that enough outlets give: how it is written, and the piece that gave it first."""
    rows: dict[Name, list[tuple[str, Fact]]] = {}
    for fact in found:
        if fact.counts:
            for name, shown in names(fact.doc, rule):
                rows.setdefault(name, []).append((shown, fact))
    return {
        name: min(row, key=lambda one: (one[1].at, one[1].doc["article_id"]))
        for name, row in rows.items()
        if len({fact.outlet for _, fact in row}) >= rule.min_outlets
    }


def names(doc: Mapping[str, Any], rule: FirstSeen) -> Iterator[tuple[Name, str]]:
    """The names in a piece that the rule watches, and how each is written."""
    if Novelty.VOICE in rule.of:
        for voice in doc.get("voices", ()):
            if voice.get("named", True):
                yield ("voice", voice.get("entity") or voice["speaker"]), voice["speaker"]
    for entity in doc.get("entities", ()):
        if entity["kind"] in rule.of:
            yield ("entity", entity["id"]), entity["name"]


def _finding(name: Name, shown: str, fact: Fact) -> Finding:
    what = "is quoted" if name[0] == "voice" else "is named"
    return Finding(
        key=f"seen:{name[0]}:{name[1]}",
        window=Window(subject=shown, start=fact.at, end=fact.at, value=1, usual=0),
        last=fact.at,
        text=f"{shown} {what} for the first time on the beat, by {fact.outlet}",
        where={name[0]: name[1]},
    )


def _warm(es: Client, rule: FirstSeen, since: datetime) -> bool:
    """Whether the index reaches far enough back to say what is new."""
    oldest = {"range": {"published_at": {"lt": (since - timedelta(days=rule.warmup_days)).isoformat()}}}
    return bool(search(es, named_before([oldest]))["hits"]["hits"])


def _known(es: Client, asked: Iterable[Name], rule: FirstSeen, since: datetime) -> set[Name]:
    """Those of the names that pieces before `since` give."""
    every = list(asked)
    before = between(since - timedelta(days=rule.lookback_days), since)
    known: set[Name] = set()
    for start in range(0, len(every), ASKED):
        some = every[start : start + ASKED]
        bodies = [named_before([before, named(name)]) for name in some]
        answers = search_each(es, bodies, index=es.indices.news)
        known |= {name for name, hits in zip(some, answers, strict=True) if hits}
    return known


def named(name: Name) -> Body:
    """That a piece gives the name."""
    kind, value = name
    if kind == "entity":
        return {"term": {"entities.id": value}}
    either = [{"term": {"voices.entity": value}}, {"term": {"voices.speaker.raw": value}}]
    return {"nested": {"path": "voices", "query": {"bool": {"should": either, "minimum_should_match": 1}}}}
