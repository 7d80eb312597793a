"""What the demonstration counts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.demo import result
from deploy.demo.piece import Piece, load_pieces
from schemas.alert import Alert
from schemas.taxonomy import Stance, Target, Topic

ALERT = Alert.model_validate_json((Path(__file__).parents[2] / "schemas/messages/v1/alert.json").read_bytes())


def document(url: str, topics: list[str], stance: dict[str, str], evidence: list[dict[str, Any]]) -> dict[str, Any]:
    return {"url": url, "outlet": "O", "topics": topics, "stance": stance, "evidence": evidence}


def side(text: str, stance: str, confidence: float) -> dict[str, Any]:
    return {"text": text, "target": "us_aid", "stance": stance, "confidence": confidence}


DOCUMENTS = [
    document("u1", ["economic_aid", "root_causes"], {"us_aid": "favor"}, [side("yes", "favor", 0.7)]),
    document("u2", ["economic_aid"], {"us_aid": "neutral"}, [side("so", "neutral", 0.99)]),
    document("u3", [], {"us_crackdown": "against"}, []),
]


def piece(**fields: Any) -> Piece:
    return load_pieces()[0].model_copy(update=fields)


def test_topics_are_counted_most_first() -> None:
    assert result.topic_counts(DOCUMENTS) == [(Topic.ECONOMIC_AID, 2), (Topic.ROOT_CAUSES, 1)]


def test_the_sentence_shown_for_a_target_takes_a_side_when_any_does() -> None:
    sides = result.sides(DOCUMENTS)
    assert list(sides) == [Target.US_CRACKDOWN, Target.US_AID]
    assert sides[Target.US_AID].counts == {Stance.FAVOR: 1, Stance.NEUTRAL: 1}
    assert (sides[Target.US_AID].sentence, sides[Target.US_AID].stance) == ("yes", Stance.FAVOR)
    assert sides[Target.US_CRACKDOWN].sentence == ""


def test_agreement_counts_what_either_side_names() -> None:
    pieces = {
        "u1": piece(relevant=True, topics=(Topic.ECONOMIC_AID,), stances={Target.US_AID: Stance.FAVOR}),
        "u2": piece(relevant=False, topics=(Topic.ECONOMIC_AID,), stances={Target.US_AID: Stance.AGAINST}),
        "u9": piece(relevant=True, topics=(), stances={}),
        "u8": piece(relevant=False, topics=(), stances={}),
    }
    found = result.agreement(pieces, DOCUMENTS[:2])
    assert str(found["relevance"]) == "2 of 4"
    assert str(found["topics"]) == "2 of 3"
    assert str(found["stances"]) == "1 of 2"


def test_seconds_run_from_the_reading_and_from_the_publication() -> None:
    read = datetime.fromtimestamp(ALERT.observed_at_ms / 1000, tz=UTC)
    received = [(ALERT, read + timedelta(seconds=2)), (ALERT, read + timedelta(seconds=4))]
    assert result.read_to_received(received) == pytest.approx([2, 4])
    assert result.seconds([2, 4, 9]) == result.Seconds(4, 9, 3)
    assert result.seconds([]) is None
    published = {ALERT.url: read - timedelta(seconds=10), "never": read}
    assert result.published_to_received(published, received) == {ALERT.url: 12}
