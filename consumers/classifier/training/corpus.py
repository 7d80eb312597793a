"""Labelled passages and pieces: read strictly, split without near copies across the parts."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from consumers.classifier.decide import STANCE_ORDER, Labels
from consumers.classifier.normal import normalise
from schemas.errors import ConfigError
from schemas.taxonomy import Stance, Target, Topic

WORDS_MAX = 100
"""Of a passage that a model is trained on."""

SHINGLE = 3
ALIKE = 0.35
"""Jaccard similarity of three-word shingles from which two passages must stay in one part."""

SHARES = {"train": 0.7, "dev": 0.15, "test": 0.15}


class Annotated(BaseModel):
    """What an annotator says of a passage or a piece, as a line of our labelled files holds it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lang: Literal["en", "es"]
    text: str = Field(min_length=1)
    relevant: bool
    topics: tuple[Topic, ...]
    stances: dict[Target, Stance]
    style: str = Field(default="unsaid", min_length=1, alias="register")
    hard: tuple[str, ...] = ()

    @field_validator("topics")
    @classmethod
    def _once(cls, topics: tuple[Topic, ...]) -> tuple[Topic, ...]:
        if len(set(topics)) != len(topics):
            raise ValueError("a topic is named twice")
        return topics

    @field_validator("text")
    @classmethod
    def _trimmed(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("is empty")
        return text.strip()


class Labelled(Annotated):
    """One passage with its labels, as `data/passages/*.jsonl` holds it."""

    id: str = Field(min_length=1, max_length=200)


class LabelledPiece(Annotated):
    """A headline and its text with the labels of the whole, as `data/pieces/*.jsonl` holds it.

    `stances` names the targets that the piece addresses; `contested` says that it has strong passages on both sides (of
    some target, or of those that are named).
    """

    id: str = Field(min_length=1, max_length=200)
    url: str | None = None
    title: str = Field(min_length=1)
    contested: bool | tuple[Target, ...] = False


Row = TypeVar("Row", Labelled, LabelledPiece)


@dataclass(frozen=True)
class Parts:
    """The passages for fitting, for choosing and for the final figures."""

    train: list[Labelled]
    dev: list[Labelled]
    test: list[Labelled]


def read(paths: Iterable[Path]) -> list[Labelled]:
    """Every passage of the files, to train on.

    Raises ConfigError naming file, line and reason at the first that is wrong, too long, or there already.
    """
    rows = _read(paths, Labelled)
    known: dict[str, str] = {}
    for where, row in rows:
        if len(row.text.split()) > WORDS_MAX:
            raise ConfigError(where, f"text: more than {WORDS_MAX} words")
        for what, key in (("id", row.id), ("text", normalise(row.text).casefold())):
            if key in known:
                raise ConfigError(where, f"the same {what} as {known[key]}")
            known[key] = where
    return [row for _, row in rows]


def read_articles(folder: Path) -> tuple[list[Labelled], list[bool]]:
    """The passages of whole pieces, and of each whether its relevance is to be learned.

    A passage of a relevant piece that isn't relevant by itself may still be about the matter ("the accord"), so that
    nothing is learned from its being alone. Raises ConfigError as `read` does.
    """
    pieces = {piece.id: piece for piece in read_pieces((folder / "pieces").glob("*.jsonl"))}
    passages = read((folder / "passages").glob("*.jsonl"))
    plain = [p.relevant or not pieces[p.id.rpartition("-")[0]].relevant for p in passages]
    return passages, plain


def read_to_measure(paths: Iterable[Path]) -> list[Labelled]:
    """Every passage of the files, of any length. Raises ConfigError at the first that can't be understood."""
    return [row for _, row in _read(paths, Labelled)]


def read_pieces(paths: Iterable[Path]) -> list[LabelledPiece]:
    """Every piece of the files. Raises ConfigError as `read_to_measure` does."""
    return [row for _, row in _read(paths, LabelledPiece)]


def _read(paths: Iterable[Path], kind: type[Row]) -> list[tuple[str, Row]]:
    """Each row with where it was found."""
    lines = (
        (f"{path.name}:{number}", line)
        for path in sorted(paths)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.strip()
    )
    return [(where, _parse(where, line, kind)) for where, line in lines]


def _parse(where: str, line: str, kind: type[Row]) -> Row:
    try:
        json.loads(line)
    except ValueError as error:
        raise ConfigError(where, f"not JSON: {error}") from None
    try:
        return kind.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "line"
        raise ConfigError(where, f"{field}: {first['msg']}") from None


def split(passages: Sequence[Labelled]) -> Parts:
    """Split by a hash of the id; near copies stay in one part."""
    groups = _alike([shingles(p.text) for p in passages])
    parts: dict[str, list[Labelled]] = {name: [] for name in SHARES}
    firsts: dict[int, str] = {}
    for passage, group in zip(passages, groups, strict=True):
        firsts[group] = min(firsts.get(group, passage.id), passage.id)
    for passage, group in zip(passages, groups, strict=True):
        parts[_part(firsts[group])].append(passage)
    return Parts(**parts)


def _part(identity: str) -> str:
    at = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4]) / 2**32
    for name, share in SHARES.items():
        if at < share:
            return name
        at -= share
    return "test"


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """The three-word sequences of a text, figures and marks left out."""
    words = re.findall(r"[^\W\d_]+", normalise(text).casefold())
    return frozenset(tuple(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1)))


def similarity(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> float:
    """Jaccard similarity."""
    return len(one & other) / max(1, len(one | other))


def _alike(all_shingles: Sequence[frozenset[tuple[str, ...]]]) -> list[int]:
    """The group of each: connected components of pairs that are alike."""
    group = list(range(len(all_shingles)))

    def root(i: int) -> int:
        while group[i] != i:
            group[i] = group[group[i]]
            i = group[i]
        return i

    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, mine in enumerate(all_shingles):
        for j in {j for shingle in mine for j in holders[shingle]}:
            if similarity(mine, all_shingles[j]) >= ALIKE:
                group[root(i)] = root(j)
        for shingle in mine:
            holders[shingle].append(i)
    return [root(i) for i in range(len(group))]


def gold(passages: Sequence[Annotated]) -> Labels:
    """The labels as arrays, in the taxonomy's order."""
    topics = [[topic in p.topics for topic in Topic] for p in passages]
    stance = [[STANCE_ORDER.index(p.stances.get(target, STANCE_ORDER[0])) for target in Target] for p in passages]
    return Labels(
        np.array([p.relevant for p in passages], dtype=np.bool_),
        np.array(topics, dtype=np.bool_).reshape(len(passages), len(Topic)),
        np.array(stance, dtype=np.int64).reshape(len(passages), len(Target)),
    )
