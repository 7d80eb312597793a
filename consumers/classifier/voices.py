"""Who says what in a piece, and whom and what it names: the rules of `speech` and `entities` over headline and text."""

from collections.abc import Sequence
from dataclasses import dataclass

from consumers.classifier.entities.find import Found, in_words
from consumers.classifier.entities.gazetteer import Entry, gazetteer
from consumers.classifier.entities.learned import Learned, learned
from consumers.classifier.passages import sentences
from consumers.classifier.speech.people import Known
from consumers.classifier.speech.piece import heard
from consumers.classifier.speech.tokens import Kind, tokens
from schemas.classification import Entity, EntityKind, Mention, Part, Passage, Voice

VOICES_MOST = 200
ENTITIES_MOST = 80
MENTIONS_MOST = 50
"""Of one entity; further ones are not listed."""

NAME_MOST = 300
SLUG_MOST = 100
BODIES = frozenset({EntityKind.AGENCY, EntityKind.COURT, EntityKind.ORGANISATION, EntityKind.PRISON, EntityKind.PLACE})


@dataclass(frozen=True)
class Spoken:
    """A piece's voices, each without its side, and its entities, the most often named first."""

    voices: tuple[Voice, ...]
    entities: tuple[Entity, ...]


def spoken(title: str, text: str, language: str, passages: Sequence[Passage]) -> Spoken:
    """The voices and entities of a piece, as far as its passages reach.

    At most 200 voices and 80 entities. A language without rules has no voices, but has entities.
    """
    reach = max((p.end for p in passages if p.part is Part.TEXT), default=0)
    voices: list[Voice] = []
    named: list[tuple[Part, Found]] = []
    others: list[tuple[Part, Learned]] = []
    for part, own in ((Part.TITLE, title), (Part.TEXT, text[:reach])):
        words = [t for t in tokens(own) if t.kind is Kind.WORD]
        found = in_words(own, words, gazetteer())
        named += [(part, f) for f in found]
        if part is Part.TEXT:
            others += [(part, one) for one in learned(own, words, [(f.start, f.end) for f in found])]
        known = [Known(f.start, f.end, f.entry.id, f.entry.kind is EntityKind.PERSON) for f in found]
        for one in heard(own, language, known)[: VOICES_MOST - len(voices)]:
            passage = _passage(passages, part, one.start)
            if passage is not None:
                voices.append(
                    Voice(
                        speaker=one.speaker[:NAME_MOST],
                        quote=own[one.start : one.end],
                        passage=passage,
                        part=part,
                        start=one.start,
                        end=one.end,
                        title=one.title[:NAME_MOST] if one.title else None,
                        entity=one.entity,
                        named=one.named,
                        direct=one.direct,
                    )
                )
    return Spoken(tuple(voices), _entities(named, others, language))


def around(voice: Voice, passage: Passage) -> str:
    """The sentences of its passage in which a voice speaks, who says it included: what its side is read from."""
    start, end = (0, len(passage.text)) if voice.start is None else (voice.start - passage.start, 0)
    end = max(end, start + len(voice.quote))
    own = [s for s in sentences(passage.text) if s.start < end and start < s.end]
    return passage.text[own[0].start : own[-1].end] if own else passage.text


def _passage(passages: Sequence[Passage], part: Part, start: int) -> int | None:
    for number, passage in enumerate(passages):
        if passage.part is part and passage.start <= start < passage.end:
            return number
    return None


def _entities(
    named: Sequence[tuple[Part, Found]], others: Sequence[tuple[Part, Learned]], language: str
) -> tuple[Entity, ...]:
    places: dict[str, list[Mention]] = {}
    entries: dict[str, Entry] = {}
    for part, one in named:
        entries[one.entry.id] = one.entry
        places.setdefault(one.entry.id, []).append(Mention(part=part, start=one.start, end=one.end))
    found = [
        Entity(
            id=entry.id,
            kind=entry.kind,
            name=entry.name(language),
            mentions=tuple(places[entry.id][:MENTIONS_MOST]),
            wikidata=entry.wikidata,
        )
        for entry in entries.values()
    ]
    found += [
        Entity(
            id=f"other:{one.key[:SLUG_MOST]}",
            kind=EntityKind.OTHER,
            name=one.name[:NAME_MOST],
            mentions=tuple(Mention(part=part, start=a, end=b) for a, b in one.places[:MENTIONS_MOST]),
        )
        for part, one in others
    ]
    return tuple(sorted(found, key=lambda e: (-len(e.mentions), e.kind is EntityKind.OTHER))[:ENTITIES_MOST])
