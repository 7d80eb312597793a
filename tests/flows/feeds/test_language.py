"""Which language a text is in."""

import pytest

from flows.feeds.language import identify

ENGLISH = "The government announced on Monday that deportation flights to El Salvador would resume next week. " * 5
SPANISH = (
    "El gobierno anunció el lunes que los vuelos de deportación a El Salvador se reanudarán la próxima semana. " * 5
)
PORTUGUESE = "O governo anunciou na segunda-feira que os voos de deportação serão retomados na próxima semana. " * 5


@pytest.mark.parametrize(("text", "code"), [(ENGLISH, "en"), (SPANISH, "es"), (PORTUGUESE, "pt")])
def test_a_long_text_speaks_for_itself(text: str, code: str) -> None:
    for prior in (None, "en", "es", "xx"):
        assert identify(text, prior=prior) == (code, code != prior)


@pytest.mark.parametrize("text", ["Bukele", "Nayib Bukele", "USCIS", "TPS", "2026"])
def test_a_few_words_are_in_the_feeds_language(text: str) -> None:
    assert identify(text, prior="es") == ("es", False)
    assert identify(text, prior="en") == ("en", False)


def test_a_clear_headline_in_another_language_is_told_from_the_feeds() -> None:
    assert identify("El presidente dice que no habrá más vuelos de deportación este año", prior="en") == ("es", True)


def test_a_text_without_letters_has_no_language() -> None:
    assert identify("1234 …") == ("und", True)
