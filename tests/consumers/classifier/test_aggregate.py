"""From passages to the piece."""

import numpy as np
import pytest

from consumers.classifier import whole
from consumers.classifier.aggregate import Read, embedding, relevance, stances, topics, voice
from consumers.classifier.decide import Thresholds
from consumers.classifier.manifest import SHIPPED
from consumers.classifier.whole import LEANINGS, STRENGTHS, leaning, strength
from schemas.classification import Part, Passage, Voice
from schemas.taxonomy import Stance, Target, Topic

HEADS = whole.read((SHIPPED / "pieces.json").read_bytes(), SHIPPED)
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
    return Read(found, np.array(relevant, np.float32), topic_scores, stance, np.eye(n, 8, dtype=np.float32))


def test_a_pieces_embedding_is_that_of_its_passages_headline_and_lead_double() -> None:
    assert embedding(read([0.9, 0.9, 0.1])) == pytest.approx((2 / 3, 2 / 3, 1 / 3, 0, 0, 0, 0, 0), abs=1e-4)
    assert embedding(read([])) == ()


def test_headline_and_lead_make_a_piece_relevant() -> None:
    assert relevance(read([0.95, 0.95, 0.1, 0.1, 0.1]), HEADS) > HEADS.relevance_from


def test_one_sentence_further_down_does_not() -> None:
    assert relevance(read([0.05, 0.05, 0.05, 0.95, 0.05, 0.05, 0.05, 0.05]), HEADS) < HEADS.relevance_from


def test_nothing_to_read_is_not_relevant() -> None:
    assert relevance(read([]), HEADS) == 0
    assert topics(read([]), HEADS, THRESHOLDS) == ()
    assert stances(read([]), HEADS, THRESHOLDS) == ()


def test_a_topic_holds_by_its_strongest_passages_and_names_them() -> None:
    (found,) = topics(read([0.5] * 5, topic=[0.0, 0.9, 0.95, 0.97, 0.99]), HEADS, THRESHOLDS)
    assert found.topic is Topic.SECURITY_COOPERATION
    assert found.score > HEADS.topic_from
    assert found.evidence == (4, 3, 2, 1)
    assert topics(read([0.5] * 8, topic=[0.05] * 7 + [0.6]), HEADS, THRESHOLDS) == ()


def test_a_critical_piece_is_against_with_its_sentence() -> None:
    (found,) = stances(read([0.5] * 4, sides=[AGAINST, ABSENT, NEUTRAL, AGAINST]), HEADS, THRESHOLDS)
    assert (found.target, found.stance) == (Target.DEPORTATION_DEAL, Stance.AGAINST)
    assert found.score < -0.25
    assert found.evidence[0] in {0, 3}
    assert not found.contested


def test_the_headline_counts_double() -> None:
    first, last = (
        stances(read([0.5] * 4, sides=sides), HEADS, THRESHOLDS)[0].score
        for sides in ([FAVOR, ABSENT, ABSENT, NEUTRAL], [NEUTRAL, ABSENT, ABSENT, FAVOR])
    )
    assert first == pytest.approx(2 * last, abs=0.01)


def test_strong_passages_on_both_sides_are_neutral_and_contested() -> None:
    sides = [NEUTRAL, NEUTRAL, FAVOR, AGAINST, FAVOR, AGAINST]
    (found,) = stances(read([0.5] * 6, sides=sides), HEADS, THRESHOLDS)
    assert found.stance is Stance.NEUTRAL
    assert found.contested
    assert set(found.evidence[:4]) == {2, 3, 4, 5}


def test_one_passing_mention_does_not_make_the_piece_address_a_target() -> None:
    nothing, passing = np.array([0.97, 0.01, 0.01, 0.01], np.float32), np.array([0.45, 0.05, 0.05, 0.45], np.float32)
    assert stances(read([0.5] * 9, sides=[*[nothing] * 8, passing]), HEADS, THRESHOLDS) == ()


def test_a_target_that_no_passage_addresses_has_no_stance() -> None:
    assert stances(read([0.5] * 3), HEADS, THRESHOLDS) == ()


def test_what_a_head_looks_at() -> None:
    """A headline (twice), a lead (twice) and two more passages."""
    values, weights = np.array([0.5, 0.9, 0.2, 0.6], np.float32), np.array([2, 2, 1, 1], np.float32)
    title = np.array([True, False, False, False])
    seen = strength(values, weights, title)
    assert len(seen) == STRENGTHS
    mean = (2 * 0.5 + 2 * 0.9 + 0.2 + 0.6) / 6
    expected = [0.9, 0.9, (0.9 * 2 + 0.6) / 3, (0.9 * 2 + 0.6 + 0.5 * 2) / 5, mean, 0.5, 0.9, mean]
    assert 1 / (1 + np.exp(-seen[:8])) == pytest.approx(expected, abs=1e-4)
    assert seen[8:] == pytest.approx([0.5])


def test_what_a_side_is_judged_by() -> None:
    weights, title = np.array([2, 2, 1], np.float32), np.array([True, False, False])
    seen = leaning(np.stack([AGAINST, ABSENT, FAVOR]), weights, title)
    assert len(seen) == LEANINGS
    favor, against = 0.925, 2 * 0.925
    assert seen[3:6] == pytest.approx([np.log1p(favor), np.log1p(against), 0])
    assert seen[9:12] == pytest.approx([0.025, 0.925, 0.025])
    assert seen[17] == pytest.approx(favor / (favor + against + 0.3))


def test_a_voice_takes_its_own_side_on_what_its_passage_addresses() -> None:
    said = Voice(speaker="A", quote="b", passage=0)
    passage = np.tile(ABSENT, (len(Target), 1))
    own = np.tile(AGAINST, (len(Target), 1))
    assert voice(said, passage, own, THRESHOLDS).target is None
    passage[3] = FAVOR
    heard = voice(said, passage, own, THRESHOLDS)
    assert (heard.target, heard.stance) == (Target.BUKELE_GOVERNMENT, Stance.AGAINST)
