"""What the search command makes of its options and of the answer."""

import pytest

from consumers.search import Found, Row
from deploy.cli.found import as_document, fragments, marked, plain, speakers
from deploy.cli.search import parse_entity, parse_stances
from schemas.clauses import MARK_END, MARK_START
from schemas.errors import ConfigError
from schemas.taxonomy import Stance, Target


def row(**passages: list[str]) -> Row:
    evidence = [{"text": "a topic", "topic": "asylum_tps"}, {"text": "a side", "stance": "against"}]
    return Row({"title": "t", "text": "the whole text", "evidence": evidence}, 3, None, passages)


def test_stances_are_pairs_of_target_and_side() -> None:
    assert parse_stances(["us_aid=favor", "deportation_deal=against"]) == {
        Target.US_AID: Stance.FAVOR,
        Target.DEPORTATION_DEAL: Stance.AGAINST,
    }


@pytest.mark.parametrize(("pair", "listed"), [("aid=favor", "us_aid"), ("us_aid=pro", "favor"), ("us_aid", "favor")])
def test_a_wrong_stance_is_answered_with_the_right_ones(pair: str, listed: str) -> None:
    with pytest.raises(ConfigError, match=listed):
        parse_stances([pair])


@pytest.mark.parametrize(
    ("name", "found"),
    [("cecot", "cecot"), ("State Department", "us-state-department"), ("Cancillería", "sv-foreign-ministry"),
     ("other:ana-prueba", "other:ana-prueba")],
)  # fmt: skip
def test_an_entity_is_given_by_id_or_by_any_of_its_names(name: str, found: str) -> None:
    assert parse_entity(name) == found


@pytest.mark.parametrize(("name", "near"), [("bukele family", "nayib-bukele"), ("zzz", "An id")])
def test_an_unknown_entity_is_answered_with_what_comes_near(name: str, near: str) -> None:
    with pytest.raises(ConfigError, match=near):
        parse_entity(name)


def test_speakers_are_listed_once_and_the_unnamed_left_out() -> None:
    voices = [{"speaker": s, "named": s != "she"} for s in ("Ana", "she", "Ana", "Eva", "ICE", "Luis")]
    assert speakers({"voices": voices}) == "Speaking: Ana, Eva, ICE and 1 more"
    assert speakers({"voices": []}) == ""


def test_a_passage_found_through_two_fields_is_shown_once() -> None:
    one = f"the {MARK_START}flights{MARK_END} landed"
    assert fragments(row(text=[one], **{"text.en": [one, "another"]})) == [one, "another"]


def test_without_words_the_sentence_that_takes_a_side_is_shown() -> None:
    assert fragments(row()) == ["a side"]


def test_what_was_found_is_bold_and_control_characters_are_gone() -> None:
    text = marked(f"a {MARK_START}\x1b[31mflight{MARK_END}\u202e b")
    assert text.plain == "a [31mflight b"
    assert [str(span.style) for span in text.spans] == ["bold yellow"]
    assert plain(f"{MARK_START}a{MARK_END}b") == "ab"


def test_the_document_for_machines_has_totals_facets_and_no_full_text() -> None:
    facets = {"topics": {"asylum_tps": 4}, "us_aid": {"favor": 1}, "countries": {"SV": 5}}
    found = Found([row(text=[f"{MARK_START}x{MARK_END}"])], pieces=5, stories=2, facets=facets)
    document = as_document(found)
    assert (document["pieces"], document["stories"], document["topics"]) == (5, 2, {"asylum_tps": 4})
    assert document["stances"]["us_aid"] == {"favor": 1}
    assert (document["countries"], "us_aid" in document) == ({"SV": 5}, False)
    assert document["hits"][0]["copies"] == 3
    assert document["hits"][0]["highlights"] == ["x"]
    assert "text" not in document["hits"][0]
