"""Fit the heads that make a piece of its passages, by logistic regression on labelled pieces (scikit-learn).

Few figures and few weights: the pieces are few. What they reach is measured by cross-validation: each fold's pieces
are judged by heads that did not see them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from consumers.classifier.aggregate import Read
from consumers.classifier.decide import ABSENT, STANCE_ORDER, Labels
from consumers.classifier.evaluate import Judged, Table, groups, table
from consumers.classifier.model import Model
from consumers.classifier.passages import passages
from consumers.classifier.training import corpus, pieces
from consumers.classifier.training.corpus import LabelledPiece
from consumers.classifier.whole import STRENGTHS, Figures, Heads, Linear, leaning, strength
from schemas.classification import Part, Passage
from schemas.taxonomy import Stance, Target, Topic

FOLDS = 5
STRICTNESS = 1.0
"""Inverse weight of the penalty on the heads' weights."""

RELEVANCE_FROM, TOPIC_FROM, ADDRESSED_FROM = 0.5, 0.45, 0.45
"""Chosen by cross-validation."""


@dataclass(frozen=True)
class Seen:
    """Of n pieces the figures (relevance (n, f), topics (n, 11, f), addressed (n, 5, f), sides (n, 5, g)), and labels.

    f is STRENGTHS, g LEANINGS.
    """

    relevance: Figures
    topics: Figures
    addressed: Figures
    sides: Figures
    gold: Labels

    def __getitem__(self, rows: Any) -> "Seen":
        return Seen(self.relevance[rows], self.topics[rows], self.addressed[rows], self.sides[rows], self.gold[rows])


def look(model: Model, labelled: Sequence[LabelledPiece]) -> Seen:
    """The figures of labelled pieces, every passage read."""
    reads = [_read(model, piece) for piece in labelled]
    places = [(read, read.weights, read.title) for read in reads]
    return Seen(
        np.array([strength(r.relevance, w, t) for r, w, t in places]),
        np.array([[strength(r.topics[:, c], w, t) for c in range(len(Topic))] for r, w, t in places]),
        np.array([[strength(1 - r.stance[:, c, ABSENT], w, t) for c in range(len(Target))] for r, w, t in places]),
        np.array([[leaning(r.stance[:, c], w, t) for c in range(len(Target))] for r, w, t in places]),
        corpus.gold(labelled),
    )


def fit(seen: Sequence[Seen]) -> Heads:
    """The heads of least penalised loss on all pieces."""
    relevance = np.concatenate([s.relevance for s in seen])
    topics = np.concatenate([s.topics for s in seen])
    addressed = np.concatenate([s.addressed for s in seen]).reshape(-1, seen[0].addressed.shape[-1])
    sides = np.concatenate([s.sides for s in seen]).reshape(-1, seen[0].sides.shape[-1])
    stance = np.concatenate([s.gold.stance for s in seen]).ravel()
    which = np.tile(np.eye(len(Topic)), (len(topics), 1))
    there = _rising(relevance, np.concatenate([s.gold.relevance for s in seen]))
    about = _rising(
        np.concatenate([topics.reshape(-1, STRENGTHS), which], 1), np.concatenate([s.gold.topics for s in seen]).ravel()
    )
    spoken = _rising(addressed, stance != ABSENT)
    taken = _logistic(sides[stance != ABSENT], stance[stance != ABSENT])
    bias = about[-1] + about[STRENGTHS:-1]
    return Heads(
        relevance=_linear(there[:-1], there[-1]),
        topic=_linear(about[:STRENGTHS], 0.0),
        topic_bias={topic: round(float(value), 4) for topic, value in zip(Topic, bias, strict=True)},
        addressed=_linear(spoken[:-1], spoken[-1]),
        sides={
            Stance(STANCE_ORDER[int(side)]): _linear(taken.coef_[at], taken.intercept_[at])
            for at, side in enumerate(taken.classes_)
        },
        relevance_from=RELEVANCE_FROM,
        topic_from=TOPIC_FROM,
        addressed_from=ADDRESSED_FROM,
    )


def write(heads: Heads, path: Path) -> None:
    """Write pieces.json."""
    path.write_text(heads.model_dump_json(indent=1) + "\n", encoding="utf-8")


def cross_validated(
    model: Model, measured: Sequence[LabelledPiece], more: Sequence[LabelledPiece], *, seed: int, samples: int = 1000
) -> Table:
    """Every measure on `measured`, each piece judged by heads fitted on the other folds and on `more`."""
    seen, beside = look(model, measured), look(model, more)
    fold = np.arange(len(measured)) % FOLDS
    parts = []
    for k in range(FOLDS):
        heads = fit([seen[fold != k], beside])
        rows = [piece for piece, at in zip(measured, fold, strict=True) if at == k]
        parts.append(pieces.judged(rows, pieces.classify(model.with_heads(heads), rows)))
    order = np.argsort(np.concatenate([np.flatnonzero(fold == k) for k in range(FOLDS)]))
    joined = _joined(parts)[order]
    rows_of = groups([p.lang for p in measured], [p.style for p in measured], [p.hard for p in measured])
    return table(replace(joined, gold=seen.gold), rows_of, seed=seed, samples=samples)


def _read(model: Model, piece: LabelledPiece) -> Read:
    both = ((Part.TITLE, piece.title), (Part.TEXT, piece.text))
    found = [
        Passage(part=part, start=span.start, end=span.end, text=span.of(text), relevance=0)
        for part, text in both
        for span in passages(text)
    ]
    said = model.score([p.text for p in found])
    return Read(found, said.relevance, said.topics, said.stance, said.embedding)


def _joined(parts: Sequence[Judged]) -> Judged:
    def labels(each: Sequence[Labels]) -> Labels:
        return Labels(*(np.concatenate([getattr(one, f) for one in each]) for f in ("relevance", "topics", "stance")))

    return Judged(
        labels([p.gold for p in parts]),
        labels([p.said for p in parts]),
        *(np.concatenate([getattr(p, f) for p in parts]) for f in ("confidence", "likely", "passed")),
    )


def _rising(figures: Figures, truth: Any) -> Figures:
    """Weights and, last, the bias of a logistic regression in which stronger passages never count against a label.

    The first STRENGTHS weights are not negative; those of what follows are free.
    """
    from scipy.optimize import minimize

    side = np.where(truth, 1.0, -1.0)
    whole = np.concatenate([figures, np.ones((len(figures), 1))], 1)

    def loss(weights: Figures) -> tuple[float, Figures]:
        margin = side * (whole @ weights)
        free = weights.copy()
        free[-1] = 0
        slope = -side / (1 + np.exp(np.clip(margin, -50, 50)))
        value = STRICTNESS * np.logaddexp(0, -margin).sum() + 0.5 * float(free @ free)
        return value, STRICTNESS * (whole * slope[:, None]).sum(0) + free

    least = [(0.0, None)] * STRENGTHS + [(None, None)] * (whole.shape[1] - STRENGTHS)
    found = minimize(loss, np.zeros(whole.shape[1]), jac=True, method="L-BFGS-B", bounds=least)
    return np.asarray(found.x)


def _logistic(figures: Figures, truth: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=STRICTNESS, max_iter=10_000, class_weight="balanced").fit(figures, truth)


def _linear(weights: Any, bias: Any) -> Linear:
    return Linear(weights=tuple(round(float(w), 4) for w in weights), bias=round(float(bias), 4))
