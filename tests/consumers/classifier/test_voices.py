"""Who says what."""

import time

import pytest

from consumers.classifier.voices import voices


@pytest.mark.parametrize(
    ("text", "speaker", "quote"),
    [
        ("“This is a cruel policy,” said Ana Prueba, a lawyer with the group, on Tuesday.",
         "Ana Prueba, a lawyer with the group", "This is a cruel policy"),
        ("\"We will keep flying,\" the minister told reporters.", "the minister", "We will keep flying"),
        ("The State Department said that flights would continue as planned.",
         "The State Department", "flights would continue as planned"),
        ("According to the Justice Ministry, the deal has cut arrivals by half.",
         "the Justice Ministry", "the deal has cut arrivals by half"),
        ("«Es un éxito rotundo», afirmó el ministro de Justicia durante un acto.",
         "el ministro de Justicia", "Es un éxito rotundo"),
        ("La directora de la organización, Ana Prueba, denunció que los detenidos no han visto a un abogado.",
         "La directora de la organización, Ana Prueba", "los detenidos no han visto a un abogado"),
        ("Según la Cancillería, el convenio seguirá vigente hasta 2027.",
         "la Cancillería", "el convenio seguirá vigente hasta 2027"),
        ("Las deportaciones aumentaron un 40 %, según datos de Migración.",
         "datos de Migración", "Las deportaciones aumentaron un 40 %"),
    ],
)  # fmt: skip
def test_a_speaker_and_the_words_are_found(text: str, speaker: str, quote: str) -> None:
    (heard,) = voices([text])
    assert (heard.speaker, heard.quote) == (speaker, quote)
    assert heard.speaker in text
    assert heard.quote in text


def test_a_pronoun_is_the_last_one_named() -> None:
    heard = voices(["“The deal is working,” said Ana Prueba.", "“There is more to come,” she said."])
    assert [(h.speaker, h.passage) for h in heard] == [("Ana Prueba", 0), ("Ana Prueba", 1)]


def test_a_pronoun_without_a_name_before_it_is_nobody() -> None:
    assert voices(["“There is more to come,” she said."]) == []


def test_a_text_in_which_nobody_speaks_has_no_voice() -> None:
    assert voices(["The flight landed at noon with 118 people.", "El vuelo aterrizó al mediodía."]) == []


@pytest.mark.parametrize("unit", ["said ", "A ", "“a", "dijo que ", "A, ", "the A said that ", "según A, "])
def test_hostile_passages_cost_little(unit: str) -> None:
    start = time.process_time()
    voices([(unit * 2000)[:1990]] * 3)
    assert time.process_time() - start < 3
