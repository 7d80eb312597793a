"""Targets described in words: the file, what the model says of them, and that nothing else changes by them."""

from pathlib import Path

import numpy as np
import pytest

from consumers.classifier import described, zeroshot
from consumers.classifier.aggregate import Read
from consumers.classifier.decide import Thresholds
from consumers.classifier.described import Described
from consumers.classifier.manifest import SHIPPED
from consumers.classifier.model import Model
from schemas.classification import Part, Passage
from schemas.errors import ConfigError
from schemas.taxonomy import Stance

TPS = described.make("tps_extension", ["extending TPS for Salvadorans", "la prórroga del TPS"], None)
TARIFFS = described.make("tariffs", ["tariffs on goods from Central America"], "en")
TEXTS = ["Congress should extend TPS: ending it would be cruel.", "La prórroga fue celebrada.", "The match ended 2-1."]
AT = Thresholds(relevance=0.5, topics=0.5, addressed=0.5, gate=0.1)


def test_targets_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "targets.toml"
    assert described.read(path) == ()
    described.write(path, [TPS, TARIFFS])
    assert described.read(path) == (TPS, TARIFFS)
    described.write(path, [])
    assert described.read(path) == ()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("targets = [", "is not TOML"),
        ('[[targets]]\nid = "a b"\ndescribe = ["some words"]', "id"),
        ('[[targets]]\nid = "ab"\ndescribe = []', "describe"),
        ('[[targets]]\nid = "us_aid"\ndescribe = ["some words"]', "trained on"),
        ('[[targets]]\nid = "ab"\ndescribe = ["words"]\n[[targets]]\nid = "ab"\ndescribe = ["words"]', "twice"),
    ],
)
def test_a_wrong_file_is_an_error_that_says_what_is_wrong(tmp_path: Path, content: str, word: str) -> None:
    path = tmp_path / "targets.toml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=word):
        described.read(path)


def test_more_targets_than_are_asked_at_once_are_refused(tmp_path: Path) -> None:
    many = [TPS.model_copy(update={"id": f"t{number}"}) for number in range(described.MOST + 1)]
    with pytest.raises(ConfigError, match="remove"):
        described.write(tmp_path / "targets.toml", many)
    assert not (tmp_path / "targets.toml").exists()


def test_a_described_target_is_asked_and_changes_nothing_else(model: Model) -> None:
    plain, asked = model.score(TEXTS), model.with_described([TPS, TARIFFS]).score(TEXTS)
    assert plain.open.shape == (0, 0, 4)
    assert asked.open.shape == (3, 2, 4)
    assert asked.open.sum(-1) == pytest.approx(np.ones((3, 2)), abs=1e-5)
    for name in ("relevance", "topics", "stance", "embedding"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(asked, name))
    assert model.with_described([TPS, TARIFFS]).score([]).open.shape == (0, 2, 4)


def test_what_is_said_of_a_target_depends_on_its_words_and_on_no_other_target(model: Model) -> None:
    alone, both = model.with_described([TPS]).score(TEXTS), model.with_described([TARIFFS, TPS]).score(TEXTS)
    np.testing.assert_allclose(alone.open[:, 0], both.open[:, 1], atol=1e-5)
    assert np.abs(both.open[:, 0] - both.open[:, 1]).max() > 0.01


def test_a_model_that_cant_be_asked_says_so(model: Model) -> None:
    old = model.with_heads(model.heads)
    old.asked = False
    with pytest.raises(ConfigError, match="can't be asked of targets in words"):
        old.with_described([TPS])


def read_of(count: int) -> Read:
    passages = [
        Passage(part=Part.TEXT if i else Part.TITLE, start=0, end=4, text="text", relevance=0.9) for i in range(count)
    ]
    nothing = np.zeros((count, 0), np.float32)
    return Read(passages, np.zeros(count, np.float32), nothing, nothing, nothing)


def test_a_piece_takes_the_side_of_the_passages_that_address_the_target() -> None:
    said = np.array([[[0.9, 0.1, 0, 0]], [[0.1, 0.1, 0.8, 0]], [[0.2, 0.2, 0.5, 0.1]]], np.float32)
    (one,) = zeroshot.zero_shot(read_of(3), said, [TPS], "es", AT)
    assert (one.target, one.stance, one.evidence) == ("tps_extension", Stance.AGAINST, (1, 2))
    assert -1 <= one.score < 0
    assert 0.5 < one.confidence < 0.9


def test_a_target_that_no_passage_addresses_has_no_side() -> None:
    said = np.array([[[0.9, 0.1, 0, 0]]], np.float32)
    assert zeroshot.zero_shot(read_of(1), said, [TPS], "en", AT) == ()
    assert zeroshot.zero_shot(read_of(0), np.zeros((0, 1, 4), np.float32), [TPS], "en", AT) == ()


def test_a_target_of_one_language_is_asked_of_its_pieces_alone() -> None:
    said = np.array([[[0.1, 0.9, 0, 0]]], np.float32)
    english: list[Described] = [TARIFFS]
    assert len(zeroshot.zero_shot(read_of(1), said, english, "en", AT)) == 1
    assert zeroshot.zero_shot(read_of(1), said, english, "es", AT) == ()


def test_the_shipped_model_says_how_good_it_is_on_targets_never_trained_on(tmp_path: Path) -> None:
    found = zeroshot.quality(SHIPPED / "report.json")
    sets = set(found) - zeroshot.NOT_SETS
    assert sets
    assert all(0 < found[name] < 1 for name in sets)
    assert all(name in zeroshot.told(found) for name in sets)
    assert "not measured" in zeroshot.told(zeroshot.quality(tmp_path / "report.json"))
