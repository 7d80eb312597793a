"""Where a text quotes."""

import pytest

from consumers.classifier.speech.quotes import quotes


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("He said “yes” and «no» and \"maybe\".", ["yes", "no", "maybe"]),
        ("“A ‘b’ «c» d”", ["A ‘b’ «c» d"]),
        ("«Dijo \"no\" y se fue»", ["Dijo \"no\" y se fue"]),
        ("'We stay': the migrants' plight isn't over", ["We stay"]),
        ("the ’90s, the migrants’ plight", []),
        ("a 6\" pipe and an open “ mark", []),
        ("one “ here\n\nand ” there", []),
        ("“One.\n\n“Two.”", ["One.", "Two."]),
        ("«Uno.\n\n»Dos».", ["Uno.", "Dos"]),
        ("—No voy —dijo ella—. Me quedo.", ["No voy", "Me quedo."]),
        ("– item\n– another", []),
    ],
)  # fmt: skip
def test_the_outermost_quotes_are_found(text: str, found: list[str]) -> None:
    assert [text[s.start : s.end] for s in quotes(text)] == found


def test_the_marks_stand_around_the_words() -> None:
    text = "Then: «sí»."
    (quote,) = quotes(text)
    assert text[quote.outer_start : quote.outer_end] == "«sí»"
