"""What simpler ways reach on the same passages: the yardsticks of the model card (torch, scikit-learn).

Label descriptions by similarity (no training), TF-IDF with linear models, and the frozen encoder's embedding with
linear models. Each is fitted on the training passages; its thresholds are chosen on the development ones, as the
model's are.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from consumers.classifier.decide import ABSENT, STANCE_ORDER, Floats, Labels, decide
from consumers.classifier.evaluate import Judged, Table, groups, table
from consumers.classifier.normal import normalise
from consumers.classifier.training import calibrate, corpus, foundation
from consumers.classifier.training.corpus import Labelled, Parts
from consumers.classifier.training.recipe import targets
from schemas.taxonomy import STANCE_WORDS, TOPIC_WORDS, Stance, Target, Topic

Probabilities = tuple[Floats, Floats, Floats]
"""Relevance (n,), topics (n, 11) and stance (n, 5, 4)."""

SHARPNESS = 30.0
"""What cosines are multiplied by before they are taken for logits."""


def compare(parts: Parts, *, seed: int, samples: int = 1000) -> dict[str, Table]:
    """The table of each way on the test passages."""
    start = foundation.load()

    def embedded(texts: Sequence[str]) -> Floats:
        ids = [start.tokenizer.encode(normalise(text)).ids[:256] for text in texts]
        return np.asarray(foundation.embed(start, ids).numpy(), dtype=np.float32)

    tfidf = _tfidf([p.text for p in parts.train])
    ways: dict[str, Callable[[Sequence[Labelled]], Probabilities]] = {
        "label descriptions": _by_description(embedded),
        "TF-IDF + linear": _linear(tfidf, parts.train),
        "frozen encoder + linear": _linear(embedded, parts.train),
    }
    return {name: _measured(way, parts, seed=seed, samples=samples) for name, way in ways.items()}


def _measured(way: Callable[[Sequence[Labelled]], Probabilities], parts: Parts, *, seed: int, samples: int) -> Table:
    chosen = calibrate.thresholds(*way(parts.dev), corpus.gold(parts.dev))
    relevance, topics, stance = way(parts.test)
    said: Labels = decide(relevance, topics, stance, chosen)
    confidence = np.take_along_axis(stance, said.stance[..., None], -1)[..., 0]
    likely = (stance[..., 1:].argmax(-1) + 1).astype(np.int64)
    judged = Judged(corpus.gold(parts.test), said, confidence, likely, relevance >= chosen.gate)
    return table(
        judged, groups([p.lang for p in parts.test], ["one"] * len(said), [()] * len(said)), seed=seed, samples=samples
    )


def _tfidf(texts: Sequence[str]) -> Callable[[Sequence[str]], Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    made = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, strip_accents="unicode").fit(texts)
    return lambda more: made.transform(more)


def _linear(
    view: Callable[[Sequence[str]], Any], train: Sequence[Labelled]
) -> Callable[[Sequence[Labelled]], Probabilities]:
    from sklearn.linear_model import LogisticRegression

    gold, figures = corpus.gold(train), view([p.text for p in train])

    def fitted(truth: Any) -> Any:
        return LogisticRegression(C=10, max_iter=2000, class_weight="balanced").fit(figures, truth)

    relevance = fitted(gold.relevance)
    topics = [fitted(gold.topics[:, column]) for column in range(len(Topic))]
    stances = [fitted(gold.stance[:, column]) for column in range(len(Target))]

    def way(passages: Sequence[Labelled]) -> Probabilities:
        seen = view([p.text for p in passages])
        stance = np.zeros((len(passages), len(Target), len(STANCE_ORDER)), np.float32)
        for column, one in enumerate(stances):
            stance[:, column, one.classes_] = one.predict_proba(seen)
        topic = np.stack([one.predict_proba(seen)[:, 1] for one in topics], 1)
        return relevance.predict_proba(seen)[:, 1].astype(np.float32), topic.astype(np.float32), stance

    return way


def _by_description(embedded: Callable[[Sequence[str]], Floats]) -> Callable[[Sequence[Labelled]], Probabilities]:
    matter = embedded(
        ["migration between El Salvador and the United States", "migración de El Salvador a Estados Unidos"]
    )
    topics = np.stack([embedded(list(TOPIC_WORDS[topic].values())).mean(0) for topic in Topic])
    described = targets()
    about = np.stack([embedded(described[target]).mean(0) for target in Target])
    sides = np.stack(
        [[embedded([f"{STANCE_WORDS[side]['en']} {described[target][0]}"])[0] for side in Stance] for target in Target]
    )

    def way(passages: Sequence[Labelled]) -> Probabilities:
        seen = embedded([p.text for p in passages])

        def near(labels: Floats) -> Floats:
            cosines = seen @ labels.T
            return np.asarray(1 / (1 + np.exp(-SHARPNESS * (cosines - cosines.mean(0)))), dtype=np.float32)

        stance = np.zeros((len(passages), len(Target), len(STANCE_ORDER)), np.float32)
        addressed = near(about)
        for column in range(len(Target)):
            raised = np.exp(SHARPNESS * (seen @ sides[column].T))
            stance[:, column, 1:] = addressed[:, column, None] * raised / raised.sum(1, keepdims=True)
            stance[:, column, ABSENT] = 1 - addressed[:, column]
        return near(matter).max(1), near(topics), stance

    return way
