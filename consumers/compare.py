"""What would change if another model read the archive: its labels beside those that the documents have.

Nothing is written to Elasticsearch: what is found is applied by a replay once the model is in place. The archive holds
what was on the beat, so that pieces that the other model would add are not among these.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consumers.archive import Client, search
from consumers.classifier.reading import classify_articles
from consumers.classifier.scorer import Scorer
from schemas.article import Article
from schemas.classification import Classification

PAGE = 20
EXAMPLES = 5
"""Pieces named for each kind of change."""

ABSENT = "absent"


class Compared(BaseModel):
    """How far a comparison is and what it found; kept in a file, so that it goes on where it was stopped.

    `changes` counts by label ("topic:human_rights gained", "stance:us_aid against > favor", "relevance lost");
    `examples` names pieces of each: title, outlet and address.
    """

    model_config = ConfigDict(extra="forbid")

    model: str
    sha256: str
    since: datetime
    until: datetime
    after: list[Any] | None = None
    done: bool = False
    pieces: int = Field(default=0, ge=0)
    unreadable: int = Field(default=0, ge=0)
    changed: int = Field(default=0, ge=0)
    same_model: int = Field(default=0, ge=0, description="pieces that this very model has read")
    changes: dict[str, int] = {}
    examples: dict[str, list[str]] = {}

    def add(self, document: Mapping[str, Any], said: Classification) -> None:
        """Count one piece."""
        self.pieces += 1
        self.same_model += document.get("model", {}).get("sha256") == said.model.sha256
        found = differences(document, said)
        self.changed += bool(found)
        for change in found:
            self.changes[change] = self.changes.get(change, 0) + 1
            known = self.examples.setdefault(change, [])
            if len(known) < EXAMPLES:
                known.append(f"{document.get('title')} ({document.get('outlet')}) {document.get('url')}")


def differences(document: Mapping[str, Any], said: Classification) -> list[str]:
    """The labels of the piece that are not the document's, each as one line."""
    if document.get("relevant", True) != said.relevant:
        return [f"relevance {'gained' if said.relevant else 'lost'}"]
    before, now = set(document.get("topics", ())), {t.topic.value for t in said.topics}
    found = [f"topic:{name} gained" for name in sorted(now - before)]
    found += [f"topic:{name} lost" for name in sorted(before - now)]
    old: Mapping[str, str] = document.get("stance") or {}
    new = {s.target.value: s.stance.value for s in said.stances}
    for target in sorted({*old, *new}):
        was, becomes = old.get(target, ABSENT), new.get(target, ABSENT)
        if was != becomes:
            found.append(f"stance:{target} {was} > {becomes}")
    return found


def compare(
    es: Client,
    model: Scorer,
    progress: Compared,
    *,
    now_ms: int,
    kept: Path | None = None,
    per_minute: float = 600,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Compared]:
    """Read on through the archive, a page at a time; the progress after each, saved in `kept`.

    At most `per_minute` pieces a minute. Raises Unavailable.
    """
    while not progress.done:
        started = time.monotonic()
        hits = search(es, _page(progress))["hits"]["hits"]
        readable = [(hit["_source"], article) for hit in hits if (article := _article(hit["_source"])) is not None]
        said = classify_articles([article for _, article in readable], model=model, now_ms=now_ms)
        for (document, _), one in zip(readable, said, strict=True):
            progress.add(document, one)
        progress.unreadable += len(hits) - len(readable)
        progress.after = hits[-1]["sort"] if hits else progress.after
        progress.done = len(hits) < PAGE
        if kept is not None:
            save(kept, progress)
        yield progress
        if not progress.done:
            pause(max(0.0, len(hits) * 60 / per_minute - (time.monotonic() - started)))


def _page(progress: Compared) -> dict[str, Any]:
    span = {"gte": progress.since.isoformat(), "lt": progress.until.isoformat()}
    body: dict[str, Any] = {
        "size": PAGE,
        "query": {"range": {"published_at": span}},
        "sort": [{"published_at": "asc"}, {"article_id": "asc"}],
        "_source": {"excludes": ["embedding", "voices", "bands"]},
    }
    return body | ({"search_after": progress.after} if progress.after else {})


def _article(document: Mapping[str, Any]) -> Article | None:
    """The article that the document was made of; the version holds the moment of its reading."""
    fields = {name: document[name] for name in Article.model_fields if name in document}
    try:
        return Article.model_validate(fields | {"observed_at_ms": document["version"] // 1000})
    except (ValidationError, KeyError):
        return None


def save(path: Path, progress: Compared) -> None:
    """Keep the progress, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.write_text(progress.model_dump_json(), encoding="utf-8")
    beside.replace(path)


def resumed(path: Path) -> Compared | None:
    """The progress that was kept, if it can be read."""
    try:
        return Compared.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
