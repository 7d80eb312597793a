"""Which rules a piece may meet, told from its labels alone: only those are sent to Elasticsearch. Pure.

Each rule is filed under one condition that a piece must fulfil (its anchor), so that a piece looks at few of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.rule import Rule

SLACK = 1e-6
"""Elasticsearch compares floats of 32 bits: what lies this near to a limit is left to it."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Labels:
    """A piece's labels, as rules ask for them."""

    keys: frozenset[Key]
    relevance: float
    confidence: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Filed:
    """A rule: the keys of which any one will do, for each condition, and its limits."""

    rule: Rule
    conditions: tuple[frozenset[Key], ...]
    targets: tuple[str, ...]
    min_relevance: float
    min_confidence: float

    def may_hold(self, labels: Labels) -> bool:
        """False when the labels rule it out."""
        return (
            labels.relevance >= self.min_relevance
            and not any(condition.isdisjoint(labels.keys) for condition in self.conditions)
            and all(labels.confidence.get(target, 0.0) >= self.min_confidence for target in self.targets)
        )


@dataclass(frozen=True)
class Selector:
    """The rules, filed."""

    anchored: Mapping[Key, Sequence[Filed]]
    anywhere: Sequence[Filed]
    rules: Sequence[Rule] = field(repr=False)

    def candidates(self, labels: Labels) -> Iterator[Rule]:
        """Each rule that the piece may meet, once."""
        seen: set[str] = set()
        for filed in self._near(labels):
            if filed.rule.id not in seen and filed.may_hold(labels):
                seen.add(filed.rule.id)
                yield filed.rule

    def _near(self, labels: Labels) -> Iterator[Filed]:
        yield from self.anywhere
        for key in labels.keys:
            yield from self.anchored.get(key, ())


def labels_of(piece: Mapping[str, Any]) -> Labels:
    """The labels of a document of `news`."""
    keys = {("outlet", piece["outlet"]), ("language", piece["language"]), ("feed", piece["feed"])}
    if piece.get("country"):
        keys.add(("country", piece["country"]))
    keys |= {("topic", topic) for topic in piece.get("topics", ())}
    keys |= {(target, side) for target, side in piece.get("stance", {}).items()}
    for entity in piece.get("entities", ()):
        keys |= {("entity", entity["id"]), ("entity", entity["name"])}
    return Labels(frozenset(keys), piece["relevance"], piece.get("stance_confidence", {}))


def select(rules: Iterable[Rule]) -> Selector:
    """File the rules."""
    kept = list(rules)
    filed = [_filed(rule) for rule in kept]
    sizes: dict[Key, int] = {}
    for one in filed:
        for key in set().union(*one.conditions):
            sizes[key] = sizes.get(key, 0) + 1
    anchored: dict[Key, list[Filed]] = {}
    anywhere: list[Filed] = []
    for one in filed:
        if not one.conditions:
            anywhere.append(one)
            continue
        # the condition that the fewest rules share, per key, brings the fewest pieces to look at this one
        for key in min(one.conditions, key=lambda keys: _crowd(keys, sizes)):
            anchored.setdefault(key, []).append(one)
    return Selector(anchored, anywhere, kept)


def _crowd(keys: frozenset[Key], sizes: Mapping[Key, int]) -> tuple[int, int]:
    return sum(sizes[key] for key in keys), len(keys)


def _filed(rule: Rule) -> Filed:
    # whom a voice's stance belongs to, only Elasticsearch can tell
    stances = {} if rule.voices else rule.stances
    conditions = [
        [("entity", entity) for entity in rule.entities],
        [("outlet", outlet) for outlet in rule.outlets],
        [("feed", feed) for feed in rule.feeds],
        *([(str(target), str(side)) for side in sides] for target, sides in stances.items() if sides),
        [("topic", str(topic)) for topic in rule.topics],
        [("country", country) for country in rule.countries],
        [("language", language) for language in rule.languages],
    ]
    return Filed(
        rule,
        tuple(frozenset(keys) for keys in conditions if keys),
        tuple(str(target) for target in stances),
        rule.min_relevance - SLACK,
        rule.min_confidence - SLACK,
    )
