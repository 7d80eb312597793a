"""Pieces to a file: CSV that no spreadsheet takes for formulas, or one JSON object a line."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import IO, Any

from schemas.errors import ConfigError
from schemas.queries import KEPT_OUT
from schemas.taxonomy import Target

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula, or as its end: a quote before it makes it text."""

PLAIN = (
    "article_id", "story_id", "published_at", "outlet", "country", "language", "title", "url", "summary", "byline",
    "section", "feed", "relevance",
)  # fmt: skip
LISTED = ("topics", "contested", "flags")
SOURCE = ("kind", "owner", "lean", "state_media")

FORMATS = (".csv", ".jsonl", ".ndjson")


def write(pieces: Iterable[Mapping[str, Any]], path: Path, *, told: Callable[[int], None] = lambda _: None) -> int:
    """Write the pieces in the format that the name ends on; how many they were. The file is whole, or is not there.

    Raises ConfigError for another format, or a place that can't be written to.
    """
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(str(path), "says no format", remedy=f"End its name on {', '.join(FORMATS)}")
    count = 0

    def counted() -> Iterator[Mapping[str, Any]]:
        nonlocal count
        for piece in pieces:
            yield piece
            count += 1
            told(count)

    draft = path.with_name(f".{path.name}.part")
    put = _csv if path.suffix.lower() == ".csv" else _lines
    try:
        with draft.open("w", encoding="utf-8", newline="") as file:
            put(file, counted())
        draft.replace(path)
    except OSError as error:
        raise ConfigError(str(path), f"can't be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
    return count


def _lines(file: IO[str], pieces: Iterable[Mapping[str, Any]]) -> None:
    for piece in pieces:
        kept = {key: value for key, value in piece.items() if key not in KEPT_OUT}
        file.write(json.dumps(kept, ensure_ascii=False) + "\n")


def _csv(file: IO[str], pieces: Iterable[Mapping[str, Any]]) -> None:
    writer = csv.writer(file)
    rows = iter(pieces)
    first = next(rows, {})
    copies = [name for name in ("copies",) if name in first]
    writer.writerow([*columns(), *copies])
    for piece in chain([first] if first else [], rows):
        writer.writerow([safe(cell) for cell in (*cells(piece), *(piece[name] for name in copies))])


def columns() -> list[str]:
    """The header. A side is a word and its confidence: a signed number would begin as a formula does."""
    sides = [f"{part}_{target}" for target in Target for part in ("stance", "confidence")]
    return [*PLAIN, *LISTED, *(f"source_{name}" for name in SOURCE), *sides, "voices", "entities"]


def cells(piece: Mapping[str, Any]) -> Iterator[Any]:
    """A piece's cells, in the columns' order."""
    yield from (piece.get(name) for name in PLAIN)
    yield from ("; ".join(piece.get(name) or ()) for name in LISTED)
    source = piece.get("source") or {}
    yield from (source.get(name) for name in SOURCE)
    for target in Target:
        yield piece.get("stance", {}).get(target.value)
        yield piece.get("stance_confidence", {}).get(target.value)
    yield "; ".join(dict.fromkeys(voice["speaker"] for voice in piece.get("voices", ())))
    yield "; ".join(entity["name"] for entity in piece.get("entities", ()))


def safe(cell: Any) -> str:
    """A cell's text, which no spreadsheet takes for a formula (OWASP: CSV injection)."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text
