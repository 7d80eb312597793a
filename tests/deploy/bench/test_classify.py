"""What the classifier's bench makes of its rounds, and what it reads."""

import pytest

from deploy.bench.classify import Way, pieces, ratio, rounds, told


def test_ways_take_turns_and_the_first_round_is_not_counted() -> None:
    seen: list[str] = []
    ways = [Way(name, lambda name=name: seen.append(name), 1, 1) for name in "ab"]  # type: ignore[misc]
    timed, cpu = rounds(ways, 3)
    assert "".join(seen) == "abababab"
    assert {name: len(seconds) for name, seconds in timed.items()} == {"a": 3, "b": 3}
    assert {name: len(seconds) for name, seconds in cpu.items()} == {"a": 3, "b": 3}


def test_rates_are_of_the_median_round_and_ratios_of_each_round() -> None:
    one, other = Way("one", lambda: None, 100, 5000, 4), Way("other", lambda: None, 50, 2500)
    timed = {"one": [1.0, 2.0, 4.0], "other": [1.0, 2.0, 4.0]}
    assert told(one, timed["one"]) == {"tokens_s": 2500, "passages_s": 50, "articles_s": 2, "spread": [0.5, 2.0]}
    assert ratio(timed, [one, other], "one", "other") == pytest.approx(2.0)


def test_pieces_are_on_and_off_the_beat_in_both_languages() -> None:
    on, off = pieces()
    assert {one.language for one in on} == {one.language for one in off} == {"en", "es"}
    assert not {one.article_id for one in on} & {one.article_id for one in off}
