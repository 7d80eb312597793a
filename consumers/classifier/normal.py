"""Text as the model reads it: one form for one look, nothing invisible. Pure."""

import unicodedata

HIDDEN = frozenset({"Cf", "Cc", "Cs", "Co", "Cn"})

LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁԛԝһӏвкмнтгпАВЕЅІЈКМНОРСТУХҮԌԚԜαικνορυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",  # Cyrillic and Greek
    "aeopcyxijsdqwhlbkmhtrnABESIJKMHOPCTYXYGQWaiknopuxABEZHIKMNOPTYX",
)
"""Letters of other scripts that look like a Latin one (Unicode Technical Standard 39, confusables)."""

SHOUTED, LETTERS_LEAST = 0.8, 12
"""From which share of capitals, and of how many letters on, a text counts as written in capitals."""


def normalise(text: str) -> str:
    """NFKC, white space as single spaces, no invisible characters, no lookalikes in Latin text, no shouting.

    Such characters change what a tokenizer sees but not what a reader sees (Boucher et al. 2022, "Bad Characters",
    arXiv:2106.09898). Lone surrogates and unassigned code points go too. A text in capitals becomes lower case but for
    its first letter.
    """
    plain = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in HIDDEN)
    return _spoken(_latin(" ".join(unicodedata.normalize("NFKC", plain).split())))


def _latin(text: str) -> str:
    """Lookalikes replaced, where most letters are Latin: a text in Cyrillic or Greek stays what it is."""
    if text.isascii():
        return text
    latin = sum(c.isalpha() and c < "\u0250" for c in text)
    return text.translate(LOOKALIKES) if 2 * latin > sum(map(str.isalpha, text)) else text


def _spoken(text: str) -> str:
    """A text in capitals in lower case, its first letter left."""
    upper, lower = sum(map(str.isupper, text)), sum(map(str.islower, text))
    if upper + lower < LETTERS_LEAST or upper < SHOUTED * (upper + lower):
        return text
    first = next(i for i, c in enumerate(text) if c.isalpha())
    return text[: first + 1] + text[first + 1 :].lower()
