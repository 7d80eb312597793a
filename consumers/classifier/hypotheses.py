"""What another model is asked, and its answers as the probabilities that ours gives. Pure: no torch."""

from collections.abc import Mapping, Sequence

import numpy as np

from consumers.classifier.decide import Floats
from consumers.classifier.model import EMBEDDING, Scores
from consumers.classifier.whole import LEANINGS, STRENGTHS, Heads, Linear
from schemas.errors import ConfigError
from schemas.taxonomy import TARGET_WORDS, TOPIC_WORDS, Stance, Target, Topic

RELEVANT, IGNORE = "relevant", "ignore"

SETTING = "classify.hub.labels"

Place = tuple[str, int, int]
"""Which array a label goes to (relevant, topic, stance), and where in it; -1 where there is no axis."""

_SIDES = {
    Stance.FAVOR: "The author or a speaker supports {}.",
    Stance.AGAINST: "The author or a speaker opposes {}.",
    Stance.NEUTRAL: "This text reports on {} without taking a side.",
}


def hypotheses() -> dict[str, Place]:
    """The 27 sentences that a zero-shot model is asked of: one on relevance, 11 on topics, 15 on sides."""
    asked: dict[str, Place] = {
        "This text is about migration or deportation between the United States and El Salvador.": (RELEVANT, -1, -1)
    }
    for at, topic in enumerate(Topic):
        asked[f"This text is about {TOPIC_WORDS[topic]['en']}."] = ("topic", at, -1)
    for at, target in enumerate(Target):
        for side, stance in enumerate(Stance):
            asked[_SIDES[stance].format(TARGET_WORDS[target]["en"])] = ("stance", at, side)
    return asked


def places(mapped: Mapping[str, str], own: Sequence[str]) -> dict[str, Place]:
    """Where each of the model's `own` labels goes, as `mapped` says; ignored ones are left out.

    Raises ConfigError when a label of the model has no entry, or an entry no label, or says what can't be understood.
    """
    if lacking := sorted(set(own) - set(mapped)):
        raise ConfigError(SETTING, f"no word on the model's {', '.join(lacking)}", remedy=f'Map it, or to "{IGNORE}"')
    if unknown := sorted(set(mapped) - set(own)):
        raise ConfigError(SETTING, f"the model has no {', '.join(unknown)}", remedy=f"It has: {', '.join(own)}")
    found = {label: _place(label, meant) for label, meant in mapped.items() if meant != IGNORE}
    if not found:
        raise ConfigError(SETTING, "all labels are ignored", remedy="Map at least one")
    return found


def _place(label: str, meant: str) -> Place:
    match meant.split(":"):
        case ["relevant"]:
            return RELEVANT, -1, -1
        case ["topic", name] if name in set(Topic):
            return "topic", list(Topic).index(Topic(name)), -1
        case ["stance", name, side] if name in set(Target) and side in set(Stance):
            return "stance", list(Target).index(Target(name)), list(Stance).index(Stance(side))
    raise ConfigError(
        f"{SETTING}.{label}",
        f"{meant!r} is no label of ours",
        remedy="Write relevant, topic:human_rights, stance:us_aid:favor or ignore",
    )


def scores(answers: Sequence[Mapping[str, float]], where: Mapping[str, Place]) -> Scores:
    """The answers, label or hypothesis to probability for each passage, as arrays.

    The likeliest side says how likely a target is addressed; of that, each side gets its share. Several labels of one
    place count by the likeliest. Without a label for relevance, a passage is as relevant as its likeliest label.
    """
    count = len(answers)
    relevance = np.zeros(count, np.float32)
    topics = np.zeros((count, len(Topic)), np.float32)
    sides = np.zeros((count, len(Target), len(Stance)), np.float32)
    for row, said in enumerate(answers):
        for label, (kind, at, side) in where.items():
            value = np.float32(said[label])
            match kind:
                case "topic":
                    topics[row, at] = max(topics[row, at], value)
                case "stance":
                    sides[row, at, side] = max(sides[row, at, side], value)
                case _:
                    relevance[row] = max(relevance[row], value)
    if not any(kind == RELEVANT for kind, _, _ in where.values()):
        relevance = np.maximum(topics.max(1, initial=0), sides.max((1, 2), initial=0)).astype(np.float32)
    no_embedding = np.zeros((count, EMBEDDING), np.float32)
    return Scores(relevance, topics, _stance(sides), no_embedding, np.zeros(count, np.bool_))


def _stance(sides: Floats) -> Floats:
    """(n, 5, 3) to (n, 5, 4) with absent first, each summing to 1."""
    addressed = sides.max(-1, keepdims=True)
    shares = sides / np.maximum(sides.sum(-1, keepdims=True), 1e-9)
    return np.concatenate([1 - addressed, addressed * shares], axis=-1).astype(np.float32)


def heads(threshold: float) -> Heads:
    """Plain heads for whole pieces, of a model for which none are fitted.

    A label stands in a piece as strongly as in the mean of its two strongest passages (headline and lead count twice);
    the side is that to which the passages lean.
    """
    two = np.zeros(STRENGTHS)
    two[1] = 1.0
    strength = Linear(weights=tuple(two))
    sides = {stance: Linear(weights=_one(at)) for at, stance in enumerate(Stance)}
    return Heads(
        relevance=strength,
        topic=strength,
        topic_bias=dict.fromkeys(Topic, 0.0),
        addressed=strength,
        sides=sides,
        relevance_from=threshold,
        topic_from=threshold,
        addressed_from=threshold,
    )


def _one(at: int) -> tuple[float, ...]:
    weights = np.zeros(LEANINGS)
    weights[at] = 5.0  # the balance of one side, as sure as probabilities of three sides can be
    return tuple(weights)
