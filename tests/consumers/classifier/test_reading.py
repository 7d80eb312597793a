"""Articles through the shipped model, read by the gate first."""

from collections.abc import Callable
from typing import Any

import pytest

from consumers.classifier.model import Model
from consumers.classifier.reading import classify_articles
from schemas.classification import Classification, Part, Unclassified
from schemas.taxonomy import Stance, Target, Topic

NOW_MS = 1_795_000_000_000
BEAT = {
    "title": "Lawyers denounce US deportation flights to El Salvador's mega-prison",
    "text": "A plane with 120 migrants expelled from Texas landed in San Salvador on Tuesday.\n\n"
    "“These transfers are a brutal violation of due process,” said Ana Prueba, a lawyer for the families.\n\n"
    "She said that the agreement between Washington and the Salvadoran government had made people disappear.\n\n"
    "The State Department declined to comment.",
}
FOOTBALL = {
    "title": "La selecta gana en el Cuscatlán",
    "text": "El equipo marcó dos goles en la segunda parte.\n\nEl portero fue el mejor del partido.\n\n"
    "El entrenador felicitó a la afición.\n\nLa próxima fecha será en marzo.",
    "language": "es",
}


def read(model: Model, *articles: Any) -> list[Classification]:
    return classify_articles(articles, model=model, now_ms=NOW_MS)


def test_a_piece_on_the_beat_has_topics_and_stances_with_exact_evidence(
    model: Model, article: Callable[..., Any]
) -> None:
    (said,) = read(model, article(**BEAT))
    assert said.relevant
    assert said.read_whole
    assert Topic.DEPORTATION_RETURNS in [t.topic for t in said.topics]
    sides = {s.target: s.stance for s in said.stances}
    assert sides[Target.DEPORTATION_DEAL] is Stance.AGAINST
    for passage in said.passages:
        whole = said.article.title if passage.part is Part.TITLE else said.article.text
        assert passage.text == whole[passage.start : passage.end]
    for index in [i for t in said.topics for i in t.evidence] + [i for s in said.stances for i in s.evidence]:
        assert said.passages[index].text
    assert said.classified_at_ms == NOW_MS
    assert said.model == model.ref


def test_a_voice_is_heard_with_the_side_it_takes(model: Model, article: Callable[..., Any]) -> None:
    (said,) = read(model, article(**BEAT))
    heard = next(v for v in said.voices if v.speaker.startswith("Ana Prueba"))
    assert heard.quote in said.passages[heard.passage].text
    assert heard.stance is Stance.AGAINST


def test_the_gate_stops_after_headline_and_lead(model: Model, article: Callable[..., Any]) -> None:
    (said,) = read(model, article(**FOOTBALL))
    assert not said.relevant
    assert not said.read_whole
    assert len(said.passages) < 5


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"title": "", "text": ""}, Unclassified.EMPTY),
        ({"title": "—", "text": "2026 · 11"}, Unclassified.EMPTY),
        ({"title": "Nouvel accord", "text": "Les deux pays parlent.", "language": "fr"}, Unclassified.LANGUAGE),
        ({"title": "Site", "text": "Please enable JavaScript to view this page."}, Unclassified.BOILERPLATE),
    ],
)
def test_what_can_not_be_classified_says_why(
    model: Model, article: Callable[..., Any], changes: dict[str, Any], reason: Unclassified
) -> None:
    (said,) = read(model, article(**changes))
    assert said.unclassified is reason
    assert not said.relevant
    assert said.passages == ()


def test_a_piece_gets_the_same_in_any_company(model: Model, article: Callable[..., Any]) -> None:
    pieces = [article("a", **BEAT), article("b", **FOOTBALL), article("c", title="", text=""), article("d")]
    together = read(model, *pieces)
    assert [said.article_id for said in together] == [piece.article_id for piece in pieces]
    for piece, said in zip(pieces, together, strict=True):
        (alone,) = read(model, piece)
        assert alone.relevance == pytest.approx(said.relevance, abs=2e-4)
        assert [t.topic for t in alone.topics] == [t.topic for t in said.topics]
        assert [(s.target, s.stance) for s in alone.stances] == [(s.target, s.stance) for s in said.stances]


def test_a_headline_alone_is_classified(model: Model, article: Callable[..., Any]) -> None:
    (said,) = read(model, article(title=BEAT["title"], text=""))
    assert said.relevant
    assert [p.part for p in said.passages] == [Part.TITLE]
