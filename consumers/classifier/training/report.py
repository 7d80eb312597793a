"""What a model reaches on labelled passages: figures with intervals, as a table to keep beside the model."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from consumers.classifier.decide import Labels, decide
from consumers.classifier.evaluate import Table, per_topic, table
from consumers.classifier.model import Model
from consumers.classifier.training import corpus, pieces
from consumers.classifier.training.build import Built
from consumers.classifier.training.calibrate import calibration_error
from consumers.classifier.training.corpus import Labelled
from consumers.classifier.training.recipe import PIECES
from schemas.taxonomy import Topic

NAME = "report.json"


def figures(model: Model, passages: Sequence[Labelled], *, seed: int, samples: int = 1000) -> Table:
    """Every measure on `passages`, for all and for each language, with 95 % intervals."""
    return table(corpus.gold(passages), said(model, passages), [p.lang for p in passages], seed=seed, samples=samples)


def said(model: Model, passages: Sequence[Labelled]) -> Labels:
    """The model's labels for `passages`."""
    scores = model.score([p.text for p in passages])
    return decide(scores.relevance, scores.topics, scores.stance, model.manifest.thresholds)


def write(built: Built, out: Path, *, seed: int) -> dict[str, Table]:
    """Write `report.json` beside the model: figures on passages and whole pieces, calibration."""
    parts = {"dev": built.parts.dev, "test": built.parts.test}
    tables = {name: figures(built.model, passages, seed=seed) for name, passages in parts.items()}
    whole = corpus.read_pieces(PIECES.glob("*.jsonl"))
    tables["pieces"] = pieces.figures(built.model, whole, seed=seed)
    gold = corpus.gold(built.parts.test)
    scores = built.model.score([p.text for p in built.parts.test])
    topics = per_topic(gold, said(built.model, built.parts.test))
    document = {
        "model": built.model.ref.id,
        "passages": {name: len(part) for name, part in vars(built.parts).items()},
        "pieces": len(whole),
        "figures": {
            part: {group: {name: asdict(f) for name, f in row.items()} for group, row in rows.items()}
            for part, rows in tables.items()
        },
        "test_topics": {
            topic.value: {"f1": round(f1, 3), "support": support}
            for topic, (f1, support) in zip(Topic, topics, strict=True)
        },
        "test_calibration_error": {
            "relevance": round(calibration_error(scores.relevance, gold.relevance), 4),
            "topics": round(calibration_error(scores.topics.ravel(), gold.topics.ravel()), 4),
        },
        "gate_recall": {
            name: round(float(np.mean(_relevant(built.model, part) >= built.model.manifest.threshold.gate)), 4)
            for name, part in parts.items()
        },
    }
    (out / NAME).write_text(
        json.dumps(document, indent=1, default=lambda x: round(float(x), 4)) + "\n", encoding="utf-8"
    )
    return tables


def _relevant(model: Model, passages: Sequence[Labelled]) -> np.ndarray:
    return model.score([p.text for p in passages if p.relevant]).relevance
