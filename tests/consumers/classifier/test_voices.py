"""Who says what, and whom it names, over a whole piece."""

import pytest

from consumers.classifier.passages import passages
from consumers.classifier.voices import ENTITIES_MOST, VOICES_MOST, spoken
from schemas.classification import EntityKind, Part, Passage, Voice


def cut(title: str, text: str) -> list[Passage]:
    both = ((Part.TITLE, title), (Part.TEXT, text))
    return [
        Passage(part=part, start=s.start, end=s.end, text=s.of(own), relevance=0.5)
        for part, own in both
        for s in passages(own)
    ]


def voices(text: str, language: str = "en") -> tuple[Voice, ...]:
    return spoken("", text, language, cut("", text)).voices


@pytest.mark.parametrize(
    ("language", "text", "speaker", "quote"),
    [
        ("en", "“This is a cruel policy,” said Ana Prueba, a lawyer with the group, on Tuesday.",
         "Ana Prueba", "This is a cruel policy"),
        ("en", "\"We will keep flying,\" the minister told reporters.", "the minister", "We will keep flying"),
        ("en", "The State Department said that flights would continue as planned.",
         "The State Department", "flights would continue as planned"),
        ("en", "The agency says the men are in good health.", "The agency", "the men are in good health"),
        ("en", "According to the Justice Ministry, the deal has cut arrivals by half.",
         "the Justice Ministry", "the deal has cut arrivals by half"),
        ("en", "Arrests are down by a fifth, the sheriff said on Monday.",
         "the sheriff", "Arrests are down by a fifth"),
        ("en", "The bishop called the deal “a shameful trade” in his homily.", "The bishop", "a shameful trade"),
        ("en", "The new flights, a union leader said, are illegal.",
         "a union leader", "The new flights, a union leader said, are illegal"),
        ("es", "«Es un éxito rotundo», afirmó el ministro de Justicia durante un acto.",
         "el ministro de Justicia", "Es un éxito rotundo"),
        ("es", "La directora de la organización, Ana Prueba, denunció que los detenidos no ven a un abogado.",
         "Ana Prueba", "los detenidos no ven a un abogado"),
        ("es", "Según la Cancillería, el convenio seguirá vigente hasta 2027.",
         "la Cancillería", "el convenio seguirá vigente hasta 2027"),
        ("es", "Las deportaciones aumentaron un 40 %, según datos de Migración.",
         "datos de Migración", "Las deportaciones aumentaron un 40 %"),
        ("es", "—No tenemos miedo —dijo una vecina de Apopa—.", "una vecina de Apopa", "No tenemos miedo"),
        ("es", "El colectivo calificó de «vergonzoso» el acuerdo.", "El colectivo", "vergonzoso"),
        ("es", "Dijo el obispo que la ley no se toca.", "el obispo", "la ley no se toca"),
        ("es", "Por su parte, la ministra, que viajó el lunes, pidió que se respete el acuerdo.",
         "la ministra", "se respete el acuerdo"),
    ],
)  # fmt: skip
def test_a_speaker_and_the_words_are_found(language: str, text: str, speaker: str, quote: str) -> None:
    (heard,) = voices(text, language)
    assert (heard.speaker, heard.quote) == (speaker, quote)
    assert heard.start is not None
    assert text[heard.start : heard.end] == heard.quote


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The flight landed at noon with 118 people. The “good riddance” sign was gone."),
        ("en", "Asked about the flights, the crowd fell silent. The order was told in two pages."),
        ("es", "El vuelo aterrizó al mediodía. La denuncia fue archivada y el dicho quedó."),
        ("fr", "«Nous partons», a dit le ministre."),
    ],
)
def test_a_text_in_which_nobody_speaks_has_no_voice(language: str, text: str) -> None:
    assert voices(text, language) == ()


def test_what_stands_before_a_verb_set_off_by_commas_is_told_of_and_does_not_tell() -> None:
    text = (
        "Una abogada que acompaña a las familias criticó el convenio. Estados Unidos, explicó, saca a personas que "
        "tenían derecho a un juez. «Los mandan aquí», recalcó."
    )
    assert [voice.speaker for voice in voices(text, "es")] == ["Una abogada", "Una abogada"]


def test_surname_office_and_pronoun_are_one_speaker() -> None:
    heard = voices(
        "Foreign Minister Ana Muestra Prueba, who came on Monday, said that the deal works. “There is more,” Muestra "
        "said. “We are glad,” she added. The minister denied that money had changed hands."
    )
    assert [v.speaker for v in heard] == ["Ana Muestra Prueba"] * 4
    assert {v.title for v in heard} == {"Foreign Minister"}
    assert [v.direct for v in heard] == [False, True, True, False]


def test_a_pronoun_with_nobody_before_it_stays_unnamed() -> None:
    (heard,) = voices("“There is more to come,” she said.")
    assert (heard.speaker, heard.named) == ("she", False)


def test_two_ministers_are_two_speakers() -> None:
    heard = voices(
        "Health Minister Luis Ejemplo said that all were well. Justice Minister Eva Muestra said that they were not. "
        "The minister said that there would be an inquiry."
    )
    assert [v.speaker for v in heard] == ["Luis Ejemplo", "Eva Muestra", "The minister"]


def test_a_quote_goes_on_over_paragraphs() -> None:
    heard = voices("“We waited all night.\n\n“Nobody came to the door,” said Ana Prueba.")
    assert [(v.speaker, v.quote) for v in heard] == [
        ("Ana Prueba", "We waited all night."),
        ("Ana Prueba", "Nobody came to the door"),
    ]


def test_a_voice_stands_in_its_passage_and_the_headline_has_its_own() -> None:
    title, text = "Canciller: «El acuerdo sigue»", "Nada cambió ayer.\n\nEl canciller dijo que el acuerdo sigue en pie."
    pieces = cut(title, text)
    said = spoken(title, text, "es", pieces)
    assert [(v.part, pieces[v.passage].text) for v in said.voices] == [
        (Part.TITLE, title),
        (Part.TEXT, "El canciller dijo que el acuerdo sigue en pie."),
    ]


def test_entities_are_counted_over_headline_and_text_in_the_readers_language() -> None:
    title, text = (
        "CECOT: nuevo vuelo",
        "El CECOT recibió a 20 hombres. Fundación Muestra protestó. Fundación Muestra pide.",
    )
    said = spoken(title, text, "es", cut(title, text))
    prison = next(e for e in said.entities if e.id == "cecot")
    assert prison.kind is EntityKind.PRISON
    assert [(m.part, m.start, m.end) for m in prison.mentions] == [(Part.TITLE, 0, 5), (Part.TEXT, 3, 8)]
    other = next(e for e in said.entities if e.kind is EntityKind.OTHER)
    assert (other.id, other.name, len(other.mentions)) == ("other:fundacion-muestra", "Fundación Muestra", 2)


def test_what_is_found_is_bounded() -> None:
    text = "\n".join(
        f"“Uno dos {i},” said Ana Prueba. Zon{chr(97 + i % 26) * (i // 26 + 1)} Xa came." for i in range(600)
    )
    said = spoken("", text * 2, "en", cut("", text * 2))
    assert len(said.voices) == VOICES_MOST
    assert len(said.entities) <= ENTITIES_MOST
