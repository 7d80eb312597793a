"""What a model reaches on labelled passages: figures with intervals, as a table to keep beside the model."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from consumers.classifier import disturb
from consumers.classifier.decide import Labels, decide
from consumers.classifier.evaluate import Figure, Judged, Table, groups, per_topic, share, table
from consumers.classifier.model import Model, Scores
from consumers.classifier.training import corpus, pictures
from consumers.classifier.training.build import Built
from consumers.classifier.training.corpus import Labelled
from consumers.classifier.training.recipe import ARTICLES, PIECES
from consumers.classifier.training.whole import cross_validated
from schemas.taxonomy import Topic

NAME = "report.json"


def figures(model: Model, passages: Sequence[Labelled], *, seed: int, samples: int = 1000) -> Table:
    """Every measure on `passages`, for all and for each language, register and hard tag, with 95 % intervals."""
    rows = groups([p.lang for p in passages], [p.style for p in passages], [p.hard for p in passages])
    return table(judged(model, passages), rows, seed=seed, samples=samples)


def judged(model: Model, passages: Sequence[Labelled]) -> Judged:
    """Labels and the model's words side by side; the gate sees the passage alone."""
    scores = model.score([p.text for p in passages])
    said = decided(model, scores)
    likely = scores.stance[..., 1:].argmax(-1) + 1
    confidence = np.take_along_axis(scores.stance, said.stance[..., None], -1)[..., 0]
    passed = scores.relevance >= model.manifest.threshold.gate
    return Judged(corpus.gold(passages), said, confidence, likely.astype(np.int64), passed)


def decided(model: Model, scores: Scores) -> Labels:
    """The labels that hold by the model's thresholds."""
    return decide(scores.relevance, scores.topics, scores.stance, model.manifest.thresholds)


def robustness(
    model: Model, passages: Sequence[Labelled], *, seed: int, samples: int = 1000
) -> dict[str, dict[str, Figure]]:
    """Way of disturbing -> how often the labels stay what they are on clean text.

    `labels`: of the 17 answers a passage gets (relevance, 11 topics, 5 targets), the share that stays; `passages`: the
    share of passages with all 17 the same. `worst` has the lowest of each.
    """
    texts = [p.text for p in passages]
    clean = _answers(decided(model, model.score(texts)))
    found: dict[str, dict[str, Figure]] = {}
    for name, way in disturb.WAYS.items():
        chance = np.random.default_rng(seed)
        same = clean == _answers(decided(model, model.score([way(text, chance) for text in texts])))
        found[name] = {
            "labels": share(same.mean(1), seed=seed, samples=samples),
            "passages": share(same.all(1).astype(np.float64), seed=seed, samples=samples),
        }
    found["worst"] = {
        what: min((row[what] for row in found.values()), key=lambda f: f.value) for what in ("labels", "passages")
    }
    return found


def write(built: Built, out: Path, *, seed: int, yardsticks: bool = False) -> dict[str, Table]:
    """Write `report.json` beside the model: figures on passages and whole pieces (cross-validated), robustness.

    And `curve.svg`, `stances.svg`: the losses by epoch and the stances meant and said on the test passages. With
    `yardsticks`, what simpler ways reach on the same passages.
    """
    parts = {"dev": built.parts.dev, "test": built.parts.test}
    tables = {name: figures(built.model, passages, seed=seed) for name, passages in parts.items()}
    whole = corpus.read_pieces(PIECES.glob("*.jsonl"))
    beside = corpus.read_pieces((ARTICLES / "pieces").glob("*.jsonl"))
    tables["pieces"] = cross_validated(built.model, whole, beside, seed=seed)
    if yardsticks:
        from consumers.classifier.training.compare import compare

        tables |= compare(built.parts, seed=seed)
    test = judged(built.model, built.parts.test)
    (out / "curve.svg").write_text(pictures.curve(built.curve), encoding="utf-8")
    (out / "stances.svg").write_text(pictures.confusion(test.gold, test.said), encoding="utf-8")
    document = {
        "model": built.model.ref.id,
        "passages": {name: len(part) for name, part in vars(built.parts).items()},
        "pieces": len(whole),
        "curve": [{name: _number(value) for name, value in row.items()} for row in built.curve],
        "open": built.open,
        "figures": {part: plain(rows) for part, rows in tables.items()},
        "test_topics": topics(built.model, built.parts.test),
        "test_robustness": plain(robustness(built.model, built.parts.test, seed=seed)),
    }
    (out / NAME).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return tables


def topics(model: Model, passages: Sequence[Labelled]) -> dict[str, dict[str, float]]:
    """F1 and support of each topic."""
    said = judged(model, passages)
    found = zip(Topic, per_topic(said.gold, said.said), strict=True)
    return {topic.value: {"f1": round(value, 3), "support": support} for topic, (value, support) in found}


def plain(rows: Table) -> dict[str, dict[str, dict[str, float | None]]]:
    """A table for JSON: four decimals, null for what can't be said."""
    return {
        group: {name: {k: _number(v) for k, v in asdict(figure).items()} for name, figure in row.items()}
        for group, row in rows.items()
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def _answers(labels: Labels) -> np.ndarray:
    """All answers of a passage in one row (n, 17)."""
    return np.concatenate([labels.relevance[:, None], labels.topics, labels.stance], 1, dtype=np.int64)
