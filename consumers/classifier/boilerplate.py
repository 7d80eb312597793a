"""Text that is a page's furniture rather than a piece: consent walls, sign-ups, error pages. Pure."""

import re

WORDS_MOST = 120
"""A longer text has something else to say."""

FURNITURE = re.compile(
    r"enable javascript|javascript is (?:disabled|required)|habilit[ae]r? javascript|accept (?:all )?cookies|"
    r"acept(?:ar|a|o)(?: todas)? las cookies|(?:uses|utiliza) cookies|"
    r"checking your browser|verify(?:ing)? you are human|"
    r"are you a robot|subscribe to (?:continue|read)|suscr[ií]b[ae]te para (?:continuar|leer|seguir)|"
    r"already a subscriber|ya (?:eres|es) suscriptor|sign in to (?:continue|read)|inici[ae] sesi[óo]n para|"
    r"page not found|p[áa]gina no encontrada|access denied|acceso denegado|error 40[34]|403 forbidden|"
    r"all rights reserved|todos los derechos reservados",
    re.IGNORECASE,
)


def is_boilerplate(text: str) -> bool:
    """Whether a short text speaks of the page itself in at least half of its sentences or lines."""
    if not text.strip() or len(text.split()) > WORDS_MOST:
        return False
    parts = [part for part in re.split(r"(?<=[.!?])\s+|\n+", text) if part.strip()]
    return 2 * sum(FURNITURE.search(part) is not None for part in parts) >= len(parts)
