"""What a briefing has found, and how it is read out of Elasticsearch's answers; pure."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flows.briefings.shift import Sample, Shift, shifts
from schemas.classification import EntityKind, Part
from schemas.taxonomy import Stance, Target, Topic

SCORES = {Stance.FAVOR: 1.0, Stance.NEUTRAL: 0.0, Stance.AGAINST: -1.0}
QUIET_EXPECTED = 3.0
"""An outlet or topic of which so many pieces or stories were to be expected, and none came, was quiet: by chance alone
that happens once in twenty times (Poisson)."""

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Story:
    """A story, told by its most relevant piece."""

    title: str
    url: str
    outlet: str
    published_at: datetime
    pieces: int
    outlets: int
    relevance: float
    topics: tuple[Topic, ...] = ()
    stances: tuple[tuple[Target, Stance], ...] = ()
    sentence: str = ""
    speaker: str | None = None
    sentence_stance: Stance | None = None

    @property
    def weight(self) -> float:
        """What ranks stories: outlets count in full, pieces by their logarithm, all by how sure the model is."""
        return self.relevance * (self.outlets + math.log2(max(self.pieces, 1)))


@dataclass(frozen=True)
class Sides:
    """Stories by the side taken on a target, now and before."""

    target: Target
    now: Mapping[Stance, int]
    before: Mapping[Stance, int]


@dataclass(frozen=True)
class Speaker:
    """Somebody who spoke: `field` and `key` find them in the index, `name` is what pieces call them most."""

    field: str
    key: str
    name: str
    stories: int


@dataclass(frozen=True)
class NewVoice:
    """Somebody who was never quoted before: first where, saying what."""

    name: str
    title: str
    quote: str
    target: Target | None
    stance: Stance | None
    stories: int
    piece: str
    url: str
    outlet: str
    published_at: datetime


@dataclass(frozen=True)
class Quiet:
    """An outlet or a topic that had `before` pieces or stories in the window before, and none now."""

    what: str | Topic
    before: int
    expected: float


@dataclass(frozen=True)
class Findings:
    """All that a briefing tells. `reaches_back`: whether the index holds anything from before the window."""

    pieces: int = 0
    stories: int = 0
    outlets: int = 0
    pieces_before: int = 0
    top: tuple[Story, ...] = ()
    balances: tuple[Sides, ...] = ()
    moved: tuple[Shift, ...] = ()
    new_voices: tuple[NewVoice, ...] = ()
    quiet_outlets: tuple[Quiet, ...] = ()
    quiet_topics: tuple[Quiet, ...] = ()
    reaches_back: bool = False
    more_new_voices: int = field(default=0)


def read_stories(answer: Answer, *, limit: int) -> tuple[Story, ...]:
    """The weightiest stories."""
    buckets = answer["aggregations"]["stories"]["buckets"]
    found = [_story(bucket) for bucket in buckets]
    return tuple(sorted(found, key=lambda story: (-story.weight, story.title))[:limit])


def _story(bucket: Answer) -> Story:
    piece = bucket["piece"]["hits"]["hits"][0]["_source"]
    told = _sentence(piece.get("evidence") or [])
    return Story(
        title=piece["title"],
        url=piece["url"],
        outlet=piece["outlet"],
        published_at=datetime.fromisoformat(piece["published_at"]),
        pieces=bucket["doc_count"],
        outlets=bucket["outlets"]["value"],
        relevance=bucket["relevance"]["value"] or 0.0,
        topics=tuple(Topic(topic) for topic in piece.get("topics") or []),
        stances=tuple((Target(target), Stance(side)) for target, side in (piece.get("stance") or {}).items()),
        sentence=told.get("text", ""),
        speaker=told.get("speaker"),
        sentence_stance=Stance(told["stance"]) if told.get("stance") else None,
    )


def _sentence(evidence: list[dict[str, Any]]) -> dict[str, Any]:
    """The surest sentence that takes a side, else the surest; of the body, since the headline is told anyway."""
    told = [one for one in evidence if one["part"] == Part.TEXT]
    sided = [one for one in told if one.get("stance") in {Stance.FAVOR, Stance.AGAINST}]
    return max(sided or told, key=lambda one: one["confidence"], default={})


def read_balances(answer: Answer) -> tuple[Sides, ...]:
    """How each target that anybody addressed stands."""
    now, before = _windows(answer)
    found = (Sides(target, _count_sides(now, target), _count_sides(before, target)) for target in Target)
    return tuple(one for one in found if any(one.now.values()) or any(one.before.values()))


def _count_sides(window: Answer, target: Target) -> dict[Stance, int]:
    counts = dict.fromkeys(Stance, 0)
    for bucket in window[f"balance_{target}"]["buckets"]:
        counts[Stance(bucket["key"])] = bucket["stories"]["value"]
    return counts


def read_outlet_shifts(answer: Answer) -> tuple[Shift, ...]:
    """The outlets whose mean signed score on a target moved by more than its noise."""
    now, before = ({b["key"]: b for b in w["outlets"]["buckets"]} for w in _windows(answer))
    return shifts(
        (name, target, _statistics(before[name][target]), _statistics(now[name][target]))
        for name in now.keys() & before.keys()
        for target in Target
    )


def _statistics(stats: Answer) -> Sample:
    return Sample(stats["count"], stats["avg"] or 0.0, stats["variance"] or 0.0)


def read_voice_shifts(answer: Answer) -> tuple[Shift, ...]:
    """The speakers whose side on a target moved; a story counts 1 in favor, -1 against, 0 neutral."""
    now, before = ({(f, b["key"]): b for f, b in _speakers(w)} for w in _windows(answer))
    compared = (
        (_name(now[who]), target, _counted(before[who], target), _counted(now[who], target))
        for who in now.keys() & before.keys()
        for target in Target
    )
    return shifts(compared, "stories")


def _counted(speaker: Answer, target: Target) -> Sample:
    counts: dict[float, int] = {}
    for bucket in speaker["targets"]["buckets"]:
        if bucket["key"] == target:
            counts = {SCORES[Stance(s["key"])]: s["stories"]["count"]["value"] for s in bucket["sides"]["buckets"]}
    total = sum(counts.values())
    if not total:
        return Sample(0, 0.0, 0.0)
    mean = sum(score * n for score, n in counts.items()) / total
    return Sample(total, mean, sum((score - mean) ** 2 * n for score, n in counts.items()) / total)


def read_speakers(answer: Answer) -> tuple[Speaker, ...]:
    """Who spoke in the window, those in the most stories first."""
    now, _ = _windows(answer)
    found = [Speaker(f, b["key"], _name(b), b["stories"]["count"]["value"]) for f, b in _speakers(now)]
    return tuple(sorted(found, key=lambda one: (-one.stories, one.name)))


def read_heard(answer: Answer) -> set[tuple[str, str]]:
    """Which of those asked after were heard before, by field and key."""
    quotes = answer["aggregations"]["quotes"]
    fields = {"known": "voices.entity", "other": "voices.speaker.raw"}
    return {
        (found, bucket["key"])
        for name, found in fields.items()
        if name in quotes
        for bucket in quotes[name]["who"]["buckets"]
    }


def read_new_voice(speaker: Speaker, answer: Answer) -> NewVoice | None:
    """What the first piece says that quotes the speaker.

    None when it has gone meanwhile, or when the speaker is a place there: a dateline that was taken for a name.
    """
    hits = answer["hits"]["hits"]
    if not hits:
        return None
    piece = hits[0]["_source"]
    quote = hits[0]["inner_hits"]["voices"]["hits"]["hits"][0]["_source"]
    places = [one for one in piece.get("entities") or () if one["kind"] == EntityKind.PLACE]
    named = {one["name"].casefold() for one in places} | {one["id"] for one in places}
    if quote["speaker"].casefold() in named or quote.get("entity") in named:
        return None
    return NewVoice(
        name=quote["speaker"],
        title=quote.get("title") or "",
        quote=quote["quote"],
        target=Target(quote["target"]) if quote.get("target") else None,
        stance=Stance(quote["stance"]) if quote.get("stance") else None,
        stories=speaker.stories,
        piece=piece["title"],
        url=piece["url"],
        outlet=piece["outlet"],
        published_at=datetime.fromisoformat(piece["published_at"]),
    )


def read_quiet(answer: Answer, *, share: float) -> tuple[tuple[Quiet, ...], tuple[Quiet, ...]]:
    """The outlets and the topics that were to be expected and didn't come; those missed most first."""
    now, before = _windows(answer)
    heard = {b["key"] for b in now["outlets"]["buckets"]}
    told = {b["key"] for b in now["topics"]["buckets"]}
    outlets = [
        Quiet(b["key"], b["doc_count"], b["doc_count"] * share)
        for b in before["outlets"]["buckets"]
        if b["key"] not in heard
    ]
    topics = [
        Quiet(Topic(b["key"]), b["stories"]["value"], b["stories"]["value"] * share)
        for b in before["topics"]["buckets"]
        if b["key"] not in told
    ]
    return _missed(outlets), _missed(topics)


def _missed(found: list[Quiet]) -> tuple[Quiet, ...]:
    enough = [one for one in found if one.expected >= QUIET_EXPECTED]
    return tuple(sorted(enough, key=lambda one: (-one.expected, str(one.what))))


def _windows(answer: Answer) -> tuple[Answer, Answer]:
    buckets = answer["aggregations"]["windows"]["buckets"]
    return buckets["now"], buckets["before"]


def _speakers(window: Answer) -> Iterator[tuple[str, Answer]]:
    for name, found in (("known", "voices.entity"), ("other", "voices.speaker.raw")):
        for bucket in window["quotes"][name]["who"]["buckets"]:
            yield found, bucket


def _name(speaker: Answer) -> str:
    names = speaker["names"]["buckets"]
    return str(names[0]["key"] if names else speaker["key"])
