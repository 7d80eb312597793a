"""Where passages begin and end."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.classifier.passages import PASSAGES_MOST, SENTENCES_MOST, WORDS_MOST, passages, sentences

PIECES = [
    "Hola", "said", "U.S.", "EE. UU.", "No.", "5", ".", "?", "\n", "\n\n", "«", "»", "“", "”", " ", "- ", "| a | b |",
    "Dr.", "¿Qué?", "x" * 40, ", ", "; ", "palabra " * 30, "a. ", "…", "\u2028", "\u200b", "é",
]  # fmt: skip
TEXTS = st.one_of(st.text(max_size=300), st.lists(st.sampled_from(PIECES), max_size=60).map("".join))


@given(TEXTS)
def test_passages_are_slices_in_order_that_lose_no_letter(text: str) -> None:
    found = passages(text)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    slices = [span.of(text) for span in found]
    assert all(s and s == s.strip() for s in slices)
    assert all(len(s.split()) <= WORDS_MOST for s in slices)
    assert sum(c.isalpha() for s in slices for c in s) == sum(c.isalpha() for c in text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "El Sr. Pérez llegó a EE. UU. El martes fue detenido. La Dra. Ruiz lo defiende.",
            ["El Sr. Pérez llegó a EE. UU.", "El martes fue detenido.", "La Dra. Ruiz lo defiende."],
        ),
        (
            "U.S. President Donald Trump met him in the U.S. The visit lasted 2.5 hours.",
            ["U.S. President Donald Trump met him in the U.S.", "The visit lasted 2.5 hours."],
        ),
        (
            "Decree No. 45 was cited. He said no. Nobody objected.",
            ["Decree No. 45 was cited.", "He said no.", "Nobody objected."],
        ),
        (
            "¿Qué pasará? ¡Nadie lo sabe! «No hay acuerdo. Nunca lo hubo», dijo. Así terminó.",
            ["¿Qué pasará?", "¡Nadie lo sabe!", "«No hay acuerdo. Nunca lo hubo», dijo.", "Así terminó."],
        ),
        (
            "“We will go on.” The minister left. It ended at 5 p.m. on Tuesday.",
            ["“We will go on.”", "The minister left.", "It ended at 5 p.m. on Tuesday."],
        ),
        ("Flights rose 4.5 percent... and then fell.", ["Flights rose 4.5 percent... and then fell."]),
        ("J. R. Smith signed it. The end.", ["J. R. Smith signed it.", "The end."]),
        ("A line that is\nwrapped here. Next one.", ["A line that is\nwrapped here.", "Next one."]),
    ],
)
def test_sentences_survive_abbreviations_quotes_and_marks(text: str, expected: list[str]) -> None:
    assert [span.of(text) for span in sentences(text)] == expected


def test_a_list_is_read_together_and_apart_from_the_prose_around_it() -> None:
    text = "The plan has parts:\n- More police money.\n- Aid for schools.\n- Shared records.\nIt starts in May."
    assert [span.of(text) for span in passages(text)] == [
        "The plan has parts:",
        "- More police money.\n- Aid for schools.\n- Shared records.",
        "It starts in May.",
    ]


def test_table_rows_are_passages_and_its_rule_line_is_none() -> None:
    text = "| Gains | Costs |\n|---|---|\n| Aid | Rights |"
    assert [span.of(text) for span in sentences(text)] == ["| Gains | Costs |", "| Aid | Rights |"]


def test_a_passage_has_at_most_three_sentences_and_stays_in_its_paragraph() -> None:
    text = "One is here. Two is here. Three is here. Four is here.\nFive is here."
    found = [span.of(text) for span in passages(text)]
    assert found == ["One is here. Two is here. Three is here.", "Four is here.", "Five is here."]
    assert all(len(sentences(p)) <= SENTENCES_MOST for p in found)


def test_a_sentence_too_long_is_cut_at_a_clause() -> None:
    text = "word " * 70 + "comma, " + "word " * 60 + "end."
    first, second = passages(text)
    assert first.of(text).endswith("comma,")
    assert second.of(text).endswith("end.")


@pytest.mark.parametrize("unit", ["a. ", "“A. ", "« ", "A", ". ", "\n", "| a ", "U.S. ", "a.«", "A.B ", ", "])
def test_hostile_texts_cost_little(unit: str) -> None:
    text = (unit * 400_000)[:400_000]
    start = time.process_time()
    assert len(passages(text)) <= PASSAGES_MOST
    assert time.process_time() - start < 3
