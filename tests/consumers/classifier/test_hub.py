"""What another model is asked, how its answers are read, and what is refused: all that needs no torch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from consumers.classifier import hub
from consumers.classifier.hypotheses import heads, hypotheses, places, scores
from consumers.classifier.whole import leaning, strength
from schemas.errors import ConfigError
from schemas.settings import ClassifySettings, HubSettings, load_settings
from schemas.taxonomy import Stance, Target, Topic

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def of(**changes: Any) -> HubSettings:
    return HubSettings(**{"name": "owner/model", "commit": COMMIT, "download": False} | changes)


def test_27_hypotheses_cover_every_label_once() -> None:
    asked = hypotheses()
    assert len(asked) == 27
    assert len(set(asked.values())) == 27


def test_answers_become_the_arrays_that_our_model_gives() -> None:
    where = hypotheses()
    by_place = {place: text for text, place in where.items()}
    said = dict.fromkeys(where, 0.0)
    said[by_place["relevant", -1, -1]] = 0.9
    said[by_place["topic", 5, -1]] = 0.7
    said[by_place["stance", 1, 0]], said[by_place["stance", 1, 1]] = 0.2, 0.6
    found = scores([said, dict.fromkeys(where, 0.0)], where)
    assert found.relevance.tolist() == pytest.approx([0.9, 0])
    assert found.topics[0, 5] == pytest.approx(0.7)
    assert found.stance.shape == (2, len(Target), 4)
    assert found.stance.sum(-1) == pytest.approx(np.ones((2, len(Target))))
    assert found.stance[0, 1].tolist() == pytest.approx([0.4, 0.15, 0.45, 0])
    assert found.stance[1, :, 0].tolist() == [1] * len(Target)


def test_no_passage_has_no_scores() -> None:
    assert len(scores([], hypotheses())) == 0


def test_a_label_map_says_where_labels_go() -> None:
    own = ["LABEL_0", "rights", "con", "rest"]
    mapped = {"LABEL_0": "relevant", "rights": "topic:human_rights", "con": "stance:us_aid:against", "rest": "ignore"}
    assert places(mapped, own) == {
        "LABEL_0": ("relevant", -1, -1),
        "rights": ("topic", list(Topic).index(Topic.HUMAN_RIGHTS), -1),
        "con": ("stance", list(Target).index(Target.US_AID), list(Stance).index(Stance.AGAINST)),
    }


@pytest.mark.parametrize(
    ("mapped", "word"),
    [
        ({"a": "relevant"}, "no word on the model's b"),
        ({"a": "relevant", "b": "ignore", "c": "ignore"}, "the model has no c"),
        ({"a": "topic:weather", "b": "ignore"}, "topic:weather"),
        ({"a": "stance:us_aid:maybe", "b": "ignore"}, "no label of ours"),
        ({"a": "ignore", "b": "ignore"}, "all labels are ignored"),
    ],
)
def test_a_wrong_label_map_is_an_error_that_says_what_is_wrong(mapped: dict[str, str], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        places(mapped, ["a", "b"])


def test_a_piece_has_a_label_that_its_strongest_passages_have() -> None:
    plain = heads(0.5)
    weights, title = np.array([2, 2, 1], np.float32), np.array([True, False, False])
    high, low = np.array([0.9, 0.2, 0.1], np.float32), np.array([0.4, 0.3, 0.2], np.float32)
    assert plain.relevant(strength(high, weights, title)) == pytest.approx(0.9, abs=1e-3)
    assert plain.relevant(strength(low, weights, title)) < 0.5
    against = np.array([[0.1, 0, 0.9, 0], [0.2, 0.1, 0.6, 0.1], [1, 0, 0, 0]], np.float32)
    sides = plain.side(leaning(against, weights, title))
    assert max(sides, key=lambda side: sides[side]) is Stance.AGAINST


@pytest.mark.parametrize("commit", ["main", "v1.0", "0123456", COMMIT.upper(), ""])
def test_a_model_that_is_not_pinned_is_refused(commit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIA_CLASSIFY__BACKEND", "hub")
    monkeypatch.setenv("VIGIA_CLASSIFY__HUB__NAME", "owner/model")
    monkeypatch.setenv("VIGIA_CLASSIFY__HUB__COMMIT", commit)
    with pytest.raises(ConfigError, match=r"classify\.hub\.commit.*no pinned commit"):
        load_settings()


@pytest.mark.parametrize("name", ["model", "../up/two", "owner/../../etc", "owner/model/x", "https://hub.example/a"])
def test_a_name_is_owner_and_model(name: str) -> None:
    with pytest.raises(ValidationError):
        of(name=name)


def test_the_backend_needs_a_model() -> None:
    with pytest.raises(ValidationError, match="say no model"):
        ClassifySettings(backend="hub")


def test_without_torch_the_error_names_the_extra() -> None:
    with pytest.raises(ConfigError, match=r"vigia-news\[hub\]"):
        hub.require_torch(lambda _: None)
    hub.require_torch(lambda _: object())


def cached(cache: Path, *names: str) -> Path:
    folder = cache / "models--owner--model/snapshots" / COMMIT
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes(b"{}")
    return folder


def test_the_pinned_commit_is_taken_from_the_cache(tmp_path: Path) -> None:
    folder = cached(tmp_path, "config.json", "model.safetensors")
    assert hub.snapshot(of(cache=tmp_path)) == folder
    with pytest.raises(ConfigError, match="can't be had"):
        hub.snapshot(of(cache=tmp_path, commit="f" * 40))


def test_pickled_weights_are_neither_downloaded_nor_loaded(tmp_path: Path) -> None:
    cached(tmp_path, "config.json", "pytorch_model.bin")
    with pytest.raises(ConfigError, match="pickled ones can run code"):
        hub.snapshot(of(cache=tmp_path))
    assert not any(Path("pytorch_model.bin").match(pattern) for pattern in hub.WANTED)
    assert not any(Path("modeling_own.py").match(pattern) for pattern in hub.WANTED)


def test_the_reference_changes_with_what_the_model_is_asked() -> None:
    assert hub.ref(of()).sha256 == hub.ref(of(cache=Path("elsewhere"))).sha256
    assert hub.ref(of()).sha256 != hub.ref(of(threshold=0.6)).sha256
    assert hub.ref(of()).sha256 != hub.ref(of(commit="f" * 40)).sha256
    assert hub.ref(of(generation=7)).generation == 7


def test_the_gate_is_off_unless_it_is_set() -> None:
    assert hub.terms(of()).threshold.gate == 0
    assert hub.terms(of(gate=0.2)).threshold.gate == 0.2
