"""How well voices and entities are found: labelled texts, read strictly, against what the rules and the model say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from consumers.classifier import aggregate
from consumers.classifier.model import Model
from consumers.classifier.passages import passages
from consumers.classifier.speech import nouns
from consumers.classifier.speech.tokens import Kind, tokens
from consumers.classifier.voices import Spoken, around, spoken
from schemas.classification import Part, Passage, Voice
from schemas.errors import ConfigError
from schemas.taxonomy import Stance, Target

TEXTS = Path(__file__).parent / "data" / "voices"
"""Our own: `*-dev.jsonl`, which the rules were written over, and `*-test.jsonl`, which they were not."""

SHARED = 0.5
"""Of the characters of two quotes, taken together, that both have: from here they count as the same words."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SpanLabel(_Strict):
    """A stretch of the text."""

    start: int = Field(ge=0)
    end: int = Field(gt=0)


class VoiceLabel(SpanLabel):
    """Who says the stretch, by the fullest name that the text gives; the side, where it is clear."""

    speaker: str = Field(min_length=1)
    target: Target | None = None
    stance: Stance | None = None


class EntityLabel(SpanLabel):
    """Which entity the stretch names, by its id in the gazetteer."""

    id: str = Field(min_length=1)


class LabelledText(_Strict):
    """A short text with its voices and entities, as `data/voices/*.jsonl` holds it."""

    id: str = Field(min_length=1)
    lang: Literal["en", "es"]
    text: str = Field(min_length=10)
    voices: tuple[VoiceLabel, ...]
    entities: tuple[EntityLabel, ...]

    @model_validator(mode="after")
    def _within(self) -> "LabelledText":
        for label in (*self.voices, *self.entities):
            if not label.start < label.end <= len(self.text):
                raise ValueError(f"{label.start}-{label.end} is no stretch of the text")
        return self


@dataclass(frozen=True)
class Rate:
    """What was found rightly, found wrongly and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: "Rate") -> "Rate":
        return Rate(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def precision(self) -> float | None:
        """Of what was found, how much is right; none when nothing was found."""
        return round(self.right / found, 4) if (found := self.right + self.wrong) else None

    @property
    def recall(self) -> float | None:
        """Of what is there, how much was found; none when nothing is there."""
        return round(self.right / there, 4) if (there := self.right + self.missed) else None


Rates = dict[str, Rate]
"""`quotes` the words alone; `voices` words and speaker; `entities` id and exact place; `sides` of the voices found."""


def read(paths: Iterable[Path]) -> list[LabelledText]:
    """Every text of the files. Raises ConfigError naming file, line and reason at the first that is wrong."""
    found: list[LabelledText] = []
    for path in sorted(paths):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                found.append(LabelledText.model_validate_json(line))
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                field = ".".join(str(part) for part in first["loc"]) or "line"
                raise ConfigError(f"{path.name}:{number}", f"{field}: {first['msg']}") from None
    return found


def figures(texts: Sequence[LabelledText], model: Model | None = None) -> dict[str, Rates]:
    """The rates of all texts and of each language; `sides` only with a model."""
    table: dict[str, Rates] = {}
    for one in texts:
        rates = judge(one, *_said(one, model), sided=model is not None)
        for group in ("all", one.lang):
            row = table.setdefault(group, {})
            for name, rate in rates.items():
                row[name] = row.get(name, Rate()) + rate
    return table


def plain(table: Mapping[str, Rates]) -> dict[str, dict[str, dict[str, float | None]]]:
    """The table for machines."""
    return {
        group: {name: {**vars(rate), "precision": rate.precision, "recall": rate.recall} for name, rate in row.items()}
        for group, row in table.items()
    }


def _said(one: LabelledText, model: Model | None) -> tuple[Sequence[Voice], Spoken]:
    cut = [
        Passage(part=Part.TEXT, start=s.start, end=s.end, text=s.of(one.text), relevance=1) for s in passages(one.text)
    ]
    said = spoken("", one.text, one.lang, cut)
    if model is None or not said.voices:
        return said.voices, said
    rows = model.score([p.text for p in cut]).stance
    own = model.score([around(v, cut[v.passage]) for v in said.voices]).stance
    thresholds = model.manifest.thresholds
    return [aggregate.voice(v, rows[v.passage], o, thresholds) for v, o in zip(said.voices, own, strict=True)], said


def judge(one: LabelledText, voices: Sequence[Voice], said: Spoken, *, sided: bool) -> Rates:
    """What is right, wrong and missed in one text.

    A quote is found when it and the labelled one share half of their characters; its speaker when the words of one
    name, articles left out, are among the other's.
    """
    left = list(one.voices)
    quotes = whole = sides = Rate()
    for voice in voices:
        label = max(left, key=lambda v: _overlap(v, voice), default=None)
        if label is None or _overlap(label, voice) < SHARED:
            quotes += Rate(wrong=1)
            whole += Rate(wrong=1)
            continue
        left.remove(label)
        quotes += Rate(right=1)
        whole += Rate(right=1) if same_speaker(voice.speaker, label.speaker) else Rate(wrong=1, missed=1)
        if label.target is not None:
            right = (voice.target, voice.stance) == (label.target, label.stance)
            sides += Rate(right=1) if right else Rate(wrong=int(voice.target is not None), missed=1)
    missed = Rate(missed=len(left))
    known = {(e.id, m.start, m.end) for e in said.entities if not e.id.startswith("other:") for m in e.mentions}
    true = {(e.id, e.start, e.end) for e in one.entities}
    rates = {
        "quotes": quotes + missed,
        "voices": whole + missed,
        "entities": Rate(len(known & true), len(known - true), len(true - known)),
    }
    return rates | ({"sides": sides} if sided else {})


def _overlap(label: VoiceLabel, voice: Voice) -> float:
    start = voice.start or 0
    end = voice.end or 0
    shared = min(label.end, end) - max(label.start, start)
    return shared / (max(label.end, end) - min(label.start, start))


def same_speaker(one: str, other: str) -> bool:
    """Whether the words of one name, articles and prepositions left out, are among the other's."""
    a, b = _name_words(one), _name_words(other)
    return bool(a and b) and (a <= b or b <= a)


def _name_words(name: str) -> frozenset[str]:
    words = {t.fold for t in tokens(name) if t.kind is Kind.WORD}
    return frozenset(words - nouns.DETERMINERS - nouns.PREPOSITIONS)
