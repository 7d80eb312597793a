"""Labelled passages: what is refused, and that no near copy crosses from training to test."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from consumers.classifier.decide import STANCE_ORDER
from consumers.classifier.normal import normalise
from consumers.classifier.training import corpus
from consumers.classifier.training.recipe import LISTS, PASSAGES, PIECES
from schemas.errors import ConfigError
from schemas.taxonomy import Target, Topic

GOOD: dict[str, Any] = {
    "id": "en-x-0001",
    "lang": "en",
    "text": "The flight landed at noon with 118 people.",
    "relevant": True,
    "topics": ["deportation_returns"],
    "stances": {"deportation_deal": "neutral"},
    "register": "wire",
    "hard": [],
}


def written(path: Path, *rows: dict[str, Any] | str) -> Path:
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"topics": ["sport"]}, "topics"),
        ({"topics": ["root_causes", "root_causes"]}, "named twice"),
        ({"stances": {"deportation_deal": "absent"}}, "stances"),
        ({"stances": {"nobody": "favor"}}, "stances"),
        ({"lang": "pt"}, "lang"),
        ({"relevant": None}, "relevant"),
        ({"text": "word " * 100 + "word"}, "words"),
        ({"text": "   "}, "empty"),
        ({"id": ""}, "id"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_wrong_passage_is_refused_with_its_line_and_reason(tmp_path: Path, change: Any, reason: str) -> None:
    second = {**GOOD, "id": "en-x-0002", "text": "Another text stands here.", **change}
    path = written(tmp_path / "some.jsonl", GOOD, second)
    with pytest.raises(ConfigError, match=rf"some\.jsonl:2: .*{reason}"):
        corpus.read([path])


def test_what_is_only_measured_may_be_long_come_twice_and_leave_out_register_and_hard(tmp_path: Path) -> None:
    plain = {k: v for k, v in GOOD.items() if k not in ("register", "hard")}
    path = written(tmp_path / "some.jsonl", plain, plain, {**plain, "text": "word " * 200})
    assert [(r.style, r.hard) for r in corpus.read_to_measure([path])] == [("unsaid", ())] * 3


def test_a_piece_may_carry_its_address_and_the_targets_that_are_contested(tmp_path: Path) -> None:
    row = {k: v for k, v in GOOD.items() if k not in ("register", "hard")}
    row |= {"title": "A flight lands", "url": "https://example.org/a", "contested": ["deportation_deal"]}
    (piece,) = corpus.read_pieces([written(tmp_path / "some.jsonl", row)])
    assert piece.contested == (Target.DEPORTATION_DEAL,)


def test_a_line_that_is_not_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"some\.jsonl:1: not JSON"):
        corpus.read([written(tmp_path / "some.jsonl", "{")])


@pytest.mark.parametrize("change", [{"text": "Other words altogether."}, {"id": "en-x-0002"}])
def test_the_same_id_or_text_twice_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = written(tmp_path / "some.jsonl", GOOD, {**GOOD, **change})
    with pytest.raises(ConfigError, match=r"some\.jsonl:2: the same (id|text) as some\.jsonl:1"):
        corpus.read([path])


def test_labels_become_arrays_in_the_taxonomys_order(tmp_path: Path) -> None:
    gold = corpus.gold(corpus.read([written(tmp_path / "some.jsonl", GOOD)]))
    assert gold.topics[0].tolist() == [topic is Topic.DEPORTATION_RETURNS for topic in Topic]
    neutral = STANCE_ORDER.index("neutral")
    assert gold.stance[0].tolist() == [neutral if t is Target.DEPORTATION_DEAL else 0 for t in Target]


def test_every_passage_of_ours_is_well_formed_and_no_near_copy_crosses_the_parts() -> None:
    passages = corpus.read(PASSAGES.glob("*.jsonl"))
    parts = corpus.split(passages)
    assert len(parts.train) + len(parts.dev) + len(parts.test) == len(passages)
    assert min(len(parts.dev), len(parts.test)) > len(passages) / 10
    train = [corpus.shingles(p.text) for p in parts.train + corpus.read(LISTS.glob("*.jsonl"))]
    holders: dict[tuple[str, ...], set[int]] = defaultdict(set)
    for number, shingles in enumerate(train):
        for shingle in shingles:
            holders[shingle].add(number)
    for passage in parts.dev + parts.test:
        mine = corpus.shingles(passage.text)
        near = {number for shingle in mine for number in holders[shingle]}
        assert all(corpus.similarity(mine, train[number]) < corpus.ALIKE for number in near), passage.id


def test_a_near_copy_stays_with_its_original() -> None:
    base = "Officials in San Salvador said on {} that {} people had come back on a charter from Houston, Texas."
    rows = [
        corpus.Labelled.model_validate({**GOOD, "id": f"en-x-{n:04}", "text": base.format(day, n)})
        for n, day in enumerate(["Monday", "Tuesday", "Wednesday", "Thursday"] * 10)
    ]
    parts = corpus.split(rows)
    assert sorted(map(len, (parts.train, parts.dev, parts.test))) == [0, 0, 40]


def test_every_piece_of_ours_is_well_formed_and_none_is_made_of_training_passages() -> None:
    pieces = corpus.read_pieces(PIECES.glob("*.jsonl"))
    assert {piece.lang for piece in pieces} == {"en", "es"}
    texts = {normalise(p.text) for p in corpus.read(PASSAGES.glob("*.jsonl"))}
    for piece in pieces:
        whole = normalise(piece.text)
        assert not any(text in whole for text in texts if len(text) > 60), piece.id
