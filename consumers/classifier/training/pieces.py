"""Whole pieces, as the pipeline reads them, against their labels."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from consumers.classifier.decide import STANCE_ORDER, Labels
from consumers.classifier.evaluate import Judged, Table, groups, table
from consumers.classifier.model import Model
from consumers.classifier.reading import classify_articles
from consumers.classifier.training import corpus
from consumers.classifier.training.corpus import LabelledPiece
from schemas.article import Article
from schemas.classification import Classification
from schemas.identity import article_id, content_hash
from schemas.taxonomy import Target, Topic


def figures(model: Model, pieces: Sequence[LabelledPiece], *, seed: int, samples: int = 1000) -> Table:
    """Every measure on `pieces`, gate and aggregation included, for all and for each group, with 95 % intervals."""
    rows = groups([p.lang for p in pieces], [p.style for p in pieces], [p.hard for p in pieces])
    return table(judged(pieces, classify(model, pieces)), rows, seed=seed, samples=samples)


def classify(model: Model, pieces: Sequence[LabelledPiece]) -> list[Classification]:
    """The pieces through the same door as any article."""
    return classify_articles([_article(piece) for piece in pieces], model=model, now_ms=0)


def judged(pieces: Sequence[LabelledPiece], said: Sequence[Classification]) -> Judged:
    """Labels and classifications side by side. A target that isn't named counts as none in `likely` too."""
    found = labels(said)
    sure = {(n, s.target): s.confidence for n, one in enumerate(said) for s in one.stances}
    confidence = np.array([[sure.get((n, target), 0.0) for target in Target] for n in range(len(said))])
    passed = np.array([one.read_whole for one in said], dtype=np.bool_)
    return Judged(
        corpus.gold(pieces), found, confidence.reshape(len(said), len(Target)).astype(np.float32), found.stance, passed
    )


def labels(said: Sequence[Classification]) -> Labels:
    """Classifications as label arrays, in the taxonomy's order."""
    topics = [[topic in {t.topic for t in one.topics} for topic in Topic] for one in said]
    sides = [{s.target: STANCE_ORDER.index(s.stance) for s in one.stances} for one in said]
    return Labels(
        np.array([one.relevant for one in said], dtype=np.bool_),
        np.array(topics, dtype=np.bool_).reshape(len(said), len(Topic)),
        np.array([[side.get(target, 0) for target in Target] for side in sides], dtype=np.int64).reshape(
            len(said), len(Target)
        ),
    )


def _article(piece: LabelledPiece) -> Article:
    url = f"file:{piece.id}"
    return Article(
        article_id=article_id(url),
        url=url,
        link=url,
        feed="labelled",
        outlet="labelled",
        title=piece.title,
        text=piece.text,
        language=piece.lang,
        language_guessed=False,
        published_at=datetime.fromtimestamp(0, tz=UTC),
        observed_at_ms=0,
        content_hash=content_hash(piece.title, piece.text),
    )
