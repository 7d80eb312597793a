"""The words around what is told, English and Spanish; those of labels are in schemas/taxonomy.py."""

from datetime import datetime

from schemas.alert import Severity
from schemas.message import Language

SEVERITY_WORDS: dict[Severity, dict[str, str]] = {
    Severity.LOW: {"en": "low", "es": "baja"},
    Severity.MEDIUM: {"en": "medium", "es": "media"},
    Severity.HIGH: {"en": "high", "es": "alta"},
}

WORDS: dict[str, dict[str, str]] = {
    "evidence": {"en": "What it says", "es": "Lo que dice"},
    "why": {"en": "Why you get this", "es": "Por qué le llega"},
    "confidence": {"en": "confidence", "es": "confianza"},
    "sides": {"en": "Sides taken, and how sure", "es": "Posturas y seguridad"},
    "topics": {"en": "Topics", "es": "Temas"},
    "matched": {"en": "Matched", "es": "Coincide"},
    "published": {"en": "Published", "es": "Publicado"},
    "guessed": {"en": "date is a guess", "es": "fecha estimada"},
    "margin": {"en": "Would have stayed silent at", "es": "No habría avisado con"},
    "window": {"en": "Window", "es": "Periodo"},
    "now": {"en": "now", "es": "ahora"},
    "usual": {"en": "usually", "es": "habitual"},
    "change": {"en": "What changed", "es": "Qué cambió"},
    "causes": {"en": "More often than before", "es": "Más que antes"},
    "odds": {"en": "By chance alone", "es": "Solo por azar"},
    "stories": {"en": "Stories", "es": "Noticias"},
    "thread": {"en": "This story so far", "es": "Esta noticia hasta ahora"},
    "and_more": {"en": "and {n} more", "es": "y {n} más"},
    "read": {"en": "Read the piece", "es": "Leer la noticia"},
    "repeat": {"en": "You may have had this message already.", "es": "Es posible que ya haya recibido este mensaje."},
    "shortened": {"en": "Shortened; the rest is at", "es": "Abreviado; el resto está en"},
    "shortened_here": {"en": "Shortened.", "es": "Abreviado."},
    "alert": {"en": "Alert", "es": "Alerta"},
    "update": {"en": "update", "es": "actualización"},
    "held": {"en": "Alerts held back", "es": "Alertas retenidas"},
    "trouble": {"en": "Trouble", "es": "Problema"},
    "over": {"en": "Over", "es": "Resuelto"},
    "source": {"en": "Where", "es": "Dónde"},
    "since": {"en": "Since", "es": "Desde"},
    "until": {"en": "Until", "es": "Hasta"},
    "remedy": {"en": "What to do", "es": "Qué hacer"},
    "test": {"en": "Test message", "es": "Mensaje de prueba"},
    "test_title": {
        "en": "This channel works: «ñ», <b>, @everyone and *stars* stay as they are",
        "es": "Este canal funciona: «ñ», <b>, @everyone y *asteriscos* quedan como están",
    },
    "copy": {"en": "copy", "es": "copia"},
    "report": {"en": "report", "es": "cobertura"},
    "revision": {"en": "revised", "es": "corregida"},
    "stance": {"en": "changed sides", "es": "cambió de postura"},
    "first": {"en": "first", "es": "primera"},
}

MONTHS = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "es": ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
}


def say(word: str, language: Language, **values: object) -> str:
    """The word or phrase in the reader's language."""
    return WORDS[word][language].format(**values) if values else WORDS[word][language]


def when(moment: datetime, language: Language) -> str:
    """A moment as a reader reads it, with its zone: 27 Nov 2026, 14:03 UTC."""
    zone = moment.tzname() or ""
    return f"{moment.day} {MONTHS[language][moment.month - 1]} {moment.year}, {moment:%H:%M} {zone}".rstrip()


def figure(value: float, language: Language) -> str:
    """A number with at most two decimals, and a decimal comma in Spanish."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return text.replace(".", ",") if language is Language.SPANISH else text
