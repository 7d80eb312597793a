"""Pieces with labels as a test wants them, put into the index, and the handler run over them as the loop would."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from consumers.alert import alert, tick
from consumers.index import index
from consumers.outcome import Done
from schemas.alert import Alert
from schemas.article import Article
from schemas.classification import Classification, Entity, ModelRef, TargetStance, TopicScore, Voice
from schemas.rule import Rule
from schemas.taxonomy import Stance, Target, Topic

SCORE = {Stance.FAVOR: 0.8, Stance.AGAINST: -0.8, Stance.NEUTRAL: 0.0}


@dataclass
class Desk:
    """The index and the alert worker's handler, at moments that the test chooses."""

    house: Any

    def index(self, pieces: Iterable[Classification], *, now: datetime) -> list[Any]:
        every = list(pieces)
        said: list[Any] = []
        for start in range(0, len(every), 100):
            outcomes = index(every[start : start + 100], es=self.house.es, now=lambda: now)
            said += [outcome.emit[0].message for outcome in outcomes]  # type: ignore[union-attr]
        return said

    def fire(self, batch: Sequence[Any], rules: Sequence[Rule], *, now: datetime, size: int = 100) -> list[Alert]:
        """The alerts handed over for the pieces, read in batches; then those that the clock brings about."""
        made: list[Alert] = []
        for start in range(0, len(batch), size):
            for outcome in alert(
                batch[start : start + size],
                es=self.house.es,
                rules=lambda: tuple(rules),
                now=lambda: now,
                alerts=self.house.alerts,
            ):
                assert isinstance(outcome, Done)
                made += taken(outcome)
        return made + self.tick(rules, now=now)

    def tick(self, rules: Sequence[Rule], *, now: datetime) -> list[Alert]:
        return taken(tick(es=self.house.es, rules=lambda: rules, now=lambda: now, alerts=self.house.alerts))


def taken(outcome: Done) -> list[Alert]:
    if outcome.then is not None:
        outcome.then()
    return [emit.message for emit in outcome.emit if isinstance(emit.message, Alert)]


@pytest.fixture
def desk(house: Any) -> Desk:
    return Desk(house)


Labelled = Callable[..., Classification]


@pytest.fixture(scope="session")
def labelled(article: Callable[..., Article]) -> Labelled:
    """A classification by its path: topics, stances (side and confidence), entities and voices as given."""

    def make(
        path: str,
        *,
        topics: Sequence[Topic] = (),
        stances: dict[Target, tuple[Stance, float]] | None = None,
        entities: Sequence[tuple[str, str, str]] = (),
        voices: Sequence[Voice] = (),
        relevance: float = 0.9,
        generation: int = 1,
        **changes: Any,
    ) -> Classification:
        at = changes["published_at"]
        return Classification(
            article=article(path, **({"observed_at_ms": int(at.timestamp() * 1000)} | changes)),
            model=ModelRef(id="test", generation=generation, sha256="0" * 64),
            relevance=relevance,
            relevant=True,
            topics=tuple(TopicScore(topic=topic, score=0.8) for topic in topics),
            stances=tuple(
                TargetStance(target=target, stance=side, score=SCORE[side], confidence=sure)
                for target, (side, sure) in (stances or {}).items()
            ),
            entities=tuple(
                Entity.model_validate({"id": i, "kind": kind, "name": name, "mentions": []})
                for i, kind, name in entities
            ),
            voices=tuple(voices),
            classified_at_ms=int(at.timestamp() * 1000),
        )

    return make
