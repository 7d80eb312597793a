"""Text as the model reads it: one form for one look, nothing invisible. Pure."""

import unicodedata

HIDDEN = frozenset({"Cf", "Cc", "Cs", "Co", "Cn"})


def normalise(text: str) -> str:
    """NFKC, white space as single spaces, without zero-width, bidirectional and other invisible characters.

    Such characters change what a tokenizer sees but not what a reader sees (Boucher et al. 2022, "Bad Characters",
    arXiv:2106.09898). Lone surrogates and unassigned code points go too.
    """
    plain = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in HIDDEN)
    return " ".join(unicodedata.normalize("NFKC", plain).split())
