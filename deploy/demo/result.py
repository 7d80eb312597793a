"""What the demonstration found, counted: topics, sides per target, agreement with the writers' labels, seconds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from deploy.demo.piece import Piece
from schemas.alert import Alert
from schemas.taxonomy import Stance, Target, Topic

Document = Mapping[str, Any]
"""A piece as it stands in the index."""


@dataclass(frozen=True)
class Side:
    """How many pieces take each side on a target, and the sentence that says it most surely."""

    counts: Counter[Stance]
    sentence: str = ""
    speaker: str | None = None
    stance: Stance | None = None
    outlet: str = ""


def topic_counts(documents: Sequence[Document]) -> list[tuple[Topic, int]]:
    """Pieces by topic, most first."""
    counts = Counter(Topic(name) for document in documents for name in document["topics"])
    return counts.most_common()


def sides(documents: Sequence[Document]) -> dict[Target, Side]:
    """Per target that any piece addresses: the sides taken, and the surest sentence of those that take one."""
    found = {}
    for target in Target:
        counts = Counter(Stance(d["stance"][target]) for d in documents if target in d["stance"])
        if not counts:
            continue
        rows = [
            (row, d) for d in documents for row in d["evidence"] if row.get("target") == target and row.get("stance")
        ]
        taken = [(row, d) for row, d in rows if row["stance"] != Stance.NEUTRAL] or rows
        if not taken:
            found[target] = Side(counts)
            continue
        row, document = max(taken, key=lambda pair: pair[0]["confidence"])
        found[target] = Side(counts, row["text"], row.get("speaker"), Stance(row["stance"]), document["outlet"])
    return found


@dataclass(frozen=True)
class Agreement:
    """Of how many, how many are as the writer of the pieces labelled them."""

    right: int
    of: int

    def __str__(self) -> str:
        return f"{self.right} of {self.of}"


def agreement(pieces: Mapping[str, Piece], documents: Sequence[Document]) -> dict[str, Agreement]:
    """How the labels found compare with the writers': relevance over all pieces, topics and stances over the found.

    `pieces` are those published, by URL. A topic or stance counts once for each that either side names.
    """
    found = {document["url"]: document for document in documents}
    relevance = sum(piece.relevant == (url in found) for url, piece in pieces.items())
    topics: list[bool] = []
    stances: list[bool] = []
    for url, document in found.items():
        piece = pieces.get(url)
        if piece is None:
            continue
        theirs, ours = set(piece.topics), {Topic(name) for name in document["topics"]}
        topics += [topic in theirs and topic in ours for topic in theirs | ours]
        named = set(piece.stances) | {Target(name) for name in document["stance"]}
        stances += [piece.stances.get(target) == document["stance"].get(target) for target in named]
    return {
        "relevance": Agreement(relevance, len(pieces)),
        "topics": Agreement(sum(topics), len(topics)),
        "stances": Agreement(sum(stances), len(stances)),
    }


@dataclass(frozen=True)
class Seconds:
    """Median and longest of some durations, in seconds."""

    median: float
    longest: float
    count: int


def seconds(durations: Sequence[float]) -> Seconds | None:
    """Their median and longest; None for none."""
    return Seconds(median(durations), max(durations), len(durations)) if durations else None


def read_to_received(received: Sequence[tuple[Alert, datetime]]) -> list[float]:
    """Seconds from the poller's reading of a piece to its alert's arrival at the webhook."""
    return [moment.timestamp() - alert.observed_at_ms / 1000 for alert, moment in received]


def published_to_received(
    published: Mapping[str, datetime], received: Sequence[tuple[Alert, datetime]]
) -> dict[str, float]:
    """Per URL published while we watched: seconds from publication to the first alert about it."""
    found: dict[str, float] = {}
    for alert, moment in received:
        if alert.url in published:
            passed = (moment - published[alert.url]).total_seconds()
            found[alert.url] = min(passed, found.get(alert.url, passed))
    return found
