"""Questions on a real node: nearness, likeness, voices, confidence, facets, and all pages of an answer."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumers.archive import refresh
from consumers.index import index
from consumers.search import ask, ask_all, liked
from schemas.classification import Classification, Voice
from schemas.errors import ConfigError
from schemas.indices import EMBEDDING
from schemas.question import Question
from schemas.taxonomy import Stance, Target

Make = Callable[..., Classification]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PRISON, AID = "the prison", "the aid"
COPY = tuple(range(64))


def embed(text: str) -> Sequence[float]:
    """Of two subjects, whatever the language: `cárcel` is near `prison`."""
    prison = any(word in text for word in ("prison", "cárcel"))
    return [1.0 if prison else 0.1, 0.1 if prison else 1.0, *([0.0] * (EMBEDDING - 2))]


@pytest.fixture(scope="module")
def pieces(shared_house: Any, classified: Make) -> list[Classification]:
    """Two copies and a Spanish piece on a prison, one on aid, and 30 more."""
    made = [
        classified("en-1", title="Inside the prison", published_at=NOW, signature=COPY),
        classified("en-2", title="Inside the prison, again", published_at=NOW, signature=COPY, country="US"),
        classified("es", title="En la cárcel", text="Así viven.", language="es", published_at=NOW - timedelta(hours=1)),
        classified("aid", title="Aid resumes", stance=Stance.FAVOR, published_at=NOW - timedelta(hours=2)),
        *(classified(f"x{n}", title=f"Item {n}", published_at=NOW - timedelta(days=30, hours=n)) for n in range(30)),
    ]
    made = [
        one.model_copy(update={"embedding": tuple(embed(one.article.title))}) if n < 4 else one
        for n, one in enumerate(made)
    ]
    voice = Voice(speaker="Ana Prueba", quote="No.", passage=0, target=Target.US_AID, stance=Stance.AGAINST)
    made[3] = made[3].model_copy(update={"voices": (*made[3].voices, voice)})
    index(made, es=shared_house.es, now=lambda: NOW)
    refresh(shared_house.es, shared_house.indices.news)
    return made


@pytest.fixture
def titles(shared_house: Any, pieces: list[Classification]) -> Callable[..., list[str]]:
    def run(**asked: Any) -> list[str]:
        found = ask(shared_house.es, Question(**asked), embed=embed, now=NOW, size=100)
        return [row.piece["title"] for row in found.rows]

    return run


def test_a_spanish_question_finds_english_pieces_first_those_that_are_near(titles: Callable[..., list[str]]) -> None:
    found = titles(semantic="la cárcel")
    assert set(found[:2]) == {"Inside the prison", "En la cárcel"} or found[0].startswith("Inside the prison")
    assert found[-1] == "Aid resumes"
    assert len(found) == 3, "a story is one row, and what has no embedding isn't found"
    assert titles(semantic="la cárcel", languages=("es",)) == ["En la cárcel"]
    assert titles(semantic="la cárcel", words="resumes") == ["Aid resumes"]


def test_more_like_a_piece_is_what_is_near_or_shares_words_but_not_its_own_story(
    shared_house: Any, pieces: list[Classification], titles: Callable[..., list[str]]
) -> None:
    found = titles(like=pieces[0].article_id)
    assert not [title for title in found if title.startswith("Inside the prison")]
    assert "En la cárcel" in found
    assert titles(like=pieces[0].article_id[:12]) == found
    assert len(liked(shared_house.es, pieces[0].article_id).embedding) == EMBEDDING


@pytest.mark.parametrize("wrong", ["zzzzzz", "", "a"])
def test_a_piece_that_is_not_there_is_said(shared_house: Any, pieces: list[Classification], wrong: str) -> None:
    with pytest.raises(ConfigError, match="article_id"):
        liked(shared_house.es, wrong)


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"voice": "prueba"}, 1),
        ({"voice": "prueba", "voice_stances": {"us_aid": "against"}}, 1),
        ({"voice": "prueba", "voice_stances": {"us_aid": "favor"}}, 0),
        ({"voice_stances": {"us_aid": "against"}}, 1),
        ({"voice": "lawyer", "voice_stances": {"us_aid": "against"}}, 0),
        ({"stances": {"deportation_deal": "favor"}, "min_confidence": 0.9}, 1),
        ({"stances": {"deportation_deal": "favor"}, "min_confidence": 0.95}, 0),
        ({"min_confidence": 0.9}, 33),
        ({"min_confidence": 0.91}, 0),
        ({"since": "1d"}, 3),
        ({"until": "1d"}, 30),
    ],
)
def test_what_is_asked_of_one_voice_or_one_stance_holds_of_that_one(
    titles: Callable[..., list[str]], asked: dict[str, Any], count: int
) -> None:
    assert len(titles(**asked)) == count


def test_an_answer_counts_pieces_stories_and_kinds(shared_house: Any, pieces: list[Classification]) -> None:
    found = ask(shared_house.es, Question(since="1d"), now=NOW)
    assert (found.pieces, found.stories, [row.copies for row in found.rows]) == (4, 3, [2, 1, 1])
    assert found.facets["countries"] == {"SV": 3, "US": 1}
    assert found.facets["languages"] == {"en": 3, "es": 1}
    assert found.facets["deportation_deal"] == {"against": 3, "favor": 1}
    assert sum(found.facets["days"].values()) == 4
    assert "embedding" not in found.rows[0].piece
    with pytest.raises(ConfigError, match="embedder"):
        ask(shared_house.es, Question(semantic="x"))


def test_every_page_of_an_answer_is_read_whatever_is_written_meanwhile(
    shared_house: Any, pieces: list[Classification], classified: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.search.PAGE", 7)
    answer = ask_all(shared_house.es, Question(), now=NOW)
    first = next(answer)
    index([classified("late", published_at=NOW)], es=shared_house.es, now=lambda: NOW)
    refresh(shared_house.es, shared_house.indices.news)
    every = [first, *answer]
    assert [piece["article_id"] for piece in every].count(pieces[0].article_id) == 1
    assert {piece["article_id"] for piece in every} == {piece.article_id for piece in pieces}
    assert [p["published_at"] for p in every] == sorted((p["published_at"] for p in every), reverse=True)

    told = list(ask_all(shared_house.es, Question(until="0m"), stories=True, now=NOW + timedelta(hours=1)))
    assert len(told) == len({piece["story_id"] for piece in told})
    assert {piece["title"]: piece["copies"] for piece in told}["En la cárcel"] == 1
    assert max(piece["copies"] for piece in told) == 2
    assert list(ask_all(shared_house.es, Question(words="zebra"), now=NOW)) == []
