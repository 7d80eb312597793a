"""A whole piece: its quotes and reports in order, each with its speaker. Pure; linear in the text's length."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from consumers.classifier.speech.attribution import Said, attributions, leading
from consumers.classifier.speech.people import Cast, Known, Sort, Speaker, capitalised
from consumers.classifier.speech.phrases import Grammar, Phrase
from consumers.classifier.speech.quotes import quotes
from consumers.classifier.speech.sentences import sentences
from consumers.classifier.speech.tokens import Kind, Stretch, Token, tokens
from consumers.classifier.speech.verbs import ENGLISH, SPANISH, Use, Verb

VERBS: dict[str, dict[str, Verb]] = {"en": ENGLISH, "es": SPANISH}
SAYING = {
    language: frozenset(form for form, verb in table.items() if verb.use & Use.SAY and not verb.use & Use.NO_SUBJECT)
    for language, table in VERBS.items()
}
UNNAMED = {"en": "unnamed", "es": "sin nombre"}
"""Whose a quote is, when its verb has no subject and nobody was named."""
CHARACTERS_LEAST = 3


@dataclass(frozen=True, slots=True)
class Heard:
    """Words `start` to `end` of the text, and whose: a name or, when there is none, how the text calls the speaker."""

    start: int
    end: int
    speaker: str
    title: str | None = None
    entity: str | None = None
    named: bool = True
    direct: bool = True


@dataclass(slots=True)
class _Open:
    """Words whose speaker may still be found."""

    start: int
    end: int
    direct: bool
    paragraph: int
    speaker: Speaker | None = None
    unnamed: str | None = None
    goes_on: bool = False
    alone: bool = False


def heard(text: str, language: str, known: Sequence[Known] = ()) -> list[Heard]:
    """Who says what in the text, in order, no two overlapping; `text[start:end]` are the words.

    `known` are the people and bodies that a gazetteer found there. A language without rules has no voices.
    """
    if language not in VERBS:
        return []
    stretches = quotes(text)
    words = tokens(text, stretches)
    names = capitalised(words) | {t.fold for t in _covered(words, known)}
    common = frozenset(t.fold for t in words if t.kind is Kind.WORD and t.text[:1].islower())
    grammar = Grammar(language, VERBS[language], names, common)
    cast = Cast(text, grammar, known)
    cast.learn(words)
    found: list[_Open] = []
    ends = {s.outer_start: s for s in stretches}
    for paragraph, group in groupby(sentences(words, SAYING[language]), key=lambda pair: pair[0]):
        _paragraph([sentence for _, sentence in group], paragraph, cast, grammar, ends, found)
    _carry(found)
    return [h for o in found if (h := _named(o)) is not None]


def _covered(words: Sequence[Token], known: Sequence[Known]) -> list[Token]:
    starts = {k.start for k in known}
    return [t for t in words if t.start in starts]


def _paragraph(
    group: Sequence[Sequence[Token]],
    paragraph: int,
    cast: Cast,
    grammar: Grammar,
    ends: dict[int, Stretch],
    found: list[_Open],
) -> None:
    speaking: Speaker | None = None
    first = len(found)
    waiting: list[_Open] = []
    for sentence in group:
        said = attributions(sentence, grammar)
        subject = leading(sentence, grammar)
        if subject is not None and not (said and _tells(said[0], sentence, subject)):
            mention = cast.mention(sentence, subject)
            topic = cast.meet(mention) if mention is not None else cast.pronoun(sentence[subject.start])
        else:
            topic = None
            cast.now += 1
        quoted = {t.start: t for t in sentence if t.kind is Kind.QUOTE}
        for one in said:
            entry = _open(one, sentence, paragraph, cast, ends, quoted)
            found.append(entry)
            speaking = entry.speaker or speaking
            for earlier in waiting:
                earlier.speaker, earlier.unnamed = entry.speaker, entry.unnamed
            waiting = []
        if all(t.kind is not Kind.WORD for t in sentence):
            for token in quoted.values():
                entry = _alone(token, paragraph, ends)
                entry.speaker = speaking
                found.append(entry)
                if speaking is None:
                    waiting.append(entry)
        elif topic is not None and topic.sort is Sort.PERSON and not said:
            speaking = topic if speaking is None else speaking
    found[first:] = sorted(found[first:], key=lambda o: o.start)


def _tells(one: Said, sentence: Sequence[Token], subject: Phrase) -> bool:
    """Whether the phrase that the sentence opens with is its speaker, or among the words of a speaker named before."""
    if one.speaker is not None:
        return one.speaker.start <= subject.start
    return one.start <= sentence[subject.start].start < one.end


def _open(
    one: Said,
    sentence: Sequence[Token],
    paragraph: int,
    cast: Cast,
    ends: dict[int, Stretch],
    quoted: dict[int, Token],
) -> _Open:
    entry = _Open(one.start, one.end, one.direct, paragraph)
    entry.goes_on = any(ends[q].goes_on for q in quoted if ends[q].start <= one.start < ends[q].end)
    if one.speaker is None:
        entry.speaker = cast.pronoun(None, many=one.many)
        entry.unnamed = UNNAMED[cast.grammar.language] if one.direct else None
        return entry
    mention = cast.mention(sentence, one.speaker)
    if mention is not None:
        entry.speaker = cast.meet(mention)
        return entry
    token = sentence[one.speaker.start]
    entry.speaker = cast.pronoun(token)
    if entry.speaker is None:
        entry.unnamed = token.text.casefold()
    else:
        entry.speaker.seen = cast.now
        if entry.speaker.female is None and token.fold in {"she", "ella"}:
            entry.speaker.female = True
        elif entry.speaker.female is None and token.fold == "he":
            entry.speaker.female = False
    return entry


def _alone(token: Token, paragraph: int, ends: dict[int, Stretch]) -> _Open:
    stretch = ends[token.start]
    text = token.text
    start = stretch.start + len(text) - len(text.lstrip())
    end = stretch.start + len(text.rstrip().rstrip(",").rstrip())
    return _Open(start, end, True, paragraph, goes_on=stretch.goes_on, alone=True)


def _carry(found: Sequence[_Open]) -> None:
    """A quote that goes on in the next paragraph, or stands alone in its own, has its neighbour's speaker."""
    for before, after in pairwise(found):
        if before.goes_on and before.paragraph + 1 == after.paragraph and after.alone:
            after.speaker, after.unnamed = after.speaker or before.speaker, after.unnamed or before.unnamed
    for after, before in zip(found[::-1], found[-2::-1], strict=False):
        joined = before.goes_on or before.alone
        if joined and before.speaker is None and before.unnamed is None and before.paragraph + 1 >= after.paragraph:
            before.speaker, before.unnamed = after.speaker, after.unnamed
    for before, after in pairwise(found):
        if after.alone and after.speaker is None and after.unnamed is None and after.paragraph - before.paragraph == 1:
            after.speaker, after.unnamed = before.speaker, before.unnamed


def _named(entry: _Open) -> Heard | None:
    if entry.end - entry.start < CHARACTERS_LEAST:
        return None
    if entry.speaker is None:
        if entry.unnamed is None:
            return None
        return Heard(entry.start, entry.end, entry.unnamed, named=False, direct=entry.direct)
    speaker = entry.speaker
    named = bool(speaker.name) or speaker.entity is not None
    return Heard(entry.start, entry.end, speaker.display, speaker.title, speaker.entity, named, entry.direct)
