"""Texts changed without a reader's seeing it come back as they were; the rest changes what it says it does."""

import numpy as np
import pytest

from consumers.classifier import disturb
from consumers.classifier.normal import normalise

TEXT = "El Gobierno confirmó la llegada de 238 deportados; «un éxito», dijo la canciller. Critics called it a failure."


@pytest.mark.parametrize("way", ["zero_width", "homoglyphs"])
def test_what_a_reader_can_not_see_is_undone_before_reading(way: str) -> None:
    changed = disturb.WAYS[way](TEXT, np.random.default_rng(1))
    assert changed != TEXT
    assert normalise(changed) == TEXT


def test_capitals_are_read_as_small_letters() -> None:
    shouted = disturb.capitals(TEXT, np.random.default_rng(1))
    assert shouted == TEXT.upper()
    assert normalise(shouted).casefold() == TEXT.casefold()


def test_a_scanner_misreads_a_few_characters_and_accents_fall() -> None:
    misread = disturb.scanned(TEXT * 50, np.random.default_rng(1))
    changed = sum(a != b for a, b in zip(misread, TEXT * 50, strict=False))
    assert misread != TEXT * 50
    assert changed > 0
    assert disturb.without_accents("Canción, año", np.random.default_rng(1)) == "Cancion, ano"


def test_stuffing_adds_label_words_after_the_text() -> None:
    stuffed = disturb.stuffed(TEXT, np.random.default_rng(1))
    assert TEXT in stuffed
    assert len(stuffed) > len(TEXT) + 40


def test_every_way_is_the_same_for_a_seed() -> None:
    for way in disturb.WAYS.values():
        assert way(TEXT, np.random.default_rng(7)) == way(TEXT, np.random.default_rng(7))
