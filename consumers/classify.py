"""A handler: Article -> Classification, through the model."""

from collections.abc import Callable, Sequence
from datetime import datetime

from consumers.classifier.reading import classify_articles
from consumers.classifier.scorer import Scorer
from consumers.outcome import Done, Emit, Outcome
from schemas.article import Article
from schemas.classification import Classification
from schemas.streams import CLASSIFIED, OFFBEAT, Stream


def classify(
    batch: Sequence[Article],
    *,
    model: Scorer,
    now: Callable[[], datetime],
    classified: Stream[Classification] = CLASSIFIED,
    offbeat: Stream[Classification] = OFFBEAT,
) -> list[Outcome]:
    """Classify each article: what is relevant goes to `classified`, anything else to the short-lived `offbeat`."""
    said = classify_articles(batch, model=model, now_ms=int(now().timestamp() * 1000))
    return [Done(emit=(Emit(classified if one.relevant else offbeat, one),)) for one in said]
