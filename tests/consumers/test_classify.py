"""The classify handler: one outcome an article, each on its stream."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from consumers.classifier.model import Model, load
from consumers.classify import classify
from consumers.outcome import Done
from schemas.settings import ClassifySettings
from schemas.streams import CLASSIFIED, OFFBEAT
from schemas.wire import decode, encode

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def model() -> Model:
    return load(ClassifySettings())


def test_relevant_pieces_go_on_and_others_to_the_offbeat_stream(model: Model, article: Callable[..., Any]) -> None:
    pieces = [
        article("a", title="US deports 200 Salvadorans to San Salvador under migration accord"),
        article("b", title="La selecta gana en el Cuscatlán", text="Marcó dos goles.", language="es"),
        article("c", title="", text=""),
    ]
    outcomes = classify(pieces, model=model, now=lambda: NOW)
    emitted = [emit for outcome in outcomes if isinstance(outcome, Done) for emit in outcome.emit]
    assert [emit.stream for emit in emitted] == [CLASSIFIED, OFFBEAT, OFFBEAT]
    said = [decode(emit.stream, encode(emit.message)) for emit in emitted]
    assert said == [emit.message for emit in emitted]
    assert [one.article for one in said] == pieces
    assert {one.classified_at_ms for one in said} == {int(NOW.timestamp() * 1000)}


def test_an_empty_batch_is_an_empty_answer(model: Model) -> None:
    assert classify([], model=model, now=lambda: NOW) == []
