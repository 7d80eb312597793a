"""A text's MinHash signature, by which copies of one story are found; pure.

MinHash: Broder 1997. The values are those of `datasketch.MinHash(num_perm=64, seed=1)` (a test says so); importing that
package costs 1.5 s of CPU, as it brings scipy, which is more than all the rest of reading a piece.
"""

import hashlib
import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

VALUES = 64
WORDS_PER_SHINGLE = 5
FEWEST_WORDS = 30
"""Shorter texts get no signature: two brief notices look alike without being one story."""

SEED = 1
WORD = re.compile(r"\w+")

Values = NDArray[np.uint32]


def signature(text: str) -> tuple[int, ...]:
    """64 values of 32 bits over the text's five-word shingles, case and punctuation aside; empty for a short text."""
    words = WORD.findall(text.casefold())
    if len(words) < FEWEST_WORDS:
        return ()
    shingles = {" ".join(words[i : i + WORDS_PER_SHINGLE]) for i in range(len(words) - WORDS_PER_SHINGLE + 1)}
    factors, offsets = _permutations()
    hashes = _mixed(np.array([_hash(shingle) for shingle in shingles], dtype=np.uint32))
    # uint32 arithmetic wraps around, which is the modulo
    lowest: Values = (hashes[:, np.newaxis] * factors + offsets).min(axis=0)
    return tuple(int(value) for value in lowest)


def _hash(shingle: str) -> int:
    return int.from_bytes(
        hashlib.sha1(shingle.encode("utf-8", "replace"), usedforsecurity=False).digest()[:4], "little"
    )


def _mixed(values: Values) -> Values:
    """MurmurHash3's finalizer: spreads the hashes before the permutations."""
    values = (values ^ (values >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    values = (values ^ (values >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return values ^ (values >> np.uint32(16))


@lru_cache(maxsize=1)
def _permutations() -> tuple[Values, Values]:
    random = np.random.RandomState(SEED)
    factors = random.randint(0, 1 << 31, VALUES, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return factors, random.randint(0, 1 << 32, VALUES, dtype=np.uint32)
