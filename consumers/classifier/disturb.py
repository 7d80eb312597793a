"""Ways in which a text reaches us changed though a reader reads the same: to train against, and to measure with. Pure.

Zero-width characters and homoglyphs as in Boucher et al. 2022, "Bad Characters", arXiv:2106.09898; the rest is what
scanners, headlines, careless keyboards and those who stuff a text with key words do.
"""

import unicodedata
from collections.abc import Callable

import numpy as np

from schemas.taxonomy import STANCE_WORDS, TARGET_WORDS, TOPIC_WORDS, Stance, Target, Topic

Chance = np.random.Generator

SHARE = 0.15
"""Of the characters that can be changed, how many zero-width characters and homoglyphs touch."""

MISREAD = 0.02
"""Share of characters that a scanner gets wrong."""

LOOKALIKES = str.maketrans("aceopxysijABCEHIKMOPTX", "асеорхуѕіјАВСЕНІКМОРТХ")  # noqa: RUF001  # Cyrillic
SCANNED = {
    "l": "1", "1": "l", "o": "0", "0": "o", "rn": "m", "m": "rn", "i": "l", "e": "c", "c": "e", "h": "b", "u": "n",
    "S": "5", "5": "S", "B": "8", "g": "q", "t": "f", "á": "a", "é": "e", "í": "i", "ó": "o", "ñ": "n", ",": ".",
}  # fmt: skip
STUFFINGS = ("[{}]", "Tags: {}", "Temas: {}.", "{}", "({})", "Keywords: {};")
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"


def zero_width(text: str, chance: Chance) -> str:
    """Invisible characters between letters."""
    hit = chance.random(len(text)) < SHARE
    return "".join(
        c + INVISIBLE[int(chance.integers(len(INVISIBLE)))] if h else c for c, h in zip(text, hit, strict=True)
    )


def homoglyphs(text: str, chance: Chance) -> str:
    """Latin letters replaced by Cyrillic ones that look the same."""
    hit = chance.random(len(text)) < SHARE
    return "".join(c.translate(LOOKALIKES) if h else c for c, h in zip(text, hit, strict=True))


def capitals(text: str, chance: Chance) -> str:
    """ALL CAPS."""
    return text.upper()


def without_accents(text: str, chance: Chance) -> str:
    """Accents and tildes left out, as on a keyboard that has none."""
    apart = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in apart if unicodedata.category(c) != "Mn"))


def scanned(text: str, chance: Chance) -> str:
    """Characters misread as by optical recognition."""
    found: list[str] = []
    at = 0
    while at < len(text):
        pair = text[at : at + 2]
        seen = pair if pair in SCANNED else text[at]
        wrong = seen in SCANNED and chance.random() < MISREAD * len(seen) * 2
        found.append(SCANNED[seen] if wrong else seen)
        at += len(seen)
    return "".join(found)


def stuffed(text: str, chance: Chance) -> str:
    """Our own label words before or after the text, as one who wants to be filed under all of them would add."""
    language = "es" if chance.random() < 0.5 else "en"
    named = chance.random() < 0.5
    topics = [topic.value if named else TOPIC_WORDS[topic][language] for topic in Topic]
    sides = [
        f"{target.value if named else TARGET_WORDS[target][language]}: {stance.value if named else word}"
        for target in Target
        for stance, word in ((stance, STANCE_WORDS[stance][language]) for stance in Stance)
    ]
    words = [*chance.choice(topics, 4, replace=False), *chance.choice(sides, 2, replace=False)]
    line = STUFFINGS[int(chance.integers(len(STUFFINGS)))].format(", ".join(chance.permutation(words)))
    return f"{line} {text}" if chance.random() < 0.3 else f"{text} {line}"


WAYS: dict[str, Callable[[str, Chance], str]] = {
    "zero_width": zero_width,
    "homoglyphs": homoglyphs,
    "capitals": capitals,
    "without_accents": without_accents,
    "scanned": scanned,
    "stuffed": stuffed,
}
