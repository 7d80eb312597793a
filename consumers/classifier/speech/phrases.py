"""A speaker's phrase beside the verb: where it begins and ends, with what is set off by commas. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from consumers.classifier.speech import nouns
from consumers.classifier.speech.tokens import Kind, Token
from consumers.classifier.speech.verbs import Use, Verb

WORDS_MOST = 28
"""Of a speaker's phrase before the verb."""
APPOSITION_MOST = 18
HEAD_WITHIN = 4
"""In Spanish the noun that says who speaks is one of the phrase's first words."""

NOUNS = {
    "en": nouns.PEOPLE_EN | nouns.PLURAL_EN | nouns.BODIES | nouns.PAPERS,
    "es": nouns.PEOPLE_ES | nouns.PLURAL_ES | nouns.BODIES | nouns.PAPERS,
}
PEOPLE = {"en": nouns.PEOPLE_EN | nouns.PLURAL_EN, "es": nouns.PEOPLE_ES | nouns.PLURAL_ES}
PRONOUNS = {"en": nouns.PRONOUN_EN, "es": nouns.PRONOUN_ES}
ASIDES = frozenset(
    [
        "por su parte",
        "por su lado",
        "en cambio",
        "sin embargo",
        "a su vez",
        "asimismo",
        "tambien",
        "no obstante",
        "ademas",
        "por otra parte",
        "for his part",
        "for her part",
        "for its part",
        "for their part",
        "however",
        "meanwhile",
        "in turn",
        "though",
        "too",
        "visibly moved",
    ]
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """`sentence[start:end]` is the speaker, `aside` what was said of them between commas; indexes into the sentence."""

    start: int
    end: int
    aside: tuple[int, int] | None = None


def _little(token: Token) -> bool:
    return (
        token.fold in nouns.PREPOSITIONS
        or token.fold in nouns.CONJUNCTIONS
        or token.fold in nouns.ADVERBS
        or token.fold in nouns.TIMES
        or token.fold in nouns.RELATIVES
        or token.fold in nouns.OPENERS
        or token.fold in nouns.QUESTIONS
    )


@dataclass(frozen=True, slots=True)
class Grammar:
    """A language's verbs, and the words that are names somewhere in the piece."""

    language: str
    verbs: dict[str, Verb]
    known: frozenset[str] = frozenset()
    common: frozenset[str] = frozenset()
    """Words that the piece also writes in lower case."""

    def pronoun(self, token: Token) -> bool:
        """Whether it stands for a person or body named before."""
        if self.language == "es" and token.fold == "el":
            return "é" in token.text.casefold() or "e\u0301" in token.text.casefold()
        return token.fold in PRONOUNS[self.language]

    def verb(self, token: Token) -> bool:
        """Whether the form is one of saying and nothing else."""
        verb = self.verbs.get(token.fold)
        return verb is not None and not token.capital and not verb.use & (Use.NOUN_TOO | Use.AFTER_AUXILIARY | Use.LATE)

    def verbal(self, sentence: Sequence[Token], at: int) -> bool:
        """Whether the word looks like a finite verb where it stands."""
        token = sentence[at]
        if token.fold.endswith("n't") or token.fold in {"keeps", "gives", "makes", "comes", "goes"}:
            return True
        if token.capital or len(token.fold) < 4:
            return token.fold in {"is", "was", "are", "ha", "es", "son", "fue", "had", "has", "hay"}
        before = sentence[at - 1] if at else None
        nominal = before is not None and (
            before.fold in nouns.DETERMINERS
            or before.fold in nouns.PREPOSITIONS
            or before.fold.endswith(("ly", "mente"))
            or before.text == "-"
        )
        if nominal:
            return False
        if self.language == "en":
            following = sentence[at + 1].fold if at + 1 < len(sentence) else ""
            adjective = following in PEOPLE["en"] or following in nouns.PREPOSITIONS
            return token.fold in {"were", "been", "will", "would", "have"} or (
                token.fold.endswith("ed") and not adjective and token.fold != "united"
            )
        return token.text[-1:] in "óéá" or token.fold.endswith(("aron", "ieron", "aban"))

    def starts(self, sentence: Sequence[Token], at: int) -> bool:
        """Whether a speaker's phrase may begin here."""
        token = sentence[at]
        if token.kind is not Kind.WORD:
            return False
        if token.fold in {"that", "hay", "habia", "es", "son", "fue"}:
            return False
        if token.fold.partition("'")[0] in {"i", "we", "you", "he", "she", "they", "it", "there"} and "'" in token.fold:
            return False
        if token.fold in {"i", "we", "you", "yo", "nosotros"}:
            return False
        if self.pronoun(token) or token.fold in nouns.DETERMINERS or token.fold in nouns.GIVEN_TITLES:
            return token.fold not in {"al", "del"}
        if token.fold in NOUNS[self.language] or token.fold in self.known:
            return True
        if _little(token):
            return False
        if token.fold in self.verbs or not token.capital:
            return False
        return at > 0 or not token.fold.endswith(("ing", "ed", "ando", "iendo", "ly", "mente"))

    def speaks(self, sentence: Sequence[Token], phrase: Phrase, *, lenient: bool = False, beside: bool = False) -> bool:
        """Whether what the phrase names can say something; `lenient` by a quote, `beside` when the verb adjoins it."""
        words = sentence[phrase.start : phrase.end]
        if len(words) == 1 and self.pronoun(words[0]):
            return True
        for at, token in enumerate(words, phrase.start):
            if token.fold in NOUNS[self.language] and (self.language == "en" or at - phrase.start < HEAD_WITHIN):
                return True
            if at > phrase.start and token.fold in nouns.PREPOSITIONS:
                break  # "its cooperation with El Salvador" is not El Salvador
            named = token.capital and token.fold not in nouns.DETERMINERS and token.fold not in nouns.TIMES
            if named and (
                at > 0 or token.acronym or token.fold in self.known or (beside and token.fold not in self.common)
            ):
                return True
        if words[0].fold in {"uno", "una", "one", "another", "otro", "otra"} and len(words) > 2:
            return True
        if words[0].capital and len(words) > 1 and words[1].capital:
            return True
        return lenient and words[0].fold in nouns.DETERMINERS - nouns.DEMONSTRATIVES and len(words) > 1

    def before(self, sentence: Sequence[Token], verb: int, floor: int, *, lenient: bool = False) -> Phrase | None:
        """The subject that ends at the verb, adverbs and auxiliaries between them left out; none when there is none."""
        end = self._left_of_adverbs(sentence, verb, floor)
        if end <= floor:
            return None
        if sentence[end - 1].text != ",":
            begin = self._segment(sentence, end, floor)
            start = self._start(sentence, begin, end)
            found = Phrase(start, end) if start is not None else None
            return found if found and self.speaks(sentence, found, lenient=lenient, beside=True) else None
        aside_end = end - 1
        last = aside_end
        for _ in range(5):
            begin = self._segment(sentence, last, floor)
            start = self._start(sentence, begin, last)
            closes = last < aside_end
            if start is not None and closes:
                aside = (last + 1, aside_end) if last < aside_end else None
                found = Phrase(start, last, aside)
                if self.speaks(sentence, found, lenient=lenient and aside is not None) and (
                    aside is None or aside_end - last <= APPOSITION_MOST
                ):
                    return found
            if begin <= floor or sentence[begin - 1].text != ",":
                return None
            last = begin - 1
        return None

    def _left_of_adverbs(self, sentence: Sequence[Token], verb: int, floor: int) -> int:
        at = verb
        while at > floor:
            token = sentence[at - 1]
            adverb = token.fold in nouns.ADVERBS or (token.fold.endswith(("ly", "mente")) and not token.capital)
            if (
                token.kind is Kind.WORD
                and adverb
                and not self.pronoun(token)
                and not (token.capital and at - 1 > floor)
            ):
                at -= 1
                continue
            aside = self._aside(sentence, at, floor)
            if aside is None:
                return at
            at = aside
        return at

    def _aside(self, sentence: Sequence[Token], at: int, floor: int) -> int | None:
        """Where ", por su parte," before `at` begins."""
        if sentence[at - 1].text != ",":
            return None
        for size in (2, 3, 4):
            begin = at - 2 - size + 1
            if begin - 1 >= floor and sentence[begin - 1].text == ",":
                words = " ".join(t.fold for t in sentence[begin : at - 1])
                return begin - 1 if words in ASIDES else None
        return None

    def _segment(self, sentence: Sequence[Token], end: int, floor: int) -> int:
        """Where the stretch without commas that ends at `end` begins."""
        at = end
        while at > floor and end - at < WORDS_MOST:
            token = sentence[at - 1]
            if token.kind is Kind.QUOTE or (token.kind is Kind.MARK and token.text not in "()'’./&"):
                break
            at -= 1
        return at

    def _start(self, sentence: Sequence[Token], begin: int, end: int) -> int | None:
        if sentence[end - 1].fold.endswith(("'s", "s'")):
            return None
        for start in range(begin, end):
            opens = self.starts(sentence, start) or (start == begin and self._modified(sentence, begin, end))
            if opens and self._whole(sentence, start, end):
                return start
        return None

    def _modified(self, sentence: Sequence[Token], begin: int, end: int) -> bool:
        """Whether plain words lead to a speaker's noun: "rights groups", "senior officials"."""
        for token in sentence[begin : min(end, begin + 3)]:
            if token.kind is not Kind.WORD or token.fold in self.verbs or _little(token):
                return False
            if token.fold in NOUNS[self.language]:
                return True
        return False

    def _whole(self, sentence: Sequence[Token], start: int, end: int) -> bool:
        """Whether `sentence[start:end]` is one noun phrase, a restrictive clause included."""
        if self.pronoun(sentence[start]):
            return end == start + 1
        for at in range(start, end):
            token = sentence[at]
            if token.kind is not Kind.WORD:
                if token.text not in "()'’/&-":
                    return False
                continue
            last = at + 1 == end
            if at > start and token.fold in nouns.RELATIVES and not last:
                return not any(self.verb(t) for t in sentence[at + 1 : end])
            if self.verbal(sentence, at) or (self.verb(token) and at > start):
                return False
            if self.pronoun(token) and at > start:
                return last and sentence[at - 1].fold in {"de", "of"}
            if at == start:
                continue
            if token.fold in nouns.PREPOSITIONS or token.fold in nouns.CONNECTORS:
                if last:
                    return False
                if token.fold in {"and", "y", "e"} and sentence[at + 1].fold in nouns.DETERMINERS and at - start > 4:
                    return False
            elif token.fold in nouns.CONJUNCTIONS or (
                token.fold in nouns.ADVERBS and not token.capital and token.fold not in nouns.DETERMINERS
            ):
                return False
        return True

    def after(self, sentence: Sequence[Token], verb: int, *, lenient: bool = False) -> Phrase | None:
        """The subject that follows the verb, what says when and to whom left out; none when there is none."""
        at = self._right_of_adverbs(sentence, verb + 1)
        if at >= len(sentence) or not self.starts(sentence, at):
            return None
        end = self.reach(sentence, at)
        if end == at:
            return None
        found = Phrase(at, end, self.aside(sentence, end))
        return found if self.speaks(sentence, found, lenient=lenient) else None

    def _right_of_adverbs(self, sentence: Sequence[Token], at: int) -> int:
        for _ in range(6):
            if at >= len(sentence):
                return at
            token = sentence[at]
            if token.text == ",":
                for size in (2, 3, 1):
                    words = sentence[at + 1 : at + 1 + size]
                    closing = at + 1 + size
                    closed = closing < len(sentence) and sentence[closing].text == ","
                    if closed and " ".join(t.fold for t in words) in ASIDES:
                        at = closing + 1
                        break
                else:
                    return at
                continue
            if " ".join(t.fold for t in sentence[at : at + 3]) in ASIDES:
                at += 3
            elif (
                token.fold in {"este", "esta", "on", "last", "el"}
                and sentence[at + 1 : at + 2]
                and (sentence[at + 1].fold in nouns.TIMES)
            ):
                at += 2
            elif (token.fold in nouns.ADVERBS or token.fold in nouns.TIMES or token.fold.endswith("mente")) and not (
                self.pronoun(token) or token.fold in nouns.DEFINITE
            ):
                at += 1
            elif self.language == "es" and token.fold in {"a", "al", "ante", "en", "durante"}:
                end = self.reach(sentence, at + 1, to_whom=True)
                if end == at + 1:
                    return at
                at = end
            else:
                return at
        return at

    def reach(self, sentence: Sequence[Token], start: int, *, to_whom: bool = False) -> int:
        """Where the noun phrase that starts here ends."""
        at, named = start, False
        while at < len(sentence) and at - start < WORDS_MOST:
            token = sentence[at]
            following = sentence[at + 1] if at + 1 < len(sentence) else None
            if token.kind is not Kind.WORD:
                bracket = token.text == "(" and at + 2 < len(sentence) and sentence[at + 2].text == ")"
                if bracket:
                    at += 3
                    continue
                if token.text in "'’&/-" and following is not None and following.kind is Kind.WORD:
                    at += 1
                    continue
                return at
            if self.pronoun(token):
                return at + 1 if at == start else at
            if token.fold in nouns.OFFICE_OF and at > start:
                if following is None or following.kind is not Kind.WORD or following.fold in nouns.TIMES:
                    return at
                if token.fold in {"y", "and", "e"} and (
                    to_whom
                    or not (following.capital or following.fold in NOUNS[self.language])
                    or (following.fold in self.verbs and not following.capital)
                ):
                    return at
                if token.fold == "para" and following.fold.endswith(("ar", "er", "ir")):
                    return at
                at += 1
                continue
            if token.fold in nouns.DETERMINERS:
                if (
                    at > start
                    and sentence[at - 1].fold not in nouns.OFFICE_OF
                    and sentence[at - 1].fold not in nouns.INDEFINITE
                ):
                    return at
                if at == start or following is not None:
                    at += 1
                    continue
            if token.fold in nouns.PREPOSITIONS or token.fold in nouns.CONJUNCTIONS or token.fold in nouns.RELATIVES:
                return at
            if (token.fold in nouns.ADVERBS or token.fold in nouns.TIMES) and at > start:
                return at
            if not token.capital:
                verb = self.verbs.get(token.fold)
                if verb is not None and not verb.use & (Use.NOUN_TOO | Use.AFTER_AUXILIARY):
                    return at
                if at > start and (self.verbal(sentence, at) or self._reduced(sentence, at)):
                    return at
                spoken = token.fold in NOUNS[self.language]
                if named and not spoken and sentence[at - 1].fold not in nouns.OFFICE_OF | nouns.DETERMINERS:
                    return at
            else:
                named = True
            at += 1
        return at

    def _reduced(self, sentence: Sequence[Token], at: int) -> bool:
        """Whether a participle begins to tell more: "a summary handed to reporters"."""
        following = sentence[at + 1].fold if at + 1 < len(sentence) else ""
        participle = sentence[at].fold.endswith("ed") if self.language == "en" else False
        return participle and following in nouns.PREPOSITIONS

    def aside(self, sentence: Sequence[Token], comma: int) -> tuple[int, int] | None:
        """What stands between the comma here and the next mark, when it tells who somebody is."""
        if comma >= len(sentence) or sentence[comma].text != ",":
            return None
        start = comma + 1
        end = start
        while end < len(sentence) and end - start <= APPOSITION_MOST:
            token = sentence[end]
            if token.kind is not Kind.WORD and token.text not in "'’-/&()":
                break
            if token.fold in nouns.CONJUNCTIONS - {"y", "and", "e"} or token.fold in nouns.RELATIVES:
                break
            if end > start and self.verb(token):
                return None
            end += 1
        if end == start or end - start > APPOSITION_MOST:
            return None
        first = sentence[start]
        if first.fold in {"mas", "more", "menos", "less", "unos", "about", "casi", "nearly", "some"}:
            return None
        if first.fold in nouns.CONJUNCTIONS or first.fold in self.verbs or self.pronoun(first):
            return None
        aged = any(t.text[:1].isdigit() for t in sentence[start : min(end, start + 3)]) and end - start <= 6
        told = False
        for at in range(start, min(end, start + 8)):
            if at > start and (self.verbal(sentence, at) or sentence[at].fold in nouns.PREPOSITIONS - {"de", "del"}):
                break
            told = told or sentence[at].fold in NOUNS[self.language]
        named = first.capital and end - start <= 5 and first.fold not in nouns.DETERMINERS | nouns.PREPOSITIONS
        if not (aged or told or named) or (
            first.fold in nouns.PREPOSITIONS - {"de", "a" if self.language == "en" else ""} and not aged
        ):
            return None
        return (start, end)
