"""Which pieces are one story."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from datasketch import MinHash

from consumers.story import Print, copied, places
from schemas.article import Article

MakeArticle = Callable[..., Article]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def signature(text: str) -> tuple[int, ...]:
    """64 values over five-word shingles, as the poller makes them."""
    words = text.split()
    made = MinHash(num_perm=64, seed=1)
    for i in range(len(words) - 4):
        made.update(" ".join(words[i : i + 5]).encode())
    return tuple(int(v) for v in made.hashvalues)


def text_of(seed: int, words: int) -> str:
    rng = random.Random(seed)
    return " ".join(f"w{rng.randrange(5000)}" for _ in range(words))


def print_of(text: str) -> Print:
    return Print(signature(text), len(text.split()))


AGENCY = text_of(1, 400)


@pytest.fixture
def piece(article: MakeArticle) -> Callable[..., Article]:
    def make(path: str, text: str, **changes: Any) -> Article:
        return article(path, text=text, signature=signature(text), **{"published_at": NOW} | changes)

    return make


def test_a_copy_with_a_few_words_changed_is_a_copy() -> None:
    words = AGENCY.split()
    words[50], words[200] = "changed", "too"
    score = copied(print_of(" ".join(words)), print_of(AGENCY))
    assert score is not None
    assert score > 0.8


def test_a_copy_trimmed_to_its_first_half_is_a_copy_of_the_whole() -> None:
    half = " ".join(AGENCY.split()[:220])
    assert copied(print_of(half), print_of(AGENCY)) is not None


@pytest.mark.parametrize("own", [200, 280, 400])
def test_a_piece_with_much_text_of_its_own_around_a_copied_one_is_no_copy(own: int) -> None:
    longer = f"{AGENCY} {text_of(2, own)}"
    assert copied(print_of(longer), print_of(AGENCY)) is None


def test_a_copy_with_a_paragraph_added_is_one() -> None:
    assert copied(print_of(f"{AGENCY} {text_of(2, 60)}"), print_of(AGENCY)) is not None


def test_two_reports_that_share_a_quoted_statement_are_not_copies() -> None:
    statement = text_of(3, 120)
    one, other = f"{text_of(4, 280)} {statement}", f"{statement} {text_of(5, 280)}"
    assert copied(print_of(one), print_of(other)) is None
    assert copied(print_of(other), print_of(one)) is None


def test_texts_without_a_signature_are_copies_of_nothing() -> None:
    assert copied(Print((), 10), Print((), 10)) is None


def test_copies_in_one_batch_and_in_a_later_one_are_one_story(house: Any, piece: Callable[..., Article]) -> None:
    first, same = piece("a", AGENCY, outlet="Agency"), piece("b", AGENCY + " end", outlet="Paper")
    other = piece("c", text_of(9, 400))
    found = places([first, same, other], es=house.es)
    assert found[first.article_id].story_id == found[same.article_id].story_id == first.article_id
    assert found[other.article_id].story_id == other.article_id
    later = piece("d", "start " + AGENCY, published_at=NOW + timedelta(days=2))
    assert places([later], es=house.es)[later.article_id].story_id == first.article_id


def test_a_text_from_the_same_template_a_month_later_is_another_story(
    house: Any, piece: Callable[..., Article]
) -> None:
    first = piece("a", AGENCY)
    later = piece("b", AGENCY, published_at=NOW + timedelta(days=30))
    found = places([first, later], es=house.es)
    assert found[later.article_id].story_id == later.article_id


def test_replays_in_another_order_and_changed_texts_keep_the_story(house: Any, piece: Callable[..., Article]) -> None:
    pieces = [piece(name, AGENCY) for name in "abc"]
    found = places(pieces, es=house.es)
    assert places(list(reversed(pieces)), es=house.es) == found
    rewritten = piece("b", text_of(7, 300))
    assert places([rewritten], es=house.es)[rewritten.article_id] == found[rewritten.article_id]


def test_two_readings_of_one_piece_in_a_batch_have_one_place(house: Any, piece: Callable[..., Article]) -> None:
    old = piece("a", AGENCY, observed_at_ms=1)
    new = piece("a", text_of(7, 300), observed_at_ms=2, published_at=NOW - timedelta(days=40))
    found = places([old, new], es=house.es)
    assert list(found) == [old.article_id]
    assert found[old.article_id].home == house.indices.month(NOW)


def test_short_pieces_without_a_signature_are_stories_of_their_own(house: Any, article: MakeArticle) -> None:
    pieces = [article("a", text="Short."), article("b", text="Short.")]
    found = places(pieces, es=house.es)
    assert {p.story_id for p in found.values()} == {p.article_id for p in pieces}
