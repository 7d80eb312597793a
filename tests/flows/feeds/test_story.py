"""The signature by which copies of a story are found."""

import random
import re

from datasketch import MinHash

from flows.feeds.story import FEWEST_WORDS, VALUES, signature
from schemas.identity import bands, similarity


def words(seed: int, count: int) -> list[str]:
    rng = random.Random(seed)
    return [f"palabra{rng.randrange(3000)}" for _ in range(count)]


def test_the_values_are_those_of_datasketch() -> None:
    text = " ".join(words(1, 400)) + ". ¿Qué dijo Bukele? Ñandú, übermäßig."
    tokens = re.findall(r"\w+", text.casefold())
    known = MinHash(num_perm=VALUES, seed=1)
    known.update_batch([" ".join(tokens[i : i + 5]).encode() for i in range(len(tokens) - 4)])
    assert signature(text) == tuple(int(value) for value in known.hashvalues)


def test_case_and_punctuation_make_no_difference() -> None:
    text = " ".join(words(2, 100))
    assert signature(text) == signature(text.upper().replace(" ", ", "))


def test_a_short_text_has_no_signature() -> None:
    assert signature(" ".join(words(3, FEWEST_WORDS - 1))) == ()
    assert len(signature(" ".join(words(3, FEWEST_WORDS)))) == VALUES


def test_the_estimate_is_near_the_true_similarity() -> None:
    original = words(4, 600)
    for changed in (0, 5, 20, 60):
        rng = random.Random(changed)
        copy = list(original)
        for position in rng.sample(range(600), changed):
            copy[position] = "otra"
        sets = [{tuple(text[i : i + 5]) for i in range(596)} for text in (original, copy)]
        true = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
        assert abs(similarity(signature(" ".join(original)), signature(" ".join(copy))) - true) < 0.2


def test_a_copy_with_a_new_byline_meets_the_original_in_a_band() -> None:
    original = " ".join(words(5, 300))
    assert set(bands(signature(original))) & set(bands(signature("Por Ana Pérez " + original)))
    assert similarity(signature(original), signature(" ".join(words(6, 300)))) < 0.1
