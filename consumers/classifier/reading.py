"""Many pieces through the model: headlines and leads first, the rest of those that may be on the beat."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from consumers.classifier import aggregate
from consumers.classifier.aggregate import Read
from consumers.classifier.boilerplate import is_boilerplate
from consumers.classifier.decide import Floats
from consumers.classifier.model import Scores
from consumers.classifier.passages import Span, passages
from consumers.classifier.scorer import Scorer
from consumers.classifier.voices import Spoken, around, spoken
from consumers.classifier.zeroshot import zero_shot
from schemas.article import Article
from schemas.classification import Classification, Part, Passage, Unclassified, Voice

LEAD = 2
"""Passages of the text that the gate reads after the headline."""


@dataclass(frozen=True)
class Slice:
    """A passage before it is scored."""

    part: Part
    span: Span
    text: str


def classify_articles(articles: Sequence[Article], *, model: Scorer, now_ms: int) -> list[Classification]:
    """What the model says of each article, in their order.

    All headlines and leads are scored together; an article whose most relevant one stays under the gate's threshold is
    read no further. The rest of the others is scored together then.
    """
    cut = [[] if unclassified(article, model) else slices(article.title, article.text) for article in articles]
    heads = [_head(own) for own in cut]
    head_scores = _score(model, [own[:head] for own, head in zip(cut, heads, strict=True)])
    gate = model.manifest.threshold.gate
    whole = [
        head == len(own) or scores.relevance.max() >= gate
        for own, head, scores in zip(cut, heads, head_scores, strict=True)
    ]
    rest = [own[head:] if read else [] for own, head, read in zip(cut, heads, whole, strict=True)]
    rest_scores = _score(model, rest)
    return [
        _classification(
            article,
            model,
            now_ms,
            own[:head] + more,
            _joined(first, second),
            np.concatenate([first.open, second.open]),
            whole=read,
        )
        for article, own, head, more, first, second, read in zip(
            articles, cut, heads, rest, head_scores, rest_scores, whole, strict=True
        )
    ]


def unclassified(article: Article, model: Scorer) -> Unclassified | None:
    """Why a piece can't be classified, if so."""
    if not any(c.isalpha() for c in article.title + article.text):
        return Unclassified.EMPTY
    if article.language not in model.manifest.languages:
        return Unclassified.LANGUAGE
    if is_boilerplate(article.text) or (not article.text.strip() and is_boilerplate(article.title)):
        return Unclassified.BOILERPLATE
    return None


def slices(title: str, text: str) -> list[Slice]:
    """The passages of a piece, the headline's first."""
    both = ((Part.TITLE, title), (Part.TEXT, text))
    return [Slice(part, span, span.of(whole)) for part, whole in both for span in passages(whole)]


def _head(slices: Sequence[Slice]) -> int:
    return sum(s.part is Part.TITLE for s in slices) + min(LEAD, sum(s.part is Part.TEXT for s in slices))


def _score(model: Scorer, groups: Sequence[Sequence[Slice]]) -> list[Scores]:
    """Score the passages of all groups at once; the scores group by group."""
    scores = model.score([s.text for group in groups for s in group])
    ends = np.cumsum([len(group) for group in groups])
    return [scores.rows(int(end) - len(group), int(end)) for group, end in zip(groups, ends, strict=True)]


def _joined(first: Scores, second: Scores) -> Read:
    return Read(
        (),
        np.concatenate([first.relevance, second.relevance]),
        np.concatenate([first.topics, second.topics]),
        np.concatenate([first.stance, second.stance]),
        np.concatenate([first.embedding, second.embedding]),
    )


def _classification(
    article: Article, model: Scorer, now_ms: int, slices: Sequence[Slice], scored: Read, asked: Floats, *, whole: bool
) -> Classification:
    reason = unclassified(article, model)
    if reason is not None:
        return Classification(
            article=article, model=model.ref, relevance=0, relevant=False, unclassified=reason, classified_at_ms=now_ms
        )
    found = tuple(
        Passage(part=s.part, start=s.span.start, end=s.span.end, text=s.text, relevance=round(float(p), 4))
        for s, p in zip(slices, scored.relevance, strict=True)
    )
    read = replace(scored, passages=found)
    thresholds = model.manifest.thresholds
    relevance = aggregate.relevance(read, model.heads)
    said = spoken(article.title, article.text, article.language, found) if whole else Spoken((), ())
    return Classification(
        article=article,
        model=model.ref,
        relevance=round(relevance, 4),
        relevant=relevance >= model.heads.relevance_from,
        topics=aggregate.topics(read, model.heads, thresholds),
        stances=aggregate.stances(read, model.heads, thresholds),
        zero_shot=zero_shot(read, asked, model.described, article.language, thresholds),
        voices=_sided(said.voices, read, model) if relevance >= model.heads.relevance_from else said.voices,
        entities=said.entities,
        passages=found,
        embedding=aggregate.embedding(read) if whole else (),
        read_whole=whole,
        classified_at_ms=now_ms,
    )


def _sided(voices: Sequence[Voice], read: Read, model: Scorer) -> tuple[Voice, ...]:
    """The voices with their sides, each read from its own sentences."""
    own = model.score([around(v, read.passages[v.passage]) for v in voices]).stance
    thresholds = model.manifest.thresholds
    return tuple(
        aggregate.voice(v, read.stance[v.passage], row, thresholds) for v, row in zip(voices, own, strict=True)
    )
