"""What a source's pieces look like."""

from flows.feeds.traits import Trait, drift, looks
from schemas.watch import Looks


def pieces(count: int, *, chars: int = 4000, dated: bool = True, language: str = "es", at: float = 0) -> list[Trait]:
    return [Trait(chars, dated, language, at) for _ in range(count)]


def test_texts_that_shrink_dates_that_vanish_and_a_language_that_changes_are_named() -> None:
    usual = pieces(20)
    assert drift(usual, pieces(5, chars=3000)) == ()
    assert drift(usual, pieces(5, chars=120)) == ("texts are 120 characters long, not 4000: has the layout changed?",)
    assert drift(usual, pieces(5, dated=False)) == ("100% of the pieces have no date, not 0%",)
    assert drift(usual, pieces(5, language="en")) == ("0% of the pieces are in es, not 100%",)
    assert drift(pieces(20, chars=80), pieces(5, chars=0)) == ()
    assert drift(pieces(3), pieces(5, chars=10)) == ()


def test_a_changed_layout_is_named_within_two_polls() -> None:
    traits = [trait for poll in range(12) for trait in pieces(2, at=poll)]
    assert looks(Looks(), traits).drift == ()
    traits += pieces(2, chars=150, at=12)
    traits += pieces(2, chars=150, at=13)
    found = looks(Looks(overlap=0.5), traits)
    assert found.drift == ("texts are 150 characters long, not 4000: has the layout changed?",)
    assert (found.overlap, found.chars, found.undated, found.languages) == (0.5, 4000, 0, {"es": 1})
