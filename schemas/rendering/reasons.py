"""A rule's conditions and limits in a reader's words; pure."""

import re

from schemas.message import Language
from schemas.taxonomy import STANCE_WORDS, TARGET_WORDS, TOPIC_WORDS

LABELS: dict[str, dict[str, str]] = {
    str(label): words for table in (TARGET_WORDS, TOPIC_WORDS, STANCE_WORDS) for label, words in table.items()
}

SPANISH: dict[str, str] = {
    "query": "consulta",
    "topics": "temas",
    "voices": "voces",
    "entities": "entidades",
    "outlets": "medios",
    "countries": "países",
    "languages": "idiomas",
    "feeds": "fuentes",
    "relevance": "pertinencia",
    "age in hours": "antigüedad en horas",
    "stories in the window": "noticias en el periodo",
    "robust z-score": "valor z robusto",
    "standard errors moved": "errores típicos de cambio",
    "share of such stories carried before": "parte de noticias así que publicaba antes",
    "hours of silence": "horas de silencio",
    "odds of the silence by chance": "probabilidad de que el silencio sea azar",
}

PHRASES = (("confidence of the stance on ", "confianza de la postura sobre "), ("stance on ", "postura sobre "))


def worded(text: str, language: Language) -> str:
    """The name of a condition, a limit or a label as a reader knows it; what isn't known stays as it is."""
    if text in LABELS:
        return LABELS[text][language]
    if language is Language.SPANISH:
        if text in SPANISH:
            return SPANISH[text]
        for english, spanish in PHRASES:
            if text.startswith(english):
                text = spanish + text.removeprefix(english)
                break
    return re.sub(r"\b[a-z]+(?:_[a-z]+)+\b", lambda found: LABELS.get(found[0], {}).get(language, found[0]), text)
