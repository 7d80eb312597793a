"""Who is meant: surnames, offices and pronouns joined to one speaker within the piece. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from consumers.classifier.speech import nouns
from consumers.classifier.speech.phrases import PEOPLE, Grammar, Phrase
from consumers.classifier.speech.tokens import Kind, Token

NAME_MOST = 6
SPEAKERS_MOST = 64
"""Of those met, how many a new mention is compared with, the last ones: what keeps a long piece's cost linear."""
REACH = 4
"""Sentences over which a pronoun looks back."""

SMALL = nouns.DETERMINERS | nouns.CONNECTORS | nouns.PREPOSITIONS | frozenset({"'", "’", "-"})


class Sort(Enum):
    """What a speaker is."""

    PERSON = auto()
    BODY = auto()


@dataclass(frozen=True, slots=True)
class Known:
    """Something named in the text that is known by other means: `start` to `end`, and whether it is a person."""

    start: int
    end: int
    id: str
    person: bool


@dataclass(eq=False, slots=True)
class Speaker:
    """One speaker of the piece, with all that is learned of them on the way."""

    display: str
    sort: Sort
    name: tuple[str, ...] = ()
    title: str | None = None
    entity: str | None = None
    female: bool | None = None
    many: bool = False
    heads: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Mention:
    """A phrase, taken apart."""

    display: str
    sort: Sort
    name: tuple[str, ...]
    name_display: str
    title: str | None
    entity: str | None
    female: bool | None
    many: bool
    heads: frozenset[str]
    words: frozenset[str]
    definite: bool


class Cast:
    """The speakers of one piece, in the order of their appearance."""

    def __init__(self, text: str, grammar: Grammar, known: Sequence[Known]) -> None:
        self.text, self.grammar = text, grammar
        self.known = {k.start: k for k in known}
        self.names: dict[str, tuple[str, ...] | None] = {}
        self.full: dict[tuple[str, ...], str] = {}
        self.speakers: list[Speaker] = []
        self.now = 0

    def learn(self, tokens: Sequence[Token]) -> None:
        """Note every full name in the tokens, so that a surname alone is known whosesoever it is."""
        at = 0
        while at < len(tokens):
            if not tokens[at].capital:
                at += 1
                continue
            end = at
            while end < len(tokens) and tokens[end].capital and (end == at or self._adjacent(tokens, end)):
                end += 1
            found = self._name(tokens, at, end)
            if found is not None and found[1] - found[0] > 1:
                self._register(tokens[found[0] : found[1]])
            at = end

    def _adjacent(self, tokens: Sequence[Token], at: int) -> bool:
        return tokens[at].start - tokens[at - 1].end <= 1

    def _register(self, words: Sequence[Token]) -> None:
        folds = tuple(_bare(t.fold) for t in words)
        self.full.setdefault(folds, " ".join(_bare(t.text) for t in words))
        for word in folds[1:] if len(folds) > 1 else folds:
            other = self.names.get(word, folds)
            if other is None or set(other) <= set(folds):
                self.names[word] = folds
            elif not set(folds) <= set(other):
                self.names[word] = None
        self.names.setdefault(folds[0], folds)

    def _name(self, tokens: Sequence[Token], start: int, end: int) -> tuple[int, int] | None:
        """The personal name within a run of capitalised words; none when it is an office, a body or a place."""
        for at in range(start, end):
            known = self.known.get(tokens[at].start)
            if known is not None:
                if not known.person:
                    return None
                stop = at
                while stop < end and tokens[stop].end <= known.end:
                    stop += 1
                return at, max(stop, at + 1)
        begin = start
        for at in range(start, end):
            fold = tokens[at].fold
            if fold in PEOPLE[self.grammar.language] or fold in nouns.GIVEN_TITLES or fold in nouns.OFFICE_WORDS:
                begin = at + 1
        while begin < end and (tokens[begin].fold in SMALL or tokens[begin].fold in nouns.OPENERS):
            begin += 1
        words = tokens[begin:end]
        if (
            not words
            or len(words) > NAME_MOST
            or any(
                t.acronym or t.fold in nouns.BODIES or t.fold in nouns.PAPERS or t.fold in nouns.TIMES for t in words
            )
        ):
            return None
        return begin, end

    def mention(self, sentence: Sequence[Token], phrase: Phrase) -> Mention | None:
        """The phrase taken apart; none for a pronoun."""
        words = sentence[phrase.start : phrase.end]
        if len(words) == 1 and self.grammar.pronoun(words[0]):
            return None
        aside = sentence[slice(*phrase.aside)] if phrase.aside else []
        name = self._name_in(words)
        title = self._joined(words[: name[0]]) if name else None
        if name is None and aside:
            inner = self._name_in(aside, whole=True)
            if inner is not None and self._head(words) in PEOPLE[self.grammar.language] | nouns.PLURALS:
                return self._person(aside[inner[0] : inner[1]], self._joined(words), [*words, *aside], words)
        if name is not None:
            told = self._joined(aside) if self._tells(aside) and not title else title
            return self._person(words[name[0] : name[1]], told or None, [*words, *aside], [*words, *aside])
        head = self._head(words)
        known = self._whole(words)
        person = head in PEOPLE[self.grammar.language] and not (known and not known.person)
        first = words[0].fold
        return Mention(
            display=self._joined(words),
            sort=Sort.PERSON if person else Sort.BODY,
            name=(),
            name_display="",
            title=self._joined(aside) if self._tells(aside) else None,
            entity=known.id if known else None,
            female=self._female(words) if person else None,
            many=(
                head in nouns.PLURALS or head in nouns.PLURAL_EN or head in nouns.PLURAL_ES or first in {"los", "las"}
            ),
            heads=frozenset([head] if head else []),
            words=frozenset(t.fold for t in words if t.kind is Kind.WORD) - SMALL,
            definite=first in nouns.DEFINITE or first not in nouns.DETERMINERS,
        )

    def _person(
        self, name: Sequence[Token], title: str | None, around: Sequence[Token], titled: Sequence[Token]
    ) -> Mention:
        known = self.known.get(name[0].start)
        folds = tuple(_bare(t.fold) for t in name)
        people = PEOPLE[self.grammar.language]
        return Mention(
            display=self._joined(name),
            sort=Sort.PERSON,
            name=folds,
            name_display=" ".join(_bare(t.text) for t in name),
            title=title,
            entity=known.id if known and known.person else None,
            female=self._female(around, folds),
            many=False,
            heads=frozenset(t.fold for t in titled if t.fold in people) - set(folds),
            words=frozenset(t.fold for t in titled if t.kind is Kind.WORD) - SMALL - set(folds),
            definite=True,
        )

    def _name_in(self, words: Sequence[Token], *, whole: bool = False) -> tuple[int, int] | None:
        """Where in a speaker's phrase the speaker's own name is; none in "Ana's brother", "the lawyer for Ana"."""
        found = self._known_in(words) or self._run_in(words, whole=whole)
        if found is None:
            return None
        people = PEOPLE[self.grammar.language]
        owner = found[0]
        while owner > 0 and (words[owner - 1].fold in people or words[owner - 1].fold in nouns.GIVEN_TITLES):
            owner -= 1
        before = words[found[0] - 1].fold if found[0] else ""
        owned = owner > 0 and words[owner - 1].fold in {"of", "for", "from", "to", "de", "del", "para"}
        return None if owned or before in nouns.CONNECTORS else found

    def _known_in(self, words: Sequence[Token]) -> tuple[int, int] | None:
        for at in range(len(words)):
            known = self.known.get(words[at].start)
            if known is not None and known.person:
                stop = at
                while stop < len(words) and words[stop].end <= known.end:
                    stop += 1
                if stop == len(words) or words[stop].fold in nouns.RELATIVES:
                    return at, stop
        return None

    def _run_in(self, words: Sequence[Token], *, whole: bool) -> tuple[int, int] | None:
        end = len(words)
        if not end or not words[-1].capital or _bare(words[-1].fold) != words[-1].fold:
            return None
        begin = end
        while begin > 0 and words[begin - 1].capital:
            begin -= 1
        found = self._name(words, begin, end)
        if found is None:
            return None
        before = words[found[0] - 1] if found[0] > 0 else None
        people = PEOPLE[self.grammar.language]
        titled = before is not None and (before.fold in people or before.fold in nouns.GIVEN_TITLES)
        if before is not None and before.fold in nouns.DETERMINERS:
            return None
        registered = all(_bare(t.fold) in self.names for t in words[found[0] : found[1]])
        if (found[1] - found[0] == 1 and not (titled or registered)) or (whole and found[0] > 0 and not titled):
            return None
        if found[1] - found[0] > 1:
            self._register(words[found[0] : found[1]])
        return found

    def _tells(self, aside: Sequence[Token]) -> bool:
        """Whether the words between commas say what somebody is, rather than where: "a lawyer", "de 26 años"."""
        people = PEOPLE[self.grammar.language]
        return any(t.fold in people or t.text[:1].isdigit() for t in aside)

    def _whole(self, words: Sequence[Token]) -> Known | None:
        """What is known of a phrase that consists of it."""
        start = 0
        while start < len(words) - 1 and words[start].fold in nouns.DETERMINERS:
            start += 1
        known = self.known.get(words[start].start) or self.known.get(words[0].start)
        return known if known is not None and known.end >= words[-1].end else None

    def _head(self, words: Sequence[Token]) -> str | None:
        """The noun that says what the speaker is."""
        people = PEOPLE[self.grammar.language] | nouns.PLURALS
        every = people | nouns.BODIES | nouns.PAPERS
        if self.grammar.language == "es":
            for token in words:
                if token.fold in every and token.fold not in {"el", "una", "uno", "ex"}:
                    return token.fold
            return next((t.fold for t in words if t.fold not in SMALL), None)
        head: str | None = None
        for at, token in enumerate(words):
            joins = token.fold in nouns.PREPOSITIONS or token.fold in nouns.RELATIVES
            if at and joins:
                break
            if token.kind is Kind.WORD and token.fold not in SMALL and not token.fold.endswith(("'s", "s'")):
                head = token.fold if token.fold in every or head not in every else head
        return head

    def _female(self, words: Sequence[Token], name: Sequence[str] = ()) -> bool | None:
        for token in words:
            if token.fold in nouns.FEMALE:
                return True
            if token.fold in nouns.MALE:
                return False
        if self.grammar.language == "es" and words:
            if words[0].fold in {"la", "una", "las", "unas", "otra"}:
                return True
            if words[0].fold in {"el", "un", "los", "otro"}:
                return False
            for token in words:
                if token.fold in PEOPLE["es"] and token.fold[-1:] in "ao" and token.fold not in {"portavoz", "guardia"}:
                    return (token.fold.endswith("a") and not token.fold.endswith("ista")) or None
        if len(name) > 1 and name[0][-1:] in "ao":
            return name[0].endswith("a")
        return None

    def _joined(self, words: Sequence[Token]) -> str:
        return " ".join(self.text[words[0].start : words[-1].end].split()) if words else ""

    @property
    def met(self) -> list[Speaker]:
        """The speakers that a mention may mean."""
        return self.speakers[-SPEAKERS_MOST:]

    def meet(self, mention: Mention) -> Speaker:
        """The speaker of the mention: one met before, or a new one."""
        self.now += 1
        speaker = self._same(mention)
        if speaker is None:
            speaker = Speaker(mention.display, mention.sort)
            self.speakers.append(speaker)
        if mention.name:
            full = self._fullest(mention.name)
            if len(full) >= len(speaker.name):
                speaker.name = full
                speaker.display = self.full.get(full, mention.name_display)
        if mention.title and not speaker.title:
            speaker.title = mention.title
        speaker.heads |= mention.heads
        speaker.words |= mention.words
        speaker.entity = speaker.entity or mention.entity
        speaker.female = mention.female if speaker.female is None else speaker.female
        speaker.many = speaker.many or mention.many
        speaker.seen = self.now
        return speaker

    def _fullest(self, name: tuple[str, ...]) -> tuple[str, ...]:
        full = self.names.get(name[-1])
        return full if full is not None and set(name) <= set(full) and len(full) > len(name) else name

    def _same(self, mention: Mention) -> Speaker | None:
        if mention.name:
            full = set(self._fullest(mention.name))
            for speaker in reversed(self.met):
                if speaker.name and (set(speaker.name) <= full or full <= set(speaker.name)):
                    return speaker
                if mention.entity and speaker.entity == mention.entity:
                    return speaker
            return self._titled(mention) if mention.words else None
        if mention.entity:
            for speaker in reversed(self.met):
                if speaker.entity == mention.entity and speaker.sort is mention.sort:
                    return speaker
        for speaker in reversed(self.met):
            if speaker.display.casefold() == mention.display.casefold():
                return speaker
        if not mention.definite or not mention.heads:
            return None
        fits = [
            s
            for s in self.met
            if mention.heads & s.heads
            and mention.words <= s.words
            and s.sort is mention.sort
            and s.many == mention.many
            and (mention.female is None or s.female is None or s.female == mention.female)
        ]
        if len(fits) == 1:
            return fits[0]
        generic = nouns.ANAPHORS_PERSON if mention.sort is Sort.PERSON else nouns.ANAPHORS_BODY
        if not fits and mention.heads & generic and len(mention.words) == 1:
            return self._last(mention.sort, female=mention.female, many=mention.many)
        return None

    def _titled(self, mention: Mention) -> Speaker | None:
        """An office met before by itself, which the name now joins: "the minister", then "Minister Ana Prueba"."""
        if not mention.heads:
            return None
        fits = [s for s in self.met if not s.name and s.sort is Sort.PERSON and mention.heads & s.heads
                and s.words <= mention.words | mention.heads]  # fmt: skip
        return fits[0] if len(fits) == 1 else None

    def pronoun(self, token: Token | None, *, many: bool | None = None) -> Speaker | None:
        """Whom a pronoun, or a verb without a subject, means; none when that is not plain."""
        if token is None:
            if many:
                return self._last(None, many=True)
            return self._last(None, many=False)
        if token.fold == "it":
            return self._last(Sort.BODY)
        if token.fold in {"they", "ellos", "ellas"}:
            return self._last(None, many=True)
        female = {"she": True, "ella": True, "he": False, "el": False}.get(token.fold)
        return self._last(Sort.PERSON, female=female, many=False)

    def _last(self, sort: Sort | None, *, female: bool | None = None, many: bool | None = None) -> Speaker | None:
        for speaker in sorted(self.met, key=lambda s: -s.seen)[:8]:
            if self.now - speaker.seen > REACH:
                return None
            if sort is not None and speaker.sort is not sort:
                continue
            if many is not None and speaker.many != many:
                continue
            if female is not None and speaker.female is not None and speaker.female != female:
                continue
            return speaker
        return None


def _bare(word: str) -> str:
    return word[:-2] if word.endswith(("'s", "’s")) else word


def capitalised(tokens: Iterable[Token]) -> frozenset[str]:
    """Words that are written with a capital where no sentence begins: names, in all likelihood."""
    found: set[str] = set()
    before: Token | None = None
    for token in tokens:
        inside = before is not None and before.kind is Kind.WORD
        if token.capital and inside:
            found.add(token.fold)
        before = token
    return frozenset(found) - nouns.TIMES - nouns.DETERMINERS - nouns.PREPOSITIONS - nouns.CONJUNCTIONS
