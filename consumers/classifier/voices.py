"""Who says what in a passage: quotes and reported speech in English and Spanish. Pure.

Patterns over the speech verb: what they miss is missed, what they give is a speaker and words that stand in the text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

VERBS = (
    "said|says|told|added|adds|argued|argues|warned|warns|insisted|insists|claimed|claims|stated|states|noted|notes|"
    "explained|wrote|writes|testified|acknowledged|admitted|alleged|announced|declared|denied|complained|replied|"
    "responded|asked|asks|joked|asserted|boasted|recalled|concluded|maintained|stressed|predicted|estimated|conceded|"
    "dijo|dice|afirmó|afirma|aseguró|asegura|señaló|señala|indicó|indica|sostuvo|sostiene|declaró|declara|explicó|"
    "explica|advirtió|advierte|denunció|denuncia|manifestó|expresó|agregó|añadió|reiteró|lamentó|apuntó|subrayó|"
    "escribió|insistió|insiste|recalcó|comentó|precisó|respondió|admitió|reconoció|alegó|informó|anunció|destacó|"
    "enfatizó|remarcó|cuenta|contó|relató|recordó|cuestionó|opinó|negó|aseveró|reclamó|celebró|consideró|"
    "relata|replicó|contestó|zanjó|remató|criticó|critica|repitió|repite|resumió|resume|sentenció|preguntó|bromeó|"
    "dijeron|afirmaron|aseguraron|señalaron|denunciaron|advirtieron|sostienen|explicaron|indicaron"
)
QUOTE = r"(?:“[^”]{8,600}”|«[^»]{8,600}»|\"[^\"]{8,600}\")"
NAME = r"(?:(?:[^\W\d_]\.){2,}|(?:sra?|dra?|mrs?|ms|gen|gov|sen|rep|lic|ing)\.|[^\W\d_][\w'’-]*)"
# a speaker is a run of words on one side of the verb; commas let an apposition in
SPEAKER = rf"(?:(?:the|a|an|el|la|los|las|un|una|one|another|otro|otra)\s+)?{NAME}(?:,?\s+(?:\(?{NAME}\)?)){{0,13}}"
FLAGS = re.IGNORECASE | re.DOTALL

AFTER = re.compile(
    rf"(?P<quote>{QUOTE})\s*[,.—–-]*\s*(?:le |les |nos |se |me )?(?:{VERBS})\s+(?P<speaker>{SPEAKER})", FLAGS
)
MIDDLE = re.compile(rf"(?P<quote>{QUOTE})\s*[,.—–-]*\s*(?P<speaker>{SPEAKER}?),?\s+(?:{VERBS})\b", FLAGS)
BEFORE = re.compile(
    rf"(?:^|[.!?;:”»\"]\s+)(?P<speaker>{SPEAKER}?),?\s+(?:le |les |nos |se |me )?(?:{VERBS})\b"
    rf"[^.“«\"]{{0,80}}?[:,]?\s*(?P<quote>{QUOTE})",
    FLAGS,
)
REPORTED = re.compile(
    rf"(?:^|[.!?;:”»\"]\s+)(?P<speaker>{SPEAKER}?),?\s+(?:{VERBS})\s+"
    r"(?:[\w ]{0,30}?)?(?:that|que)\s+(?P<quote>[^.!?]{15,400})",
    FLAGS,
)
ACCORDING = re.compile(
    rf"(?:^|[.!?;]\s+)(?:according to|según|de acuerdo con)\s+(?P<speaker>{SPEAKER}?),\s+(?P<quote>[^.!?]{{15,400}})",
    FLAGS,
)
ATTRIBUTED = re.compile(
    rf"(?:^|[.!?;]\s+)(?P<quote>[^.!?;“«\"]{{15,400}}?),\s+"
    rf"(?:according to|según|de acuerdo con|{VERBS})\s+(?P<speaker>{SPEAKER})",
    FLAGS,
)
TRAILING = re.compile(
    rf"(?:^|[.!?;]\s+)(?P<quote>[^.!?;“«\"]{{15,400}}?),\s+"
    rf"(?P<speaker>{SPEAKER}?)\s+(?:{VERBS})(?: reporters)?\s*(?=[.,;]|$)",
    FLAGS,
)
PATTERNS = (AFTER, MIDDLE, BEFORE, REPORTED, ACCORDING, ATTRIBUTED, TRAILING)

CHARACTERS_MOST = 2000
"""A passage longer than this is no prose."""

PRONOUNS = re.compile(r"he|she|they|it|who|we|i|él|ella|ellos|ellas|quien|quienes|esto|this|that", re.IGNORECASE)
STOPS = re.compile(
    r"\s+(?:in|on|at|after|before|during|who|whose|which|where|when|while|as|because|that|en|durante|tras|luego|cuando|quien|que|cuy[ao]s?|donde|"
    r"este|esta|ayer|al|a (?:la|las|los|un|una|el|través)|to|reporters|and|y|"
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|lunes|martes|"
    r"miércoles|jueves|viernes)\b.*$",
    FLAGS,
)
LEADING = re.compile(
    r"^(?:but|and|also|however|meanwhile|pero|y|además|también|por su parte|asimismo|even|still),?\s+", FLAGS
)

ADVERBIAL = re.compile(
    r"^(?:in|at|on|after|during|from|for|by|since|en|tras|durante|desde|para|al|a|por|hasta)\s[^,]{1,80},\s+", FLAGS
)


@dataclass(frozen=True)
class Heard:
    """A speaker and the words, both slices of the passage with that index; a pronoun stands for the last name heard."""

    speaker: str
    quote: str
    passage: int


def voices(passages: Sequence[str]) -> list[Heard]:
    """Who says what in consecutive passages of one piece, in order; each stretch of words once."""
    heard: list[Heard] = []
    last: str | None = None
    for index, text in enumerate(passages):
        if len(text) > CHARACTERS_MOST:
            continue
        taken: list[tuple[int, int]] = []
        found: list[tuple[int, str, str]] = []
        for pattern in PATTERNS:
            for match in pattern.finditer(text):
                start, end = match.span("quote")
                speaker = _speaker(match["speaker"], after=pattern in (AFTER, ATTRIBUTED))
                if speaker is None or any(start < b and a < end for a, b in taken):
                    continue
                taken.append((start, end))
                found.append((start, speaker, match["quote"].strip('“”«»"').strip().rstrip(",")))
        for _, speaker, quote in sorted(found):
            if PRONOUNS.fullmatch(speaker):
                if last is None:
                    continue
                heard.append(Heard(last, quote, index))
            else:
                last = speaker
                heard.append(Heard(speaker, quote, index))
    return heard


def _speaker(raw: str, *, after: bool) -> str | None:
    """The speaker's noun phrase, or none when it can't be one."""
    speaker = ADVERBIAL.sub("", LEADING.sub("", raw.strip()))
    if after:
        speaker = STOPS.sub("", speaker)
    speaker = speaker.strip(" ,;:—–-")
    if speaker.count(".") == 1:  # the sentence's, not an acronym's
        speaker = speaker.removesuffix(".")
    words = speaker.split()
    if not words or len(words) > 14 or speaker.casefold() in {"the", "a", "el", "la", "los", "las"}:
        return None
    if PRONOUNS.fullmatch(speaker) or speaker[0].isupper() or any(word[0].isupper() for word in words):
        return speaker
    return speaker if words[0].casefold() in {"the", "a", "an", "el", "la", "los", "las", "un", "una", "one"} else None
