"""Which language a text is in, with what the feed says as a prior; pure.

langid.py: Lui & Baldwin, ACL 2012; py3langid's model, restricted to languages that sources of this beat may carry.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import py3langid
from py3langid.langid import MODEL_FILE, LanguageIdentifier
from py3langid.modelio import load_model

LANGUAGES = ("ar", "ca", "de", "en", "es", "fr", "ht", "it", "ja", "ko", "pt", "ru", "zh")
SURE_CHARS = 400
"""From this length on the text speaks for itself, whatever the feed says."""

READ_CHARS = 1500
"""More of a text says nothing new of its language, and costs."""

PRIOR = 20.0
"""How many times likelier than the others the feed's own language is, for a text of no length."""


def identify(text: str, *, prior: str | None = None) -> tuple[str, bool]:
    """The text's language (ISO 639-1) and whether it was guessed.

    Not guessed: the feed says so and the text does not contradict. A text without letters gets the prior, else `und`.
    """
    letters = sum(map(str.isalpha, text[:READ_CHARS]))
    if letters < 3:
        return (prior, False) if prior else ("und", True)
    weight = 1.0 + (PRIOR - 1.0) * max(0.0, 1.0 - letters / SURE_CHARS)
    scores = {code: score * (weight if code == prior else 1.0) for code, score in _identifier().rank(text[:READ_CHARS])}
    best = max(scores, key=scores.__getitem__)
    if prior is not None and prior not in scores and letters < SURE_CHARS:
        best = prior
    return best, best != prior


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    # its own loader keeps the weights of a hundred languages beside those of the few that are asked for
    weights, priors, languages, moves, rows, features = load_model(Path(py3langid.__file__).parent / MODEL_FILE)
    kept = [position for position, code in enumerate(languages) if code in LANGUAGES]
    return LanguageIdentifier(
        np.ascontiguousarray(weights[:, kept], dtype=np.float32),
        np.asarray(priors)[kept],
        [languages[position] for position in kept],
        moves,
        features,
        norm_probs=True,
        tk_row=rows,
    )
