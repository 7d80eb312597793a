import re
import tomllib
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import deploy.demo
from schemas.taxonomy import Stance, Target, Topic

FOLDER = Path(deploy.demo.__file__).parent / "pieces"
FIELDS = {
    "outlet": str,
    "language": str,
    "title": str,
    "summary": str,
    "section": str,
    "byline": str,
    "hours_ago": float,
    "live": bool,
    "relevant": bool,
    "topics": list,
    "stances": dict,
    "contested": bool,
}


class Piece(NamedTuple):
    number: int
    head: dict[str, Any]
    body: str


def read(path: Path) -> Piece:
    before, head, body = path.read_text(encoding="utf-8").split("+++\n", 2)
    assert before == ""
    return Piece(int(path.name[:2]), tomllib.loads(head), body)


PATHS = sorted(FOLDER.glob("[0-9][0-9]-*.md"))


@pytest.fixture(scope="module")
def pieces() -> list[Piece]:
    return [read(path) for path in PATHS]


@pytest.fixture(scope="module")
def outlets() -> dict[str, dict[str, Any]]:
    rows = tomllib.loads((FOLDER / "outlets.toml").read_text(encoding="utf-8"))["outlets"]
    return {row["slug"]: row for row in rows}


def shingles(text: str, size: int = 4) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def shared(one: Piece, other: Piece) -> float:
    """The part of the shorter body's four-word runs that the longer one has too."""
    a, b = shingles(one.body), shingles(other.body)
    return len(a & b) / min(len(a), len(b))


def copies(pieces: list[Piece]) -> list[tuple[Piece, Piece]]:
    # two unrelated pieces share under 2 % (the countries' names, "la portavoz de la"); 4 % is no longer chance
    return [(a, b) for a, b in combinations(pieces, 2) if shared(a, b) > 0.04]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_piece_has_each_field_in_its_type_and_a_body_of_several_paragraphs(path: Path) -> None:
    piece = read(path)
    assert {name: type(value) for name, value in piece.head.items()} == FIELDS
    assert all(piece.head[name] for name in ("title", "summary", "section"))
    assert 180 <= len(piece.body.split()) <= 450
    assert piece.body.count("\n\n") >= 4


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_label_is_of_the_taxonomy(path: Path) -> None:
    head = read(path).head
    assert set(head["topics"]) <= set(Topic)
    assert len(head["topics"]) == len(set(head["topics"]))
    assert set(head["stances"]) <= set(Target)
    assert set(head["stances"].values()) <= set(Stance)
    if head["contested"]:
        assert Stance.NEUTRAL in head["stances"].values()
    if head["relevant"]:
        assert head["topics"]


def test_there_are_forty_pieces_twenty_in_each_language(pieces: list[Piece]) -> None:
    assert [piece.number for piece in pieces] == list(range(1, 41))
    assert Counter(piece.head["language"] for piece in pieces) == {"en": 20, "es": 20}
    assert 22 <= sum(piece.head["relevant"] for piece in pieces) <= 24


def test_there_are_three_outlets_a_language_and_three_feeds_a_format(outlets: dict[str, dict[str, Any]]) -> None:
    assert len(outlets) == 6
    assert Counter(outlet["language"] for outlet in outlets.values()) == {"en": 3, "es": 3}
    assert Counter(outlet["format"] for outlet in outlets.values()) == {"rss": 3, "atom": 3}
    assert sum(outlet["full_text"] for outlet in outlets.values()) == 2


def test_every_piece_is_in_a_known_outlet_of_its_language(
    pieces: list[Piece], outlets: dict[str, dict[str, Any]]
) -> None:
    assert {piece.head["outlet"] for piece in pieces} == set(outlets)
    assert all(outlets[piece.head["outlet"]]["language"] == piece.head["language"] for piece in pieces)


def test_three_pieces_are_live_and_one_of_them_is_spanish_and_against_the_deportations(pieces: list[Piece]) -> None:
    live = [piece.head for piece in pieces if piece.head["live"]]
    assert len(live) == 3
    assert sum(head["relevant"] for head in live) == 2
    against = [head for head in live if head["stances"].get(Target.DEPORTATION_DEAL) == Stance.AGAINST]
    assert [(head["language"], head["relevant"]) for head in against] == [("es", True)]


def test_the_other_pieces_are_spread_over_sixty_hours(pieces: list[Piece]) -> None:
    assert all((piece.head["hours_ago"] == 0) == piece.head["live"] for piece in pieces)
    past = sorted(piece.head["hours_ago"] for piece in pieces if not piece.head["live"])
    assert past[-1] <= 60
    assert max(later - sooner for sooner, later in zip([0, *past], [*past, 60], strict=True)) < 4


def test_one_piece_has_a_byline(pieces: list[Piece]) -> None:
    assert len([piece for piece in pieces if piece.head["byline"]]) == 1


def test_on_the_beat_every_topic_and_every_target_is_spoken_of(pieces: list[Piece]) -> None:
    relevant = [piece.head for piece in pieces if piece.head["relevant"]]
    assert {topic for head in relevant for topic in head["topics"]} == set(Topic)
    assert {target for head in relevant for target in head["stances"]} == set(Target)


def test_every_target_is_taken_from_each_side_somewhere(pieces: list[Piece]) -> None:
    taken = {pair for piece in pieces for pair in piece.head["stances"].items()}
    sides = (Stance.FAVOR, Stance.AGAINST)
    assert {pair for pair in taken if pair[1] in sides} == {(target, side) for target in Target for side in sides}


def test_titles_and_summaries_are_each_piece_s_own(pieces: list[Piece]) -> None:
    assert len({piece.head["title"] for piece in pieces}) == len(pieces)
    assert len({piece.head["summary"] for piece in pieces}) == len(pieces)


def test_only_the_agency_story_is_told_twice_in_the_same_words(pieces: list[Piece]) -> None:
    [(first, second)] = copies(pieces)
    assert first.head["outlet"] != second.head["outlet"]
    assert first.head["hours_ago"] > second.head["hours_ago"]
    assert first.body.strip().startswith(second.body.strip())
    assert len(second.body) < len(first.body)
    assert len(shingles(second.body)) > 0.85 * len(shingles(first.body))
    labels = ("language", "relevant", "topics", "stances", "contested")
    assert [first.head[name] for name in labels] == [second.head[name] for name in labels]
