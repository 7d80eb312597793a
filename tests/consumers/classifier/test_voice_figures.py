"""The arithmetic by which voices and entities are judged."""

from pathlib import Path

import pytest

from consumers.classifier.training.voices import (
    TEXTS,
    EntityLabel,
    LabelledText,
    Rate,
    VoiceLabel,
    figures,
    judge,
    plain,
    read,
    same_speaker,
)
from consumers.classifier.voices import Spoken
from schemas.classification import Entity, EntityKind, Mention, Part, Voice
from schemas.errors import ConfigError
from schemas.taxonomy import Stance, Target

TEXT = "“We stay,” said Ana Prueba of CECOT. “You go,” said a guard."


def voice(start: int, end: int, speaker: str, **more: object) -> Voice:
    return Voice.model_validate(
        {"speaker": speaker, "quote": TEXT[start:end], "passage": 0, "start": start, "end": end} | more
    )


def label(**more: object) -> LabelledText:
    return LabelledText.model_validate({"id": "a", "lang": "en", "text": TEXT, "voices": (), "entities": ()} | more)


def test_words_speaker_side_and_entity_are_judged_apart() -> None:
    gold = label(
        voices=(
            VoiceLabel(start=1, end=8, speaker="Ana Prueba", target=Target.US_AID, stance=Stance.FAVOR),
            VoiceLabel(start=38, end=44, speaker="a guard", target=Target.US_AID, stance=Stance.AGAINST),
        ),
        entities=(EntityLabel(start=30, end=35, id="cecot"), EntityLabel(start=0, end=3, id="other-thing")),
    )
    entities = (
        Entity(id="cecot", kind=EntityKind.PRISON, name="CECOT", mentions=(Mention(part=Part.TEXT, start=30, end=35),)),
        Entity(id="other:ana", kind=EntityKind.OTHER, name="Ana", mentions=(Mention(part=Part.TEXT, start=1, end=2),)),
    )
    said = [
        voice(1, 8, "Prueba", target=Target.US_AID, stance=Stance.AGAINST),
        voice(38, 42, "the pilot"),
        voice(50, 60, "Ana Prueba"),
    ]
    assert judge(gold, said, Spoken((), entities), sided=True) == {
        "quotes": Rate(2, 1, 0),
        "voices": Rate(1, 2, 1),
        "entities": Rate(1, 0, 1),
        "sides": Rate(0, 1, 2),
    }


def test_words_that_share_less_than_half_are_others() -> None:
    gold = label(voices=(VoiceLabel(start=0, end=20, speaker="Ana Prueba"),))
    assert judge(gold, [voice(0, 9, "Ana Prueba")], Spoken((), ()), sided=False)["quotes"] == Rate(0, 1, 1)
    assert judge(gold, [voice(0, 10, "Ana Prueba")], Spoken((), ()), sided=False)["quotes"] == Rate(1, 0, 0)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ana Prueba", "Prueba", True),
        ("the minister", "The foreign minister", True),
        ("Ana Prueba", "Luis Prueba", False),
        ("the", "the minister", False),
    ],
)
def test_speakers_are_the_same_when_one_name_holds_the_other(one: str, other: str, same: bool) -> None:
    assert same_speaker(one, other) is same


def test_rates_are_summed_by_language() -> None:
    table = plain(figures([label(voices=(VoiceLabel(start=1, end=8, speaker="Ana Prueba"),))]))
    assert table["en"]["voices"] == {"right": 1, "wrong": 1, "missed": 0, "precision": 0.5, "recall": 1.0}
    assert table["all"] == table["en"]


def test_our_own_texts_are_read_and_their_halves_share_nothing() -> None:
    dev, test = (read(sorted(TEXTS.glob(f"*-{part}.jsonl"))) for part in ("dev", "test"))
    assert len(dev) == len(test) == 60
    assert {t.id for t in dev}.isdisjoint({t.id for t in test})


def test_a_wrong_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(label().model_dump_json().replace('"voices":[]', '"voices":[{"start":5,"end":999,"speaker":"a"}]'))
    with pytest.raises(ConfigError, match=r"x\.jsonl:1"):
        read([path])
