"""What the benches of the index are made over."""

from datetime import UTC, datetime

from deploy.bench.pieces import SENTENCES, pieces, sentences
from schemas.identity import similarity

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def test_pieces_are_the_same_for_the_same_seed_and_none_is_a_copy() -> None:
    made = list(pieces(20, seed=3, now=NOW))
    assert made == list(pieces(20, seed=3, now=NOW))
    assert len({piece.article_id for piece in [*made, *pieces(20, seed=4, now=NOW)]}) == 40
    first = made[0].article.signature
    assert all(similarity(first, piece.article.signature) < 0.3 for piece in made[1:])


def test_pieces_are_of_both_languages_with_what_the_index_charts() -> None:
    made = list(pieces(20, seed=3, now=NOW))
    assert {piece.article.language for piece in made} == {"en", "es"}
    assert all(len(piece.stances) == len(piece.voices) == 2 and piece.embedding for piece in made)
    assert min(len(said) for said in sentences().values()) > SENTENCES
