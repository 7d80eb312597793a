"""From passages to the piece."""

import numpy as np
import pytest

from consumers.classifier.aggregate import Read, relevance, stances, topics, voice
from consumers.classifier.decide import Thresholds
from schemas.classification import Part, Passage, Voice
from schemas.taxonomy import Stance, Target, Topic

THRESHOLDS = Thresholds(relevance=0.5, topics=0.4, addressed=0.5, gate=0.1)
ABSENT, FAVOR, AGAINST, NEUTRAL = np.eye(4, dtype=np.float32) * 0.9 + 0.025


def read(relevant: list[float], *, topic: list[float] | None = None, sides: list[object] | None = None) -> Read:
    """A title and as many passages of text as there are figures after the first; one topic, one target."""
    n = len(relevant)
    found = [Passage(part=Part.TITLE if i == 0 else Part.TEXT, start=0, end=1, text="x", relevance=0) for i in range(n)]
    topic_scores = np.zeros((n, len(Topic)), np.float32)
    topic_scores[:, 0] = topic or [0.0] * n
    stance = np.tile(ABSENT, (n, len(Target), 1))
    if sides is not None:
        stance[:, 1] = sides
    return Read(found, np.array(relevant, np.float32), topic_scores, stance)


def test_headline_and_lead_make_a_piece_relevant() -> None:
    assert relevance(read([0.9, 0.9, 0.1, 0.1, 0.1])) == pytest.approx((4 * 0.9 + 0.1) / 5)


def test_one_sentence_further_down_does_not() -> None:
    assert relevance(read([0.1, 0.1, 0.1, 0.95, 0.1])) < 0.5


def test_a_headline_alone_is_its_own_measure() -> None:
    assert relevance(read([0.7])) == pytest.approx(0.7)
    assert relevance(read([])) == 0


def test_a_topic_holds_by_its_three_strongest_passages_and_names_them() -> None:
    (found,) = topics(read([0.5] * 5, topic=[0.0, 0.1, 0.7, 0.8, 0.9]), THRESHOLDS)
    assert found.topic is Topic.SECURITY_COOPERATION
    assert found.score == pytest.approx(0.8)
    assert found.evidence == (4, 3, 2)
    assert topics(read([0.5] * 4, topic=[0.1, 0.1, 0.1, 0.6]), THRESHOLDS) == ()


def test_a_critical_piece_is_against_with_its_sentence() -> None:
    (found,) = stances(read([0.5] * 3, sides=[ABSENT, NEUTRAL, AGAINST]), THRESHOLDS)
    assert (found.target, found.stance) == (Target.DEPORTATION_DEAL, Stance.AGAINST)
    assert found.score < -0.25
    assert found.evidence[0] == 2
    assert not found.contested


def test_a_side_is_as_sure_as_its_two_strongest_passages_whatever_else_is_reported() -> None:
    plain = stances(read([0.5] * 4, sides=[ABSENT, ABSENT, AGAINST, AGAINST]), THRESHOLDS)
    amid = stances(read([0.5] * 4, sides=[ABSENT, NEUTRAL, AGAINST, AGAINST]), THRESHOLDS)
    assert [s.stance for s in (*plain, *amid)] == [Stance.AGAINST] * len((*plain, *amid))
    assert amid[0].confidence == pytest.approx(AGAINST[2], abs=1e-3)


def test_the_headline_counts_double() -> None:
    assert stances(read([0.5] * 4, sides=[FAVOR, ABSENT, ABSENT, NEUTRAL]), THRESHOLDS)[0].score == pytest.approx(
        2 * stances(read([0.5] * 4, sides=[NEUTRAL, ABSENT, ABSENT, FAVOR]), THRESHOLDS)[0].score, abs=0.01
    )


def test_strong_passages_on_both_sides_are_neutral_and_contested() -> None:
    (found,) = stances(read([0.5] * 5, sides=[ABSENT, ABSENT, FAVOR, AGAINST, FAVOR]), THRESHOLDS)
    assert found.stance is Stance.NEUTRAL
    assert found.contested
    assert set(found.evidence) == {2, 3, 4}


def test_one_passing_mention_does_not_make_the_piece_address_a_target() -> None:
    assert stances(read([0.5] * 6, sides=[ABSENT, ABSENT, ABSENT, AGAINST, ABSENT, ABSENT]), THRESHOLDS) == ()


def test_a_target_that_no_passage_addresses_has_no_stance() -> None:
    assert stances(read([0.5] * 3), THRESHOLDS) == ()


def test_a_voice_takes_its_own_side_on_what_its_passage_addresses() -> None:
    said = Voice(speaker="A", quote="b", passage=0)
    passage = np.tile(ABSENT, (len(Target), 1))
    own = np.tile(AGAINST, (len(Target), 1))
    assert voice(said, passage, own, THRESHOLDS).target is None
    passage[3] = FAVOR
    heard = voice(said, passage, own, THRESHOLDS)
    assert (heard.target, heard.stance) == (Target.BUKELE_GOVERNMENT, Stance.AGAINST)
