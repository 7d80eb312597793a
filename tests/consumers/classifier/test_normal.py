"""One form for one look."""

from hypothesis import given
from hypothesis import strategies as st

from consumers.classifier.normal import normalise


def test_invisible_characters_do_not_count() -> None:
    hidden = "depor\u200bta\u00addos \u202ehoy\u202c\ufeff por\u2060 EE. UU."
    assert normalise(hidden) == "deportados hoy por EE. UU."


def test_compatible_forms_become_one() -> None:
    assert normalise("ﬁn\u00a0de\tlos\n\nﬂujos \uff11\uff12") == "fin de los flujos 12"
    assert normalise("e\u0301xito") == "éxito"


@given(st.text())
def test_any_text_has_a_form_that_stays(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    once.encode("utf-8")
