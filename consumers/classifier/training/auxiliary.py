"""Public sets with stances on other targets, from a folder of gzip'd JSON lines: they train the open stance head.

NewsMTSC (Hamborg and Donnay 2021) gives how a sentence speaks of a person or body, the Argument Reasoning Comprehension
comments (Habernal et al. 2018) a stance on a claim and on its opposite. None of their rows is in this repository.
"""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.errors import ConfigError
from schemas.taxonomy import Stance

WORDS_MAX = 90
SETS = ("newsmtsc", "arc_stance")
OPPOSITES = "arc_stance"
HELD = 600
"""Rows of each set at most that are held back."""


@dataclass(frozen=True)
class Aside:
    """A text and what it says of a target that is none of ours."""

    text: str
    target: str
    stance: Stance
    source: str
    group: str


@dataclass(frozen=True)
class Asides:
    """Rows to train on, and rows whose targets are in none of those."""

    train: list[Aside]
    held: list[Aside]


def read(folder: Path, sets: Sequence[str] = SETS, *, most: int, seed: int) -> Asides:
    """The sets of `folder`, at most `most` training rows of each, by `seed`. Raises ConfigError naming a file."""
    train: list[Aside] = []
    held: list[Aside] = []
    for name in sets:
        rows = [row for row in _rows(folder / f"{name}.jsonl.gz") if _usable(row)]
        known = {_entity(row) for row in rows if row["split"] == "train"}
        mine = [row for row in rows if row["split"] == "train"]
        order = np.random.default_rng(seed).permutation(len(mine))[:most]
        train += [_aside(mine[int(at)], name) for at in order]
        held += [
            _aside(row, name) for row in rows if row["split"] not in ("train", "dev") and _entity(row) not in known
        ]
    return Asides(train, held)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]
    except (OSError, ValueError) as error:
        raise ConfigError(str(path), f"can't be read as gzip'd JSON lines: {error}") from None


def _usable(row: dict[str, str]) -> bool:
    whole = bool(row.get("target")) and bool(row.get("stance")) and not row.get("sarcastic")
    return whole and len(row["text"].split()) <= WORDS_MAX


def _entity(row: dict[str, str]) -> str:
    return (row.get("group") or row.get("target_entity") or row["target"]).casefold()


def _aside(row: dict[str, str], source: str) -> Aside:
    return Aside(row["text"], row.get("target_entity") or row["target"], Stance(row["stance"]), source, _entity(row))
