"""The words of a briefing, English and Spanish; those of labels are in schemas/taxonomy.py."""

from schemas.message import Language

WORDS: dict[str, dict[str, str]] = {
    "day": {"en": "Daily briefing", "es": "Informe diario"},
    "week": {"en": "Weekly briefing", "es": "Informe semanal"},
    "span": {"en": "{since} – {until}", "es": "{since} – {until}"},
    "headline": {
        "en": "{stories} stories in {pieces} pieces by {outlets} outlets",
        "es": "{stories} historias en {pieces} noticias de {outlets} medios",
    },
    "nothing": {
        "en": "Nothing on the beat in this time",
        "es": "Nada sobre el tema en este periodo",
    },
    "empty": {
        "en": "No piece on the beat was published in this time, so there is nothing to tell. If that is unexpected, "
        "see whether pieces arrive: vigia status, vigia feeds health.",
        "es": "En este periodo no se publicó ninguna noticia sobre el tema; no hay nada que contar. Si le extraña, "
        "compruebe que llegan noticias: vigia status, vigia feeds health.",
    },
    "young": {
        "en": "Nothing older than this time is held, so nothing can be compared: neither who moved, nor who is new, "
        "nor what was quiet.",
        "es": "No se guarda nada anterior a este periodo, así que no hay con qué comparar: ni quién cambió, ni quién "
        "es nuevo, ni qué calló.",
    },
    "usual_week": {"en": "{n} pieces in the week before", "es": "{n} noticias en la semana anterior"},
    "usual_day": {
        "en": "{n} pieces a day in the seven days before",
        "es": "{n} noticias al día en los siete días anteriores",
    },
    "stories": {"en": "The stories that mattered", "es": "Las historias que importaron"},
    "moved": {"en": "Who moved", "es": "Quién cambió de postura"},
    "unmoved": {
        "en": "No outlet and no voice moved by more than its noise.",
        "es": "Ningún medio ni ninguna voz se movió más que su propio ruido.",
    },
    "balance": {"en": "Sides taken, by stories", "es": "Posturas, por historias"},
    "now_day": {"en": "this day", "es": "este día"},
    "now_week": {"en": "this week", "es": "esta semana"},
    "before_day": {"en": "seven days before", "es": "siete días anteriores"},
    "before_week": {"en": "week before", "es": "semana anterior"},
    "key": {
        "en": "A story that outlets tell from both sides counts on both.",
        "es": "Una historia contada desde ambos lados cuenta en ambos.",
    },
    "unsided": {"en": "No piece took a side.", "es": "Ninguna noticia tomó postura."},
    "new_voices": {"en": "New voices", "es": "Voces nuevas"},
    "no_new_voices": {
        "en": "Everybody who was quoted by name had been quoted before.",
        "es": "Todas las personas citadas por su nombre ya habían sido citadas antes.",
    },
    "quiet": {"en": "What was quiet", "es": "Qué calló"},
    "not_quiet": {
        "en": "Every outlet and topic from which something was to be expected had something.",
        "es": "Todos los medios y temas de los que cabía esperar algo tuvieron algo.",
    },
    "quiet_outlets": {"en": "Outlets without a piece on the beat", "es": "Medios sin ninguna noticia sobre el tema"},
    "quiet_topics": {"en": "Topics without a story", "es": "Temas sin ninguna historia"},
    "expected": {
        "en": "{n} in the seven days before",
        "es": "{n} en los siete días anteriores",
    },
    "carried": {"en": "{outlets} outlets, {pieces} pieces", "es": "{outlets} medios, {pieces} noticias"},
    "one_outlet": {"en": "1 outlet, {pieces} pieces", "es": "1 medio, {pieces} noticias"},
    "one_piece": {"en": "1 piece", "es": "1 noticia"},
    "from_to": {"en": "from {before} to {now}", "es": "de {before} a {now}"},
    "counted_pieces": {"en": "{before} then {now} pieces", "es": "{before} y luego {now} noticias"},
    "counted_stories": {"en": "{before} then {now} stories", "es": "{before} y luego {now} historias"},
    "scale": {
        "en": "Means from −1 (against) to +1 (in favor); ± is the standard error.",  # noqa: RUF001
        "es": "Medias de −1 (en contra) a +1 (a favor); ± es el error estándar.",  # noqa: RUF001
    },
    "and_more": {"en": "and {n} more", "es": "y {n} más"},
    "footer": {
        "en": "Vigía · labels are a model's reading of each piece: check before you quote · vigia search",
        "es": "Vigía · las etiquetas son la lectura de un modelo: compruébelas antes de citar · vigia search",
    },
}


def say(word: str, language: Language, **values: object) -> str:
    """The word or phrase in the reader's language."""
    return WORDS[word][language].format(**values) if values else WORDS[word][language]


def count(value: float, language: Language) -> str:
    """A count, its thousands apart, or with one decimal when it is no whole number."""
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    return text.translate(str.maketrans(",.", ".,")) if language is Language.SPANISH else text


def signed(value: float, language: Language) -> str:
    """A mean on the scale from −1 to +1, with its sign."""  # noqa: RUF002
    text = f"{value:+.2f}".replace("-", "−")  # noqa: RUF001
    return text.replace(".", ",") if language is Language.SPANISH else text
