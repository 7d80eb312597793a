"""Which pieces of the pretrained vocabulary are kept: those that English and Spanish text uses.

The choice is made once over unlabelled text (`vigia model vocabulary`) and kept as `data/vocabulary.txt`, so that
training needs no other text than the labelled passages.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from consumers.classifier.training.pretrained import SPECIAL, UNKNOWN, Pretrained, tokenizer
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SPACE = "▁"
LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzáéíóúüñABCDEFGHIJKLMNOPQRSTUVWXYZÁÉÍÓÚÜÑ")
SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")


@dataclass(frozen=True)
class Coverage:
    """How a cut vocabulary reads text that took no part in the choice."""

    tokens: int
    unknown: int
    longer: float
    """Tokens per token of the whole vocabulary: 1 when nothing is split further."""

    @property
    def unknown_rate(self) -> float:
        """Share of tokens that are unknown."""
        return self.unknown / max(self.tokens, 1)


def count(source: Pretrained, texts: Iterable[str]) -> Counter[int]:
    """How often each piece of the whole vocabulary occurs in `texts`."""
    whole = tokenizer(source, range(len(source.pieces)))
    seen: Counter[int] = Counter()
    for encoding in whole.encode_batch(list(texts), add_special_tokens=False):
        seen.update(encoding.ids)
    return seen


def choose(source: Pretrained, seen: Counter[int], size: int) -> list[int]:
    """The pieces to keep, at most `size`, in the pretrained order.

    Special pieces; single characters of the alphabets that names in the news come in, digits, marks and signs; pieces
    seen, the most frequent first; then pieces of English and Spanish letters by their pretrained probability.
    """
    kept = dict.fromkeys(range(len(SPECIAL)))
    kept.update(dict.fromkeys(i for i, piece in enumerate(source.pieces) if _single(piece)))
    wanted = [i for i, _ in seen.most_common()] + [i for i, piece in enumerate(source.pieces) if _plain(piece)]
    for i in wanted:
        if len(kept) >= size:
            break
        kept[i] = None
    return sorted(kept)


def coverage(source: Pretrained, keep: Sequence[int], texts: Sequence[str]) -> Coverage:
    """Measure `keep` on `texts`, against the whole vocabulary."""
    whole = tokenizer(source, range(len(source.pieces)))
    return _compare(whole, tokenizer(source, keep), texts)


def _compare(whole: "Tokenizer", cut: "Tokenizer", texts: Sequence[str]) -> Coverage:
    unknown_id = SPECIAL.index(UNKNOWN)
    ids = [e.ids for e in cut.encode_batch(list(texts), add_special_tokens=False)]
    before = sum(len(e.ids) for e in whole.encode_batch(list(texts), add_special_tokens=False))
    tokens = sum(map(len, ids))
    return Coverage(tokens, sum(row.count(unknown_id) for row in ids), tokens / max(before, 1))


def write(path: Path, keep: Sequence[int]) -> None:
    """Write the choice: indices into the pretrained vocabulary, sixteen a line."""
    lines = (" ".join(map(str, keep[i : i + 16])) for i in range(0, len(keep), 16))
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def read(path: Path) -> list[int]:
    """Read a choice. Raises ConfigError when it is not a rising list that starts with the special pieces."""
    try:
        keep = [int(word) for word in path.read_text(encoding="ascii").split()]
    except (OSError, ValueError) as error:
        raise ConfigError(str(path), f"not a list of piece numbers: {error}") from None
    if keep[: len(SPECIAL)] != list(range(len(SPECIAL))) or any(a >= b for a, b in pairwise(keep)):
        raise ConfigError(str(path), "the numbers must rise and start with the special pieces")
    return keep


def _single(piece: str) -> bool:
    text = piece.removeprefix(SPACE)
    if len(text) > 1 or "�" in text:
        return False
    if not text.isalpha():
        return True
    return unicodedata.name(text, "").startswith(SCRIPTS)


def _plain(piece: str) -> bool:
    text = piece.removeprefix(SPACE)
    return len(text) > 1 and all(character in LETTERS for character in text)
