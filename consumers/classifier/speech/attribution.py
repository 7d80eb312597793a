"""One sentence: which of its words are whose. Pure; rules over the verb of saying, as grammar books have them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from consumers.classifier.speech import nouns
from consumers.classifier.speech.phrases import Grammar, Phrase
from consumers.classifier.speech.tokens import Kind, Token
from consumers.classifier.speech.verbs import Use, Verb

GAP_MOST = 22
"""Words between a verb and the quote or «que» that belongs to it."""

BE = frozenset({"is", "was", "were", "been", "be", "are", "being", "fue", "fueron", "es", "son", "sido", "era", "eran"})
TELLING = frozenset(
    {"told", "tell", "tells", "telling", "warned", "warns", "reminded", "reminds", "assured", "assures"}
)
"""They take whom they speak to without a preposition."""
MANNER = nouns.ADVERBS - nouns.AUXILIARIES - nouns.CLITICS - BE
THAT = {"en": frozenset({"that"}), "es": frozenset({"que"})}
ACCORDING = {
    "en": (
        ("according", "to"), ("in", "the", "words", "of"), ("in", "the", "view", "of"), ("in", "the", "opinion", "of"),
    ),
    "es": (
        ("segun",), ("de", "acuerdo", "con"), ("de", "acuerdo", "a"), ("a", "juicio", "de"), ("a", "juicio", "del"),
        ("en", "opinion", "de"), ("en", "opinion", "del"), ("en", "palabras", "de"), ("en", "palabras", "del"),
        ("conforme", "a"), ("a", "decir", "de"), ("de", "acuerdo", "al"), ("a", "criterio", "de"),
    ),
}  # fmt: skip
FOR_WHOM = {"en": ("for", "to"), "es": ("para",)}


@dataclass(frozen=True, slots=True)
class Said:
    """Words `start` to `end` of the text and the phrase that says whose; no phrase: the speaker before, or unknown."""

    start: int
    end: int
    speaker: Phrase | None
    direct: bool
    many: bool | None = None
    feminine: bool | None = None


@dataclass(frozen=True, slots=True)
class _Head:
    """A verb of saying with its speaker; the sentence's words from `begin` to `limit` may be what is said."""

    at: int
    verb: Verb
    speaker: Phrase | None
    inverted: bool
    begin: int
    after: int
    limit: int = 0
    following: int = 0
    """Where the next verb's own words begin."""


def attributions(sentence: Sequence[Token], grammar: Grammar) -> list[Said]:
    """What is said in the sentence, in order, no two overlapping."""
    heads = _limited(sentence, list(_heads(sentence, grammar)), grammar)
    found: list[Said] = list(_according(sentence, grammar))
    inherited: Phrase | None = None
    for head in heads:
        if head.verb.use & Use.NO_SUBJECT and head.speaker is None:
            head = replace(head, speaker=inherited or _leading(sentence, grammar))
        elif head.speaker is None and _joined(sentence, head):
            head = replace(head, speaker=inherited)
        if head.speaker is not None and not head.inverted:
            inherited = head.speaker
        for said in _content(sentence, head, grammar):
            if all(said.end <= other.start or other.end <= said.start for other in found):
                found.append(said)
                inherited = head.speaker or inherited
    found += _introduced(sentence, found, grammar)
    return sorted(found, key=lambda s: s.start)


def _heads(sentence: Sequence[Token], grammar: Grammar) -> Iterator[_Head]:
    floor = 0
    for at, token in enumerate(sentence):
        if token.kind is Kind.QUOTE or token.text in ";:":
            floor = at + 1
        verb = grammar.verbs.get(token.fold)
        if verb is None or token.kind is not Kind.WORD or not _alive(sentence, at, verb, grammar):
            continue
        quoted = _beside_quote(sentence, at)
        left = max(floor, 0)
        alone = bool(verb.use & Use.NO_SUBJECT) or _set_off(sentence, at, grammar)
        subject = None if alone else grammar.before(sentence, at, left, lenient=quoted)
        inverted = None
        if subject is None and not verb.use & Use.NO_SUBJECT:
            relative = _relative(sentence, at, left, grammar)
            if relative is not None:
                subject = relative
            else:
                inverted = grammar.after(sentence, at, lenient=quoted)
        if (
            verb.use & Use.NOUN_TOO
            and subject is not None
            and any(t.fold in nouns.RELATIVES for t in sentence[subject.start : subject.end])
        ):
            continue
        if subject is None and inverted is None:
            if verb.use & (Use.NOUN_TOO | Use.LATE) and not (
                _that(sentence, at + 1, grammar) or _follows_quote(sentence, at)
            ):
                continue
            if grammar.language == "en" and not verb.use & Use.NO_SUBJECT and not _conjoined(sentence, at):
                continue
        begin = subject.start if subject is not None else _before_small_words(sentence, at)
        after = at + 1
        if inverted is not None:
            after = inverted.aside[1] if inverted.aside else inverted.end
        yield _Head(at, verb, subject or inverted, inverted is not None, begin, after)
        follows = at + 1
        if follows < len(sentence) and sentence[follows].fold in THAT[grammar.language]:
            floor = follows + 1
        else:
            floor = max(floor, follows)


def _alive(sentence: Sequence[Token], at: int, verb: Verb, grammar: Grammar) -> bool:
    """Whether the form speaks here: no noun, no passive, no participle on its own."""
    token = sentence[at]
    if grammar.language == "en" and not token.text.isascii():
        return False
    if token.capital and at > 0 and sentence[at - 1].kind is Kind.WORD:
        return False
    back = at - 1
    while back >= 0 and sentence[back].kind is Kind.WORD and sentence[back].fold in MANNER:
        back -= 1
    before = sentence[back] if back >= 0 else None
    if verb.use & Use.AFTER_AUXILIARY:
        return before is not None and before.fold in nouns.AUXILIARIES
    if before is None:
        passive = {"asked", "told", "questioned", "reported", "accused", "called", "described", "read", "written"}
        return token.fold not in passive
    if before.fold == "se" and grammar.language == "es":
        return token.fold in {"quejo", "queja", "pregunto", "pregunta", "congratulo", "lamento", "lamenta", "quejaron"}
    if before.fold in BE:
        return bool(verb.use & Use.NO_SUBJECT) and before.fold in {"is", "was", "were", "are"}
    determined = nouns.DETERMINERS - nouns.CLITICS - {"this", "that", "one", "este", "esta", "another", "otro", "otra"}
    if before.fold in determined and before.kind is Kind.WORD:
        return before.fold in {"both", "each", "most", "many", "some", "several", "two", "three", "all"}
    if verb.use & Use.NO_SUBJECT and grammar.language == "en":
        return before.text == "," or before.fold in {"in", "by", "before", "after", "while", "of"}
    if verb.use & Use.NO_SUBJECT and grammar.language == "es" and token.fold.endswith(("ar", "er", "ir")):
        return before.fold in {"al", "tras", "para", "por", "sin"}
    return before.fold != "to" and (before.fold not in {"of", "de", "for"} or bool(verb.use & Use.NO_SUBJECT))


def _set_off(sentence: Sequence[Token], at: int, grammar: Grammar) -> bool:
    """Whether the verb stands alone between commas: in «Washington, explicó, paga», Washington isn't who explains."""
    if grammar.language != "es" or not 1 < at < len(sentence) - 1 or sentence[at - 2].kind is Kind.QUOTE:
        return False
    return sentence[at - 1].text == "," and sentence[at + 1].text == ","


def _beside_quote(sentence: Sequence[Token], at: int) -> bool:
    left = max(0, at - 10)
    return any(t.kind is Kind.QUOTE for t in sentence[left : at + GAP_MOST])


def _follows_quote(sentence: Sequence[Token], at: int) -> bool:
    back = _before_small_words(sentence, at) - 1
    while back >= 0 and sentence[back].text in ",—–.":
        back -= 1
    return back >= 0 and sentence[back].kind is Kind.QUOTE


def _that(sentence: Sequence[Token], at: int, grammar: Grammar) -> bool:
    return at < len(sentence) and sentence[at].fold in THAT[grammar.language]


def _conjoined(sentence: Sequence[Token], at: int) -> bool:
    back = _before_small_words(sentence, at)
    return back > 0 and sentence[back - 1].fold in {"and", "but", "then", ","}


def _joined(sentence: Sequence[Token], head: _Head) -> bool:
    """Whether the verb shares the speaker of the one before it: "and added", «y agregó»."""
    return head.begin > 0


def _before_small_words(sentence: Sequence[Token], at: int) -> int:
    while (
        at > 0
        and sentence[at - 1].kind is Kind.WORD
        and (sentence[at - 1].fold in nouns.ADVERBS or sentence[at - 1].fold in {"al", "tras"})
    ):
        at -= 1
    return at


def _relative(sentence: Sequence[Token], at: int, floor: int, grammar: Grammar) -> Phrase | None:
    """The antecedent of "who said", «quien afirmó»."""
    back = _before_small_words(sentence, at) - 1
    if back <= floor or sentence[back].fold not in {"who", "quien", "que", "quienes"}:
        return None
    end = back - 1 if sentence[back - 1].text == "," else back
    for begin in range(max(floor, end - 14), end):
        if not grammar.starts(sentence, begin):
            continue
        reach = grammar.reach(sentence, begin)
        if reach == end and grammar.speaks(sentence, Phrase(begin, end)):
            return Phrase(begin, end)
    return None


def _limited(sentence: Sequence[Token], heads: list[_Head], grammar: Grammar) -> list[_Head]:
    """How far each verb's words may reach: to where the next one that is joined to it, not within it, begins."""
    found: list[_Head] = []
    limit = following = len(sentence)
    for head in reversed(heads):
        found.append(replace(head, limit=limit, following=following))
        following = head.begin
        before = sentence[head.begin - 1] if head.begin > 0 else None
        if before is None:
            continue
        joins = before.fold in {"and", "but", "while", "y", "e", "pero", "mientras", "whereas", "aunque"}
        if joins and head.begin > 1 and sentence[head.begin - 2].text == ",":
            limit = head.begin - 2
        elif joins or before.text in ";.":
            limit = head.begin - 1
        elif before.fold == "que" and head.begin > 1 and sentence[head.begin - 2].fold == "mientras":
            limit = head.begin - 2
        elif before.text == "," and head.verb.use & Use.NO_SUBJECT:
            limit = head.begin - 1
    return found[::-1]


def _content(sentence: Sequence[Token], head: _Head, grammar: Grammar) -> Iterator[Said]:
    said = list(_of(sentence, head, grammar))
    yield from said
    if not said or not any(s.direct for s in said):
        return
    for at in range(head.after, head.limit):  # the quote goes on after the speaker
        token = sentence[at]
        if token.kind is Kind.QUOTE and all(s.end <= token.start or s.start >= token.end for s in said):
            yield _words(sentence, at, at + 1, head, direct=True)


def _of(sentence: Sequence[Token], head: _Head, grammar: Grammar) -> Iterator[Said]:
    use = head.verb.use
    quote = _quote_after(sentence, head, grammar)
    left = _quote_left(sentence, head)
    if left is not None and use & (Use.SAY | Use.ASK) and not use & Use.NO_SUBJECT:
        yield _words(sentence, *left, head, direct=left[1] - left[0] == 1)
        if quote is not None:
            yield _words(sentence, quote, quote + 1, head, direct=True)
        return
    clause = _clause(sentence, head, grammar)
    if quote is not None and (clause is None or clause[0] >= quote):
        yield _words(sentence, quote, quote + 1, head, direct=True)
        return
    if clause is not None:
        yield _words(sentence, *clause, head, direct=False)
        return
    trailing = _trailing(sentence, head, grammar)
    if trailing is not None:
        yield _words(sentence, *trailing, head, direct=False)


def _quote_left(sentence: Sequence[Token], head: _Head) -> tuple[int, int] | None:
    """The quote that the speaker and the verb follow, with the clause it closes."""
    at = head.begin - 1
    while at >= 0 and (sentence[at].text in ",—–-." or sentence[at].fold in nouns.CLITICS):
        at -= 1
    if at < 0 or sentence[at].kind is not Kind.QUOTE:
        return None
    begin = at
    while begin > 0 and (sentence[begin - 1].kind is Kind.WORD or sentence[begin - 1].text in "'’%$"):
        begin -= 1
    if begin and sentence[begin - 1].text not in ";:—–":
        begin = at
    return begin if at - begin > 1 else at, at + 1


def _quote_after(sentence: Sequence[Token], head: _Head, grammar: Grammar) -> int | None:
    """The quote that follows, said or named by the verb."""
    use = head.verb.use
    for at in range(head.after, min(head.limit, head.following, head.after + GAP_MOST)):
        token = sentence[at]
        if token.kind is Kind.QUOTE:
            before = sentence[at - 1] if at else token
            beside = at == head.after or before.text in ":,"
            if beside or use & (Use.JUDGE | Use.ASK):
                return at
            close = at - head.after <= 6
            return (
                at if close and before.fold in {"que", "that", "su", "sus", "his", "her", "its", "como", "as"} else None
            )
        if token.text in ";.?!":
            return None
        if token.fold in THAT[grammar.language] and not use & Use.JUDGE:
            follows = sentence[at + 1] if at + 1 < len(sentence) else token
            return at + 1 if follows.kind is Kind.QUOTE and at + 1 < head.limit else None
    return None


def _clause(sentence: Sequence[Token], head: _Head, grammar: Grammar) -> tuple[int, int] | None:
    """What follows "that", "whether", a colon, or the verb itself where its language allows that."""
    use, language = head.verb.use, grammar.language
    begin = head.after
    end = _end(sentence, head.limit)
    for at in range(begin, min(end, begin + GAP_MOST)):
        token = sentence[at]
        if token.text in ";.?!" or token.kind is Kind.QUOTE:
            break
        if token.text == ":" and use & Use.SAY:
            return (at + 1, end) if end - at > 3 else None
        if token.text.casefold() == "qué":
            return (at, end) if use & Use.SAY and end - at > 2 else None
        if token.fold in THAT[language]:
            if use & Use.SAY or (use & Use.ASK and language == "es"):
                return (at + 1, end) if end - at > 2 and _addressed(sentence, begin, at, grammar) else None
            break
    if begin >= end:
        return None
    first = sentence[begin]
    asked = bool(use & Use.SAY) and head.speaker is not None and not head.inverted
    asked = asked and not {"not", "no"} & {t.fold for t in sentence[max(0, head.at - 3) : head.at]}
    if asked and first.fold in nouns.QUESTIONS and end - begin > 2:
        return begin, end
    if language == "en":
        own = _past_addressee(sentence, head, grammar)
        if own is not None and use & (Use.SAY | Use.ASK) and sentence[own].fold in {"if", "whether", "why", "how"}:
            return own, end
        if head.speaker is not None and not head.inverted:
            if use & Use.BARE and not use & Use.LATE and own is not None and _opens_clause(sentence, own, end, grammar):
                return own, end
            if use & Use.ASK and _infinitive_follows(sentence, begin, end):
                return begin, end
        return None
    if head.speaker is not None and use & (Use.SAY | Use.ASK) and not use & Use.LATE | use & Use.NO_SUBJECT:
        infinitive = first.fold.endswith(("ar", "er", "ir", "arse", "erse", "irse")) and not first.capital
        if infinitive and end - begin > 2 and not head.inverted:
            return begin, end
    if use & Use.ASK and head.speaker is not None:
        for at in range(begin, min(end - 1, begin + 8)):
            follows = sentence[at + 1].fold
            if sentence[at].fold == "a" and follows.endswith(("ar", "er", "ir")) and not sentence[at + 1].capital:
                return at + 1, end
    return None


def _addressed(sentence: Sequence[Token], begin: int, that: int, grammar: Grammar) -> bool:
    """Whether what lies between the verb and "that" only says when, where and to whom."""
    if that == begin:
        return True
    if any(t.text == "," for t in sentence[begin:that]) and sentence[that - 1].text != ",":
        return False
    first = sentence[begin]
    if first.text == ",":
        return True
    if grammar.language == "en" and sentence[begin - 1].fold in TELLING:
        return that - begin <= 12
    adverb = first.fold in nouns.ADVERBS or first.fold in nouns.TIMES or first.fold in nouns.PREPOSITIONS
    return adverb or (
        first.fold in {"este", "esta", "el", "la", "this", "last"} and sentence[begin + 1].fold in nouns.TIMES
    )


def _past_addressee(sentence: Sequence[Token], head: _Head, grammar: Grammar) -> int | None:
    """Where an English clause without "that" would begin: after "told the panel", after "on Monday"."""
    at = head.after
    if sentence[head.at].fold in {"told", "tell", "tells", "telling", "asked", "ask", "asks"}:
        end = grammar.reach(sentence, at)
        plain = sentence[at].fold in {"him", "her", "them", "me", "us", "reporters"} if at < len(sentence) else False
        at = at + 1 if plain else end
    for _ in range(4):
        if at + 1 >= len(sentence):
            return None
        token = sentence[at]
        if token.fold in nouns.TIMES or token.fold in {"also", "again", "later", "publicly"}:
            at += 1
        elif token.fold in {"on", "last", "this"} and sentence[at + 1].fold in nouns.TIMES:
            at += 2
        else:
            break
    return at if at < head.limit else None


def _opens_clause(sentence: Sequence[Token], at: int, end: int, grammar: Grammar) -> bool:
    if end - at < 3:
        return False
    token = sentence[at]
    if token.kind is not Kind.WORD:
        return token.text in "$€"
    if token.fold in {"so", "goodbye", "nothing", "little", "much", "yes"} and end - at < 5:
        return False
    if token.fold in nouns.CLAUSE_OPENERS or token.capital or token.text[0].isdigit():
        return True
    small = token.fold in nouns.PREPOSITIONS or token.fold in nouns.CONJUNCTIONS or token.fold in nouns.ADVERBS
    return not small and token.fold not in grammar.verbs


def _infinitive_follows(sentence: Sequence[Token], begin: int, end: int) -> bool:
    return any(t.fold == "to" for t in sentence[begin : min(end, begin + 9)]) and all(
        t.text not in ",;:" for t in sentence[begin : min(end, begin + 4)]
    )


def _trailing(sentence: Sequence[Token], head: _Head, grammar: Grammar) -> tuple[int, int] | None:
    """The clause that the speaker and the verb follow, or stand within: "Arrests fell, the sheriff said."."""
    use = head.verb.use
    last = head.after >= _end(sentence, len(sentence))
    if not use & Use.SAY or use & Use.NO_SUBJECT or (use & Use.LATE and not (head.inverted or last)):
        return None
    at = head.begin - 1
    while at >= 0 and sentence[at].kind is Kind.WORD and sentence[at].fold in {"segun", "as", "como", "tal"}:
        at -= 1
    if at < 2 or sentence[at].text not in ",?!—–":
        return None
    begin = at
    while begin > 0 and sentence[begin - 1].text not in ";:" and sentence[begin - 1].kind is not Kind.BREAK:
        begin -= 1
    for dash in range(begin, min(at, begin + 8)):
        if sentence[dash].text in "—–":  # what stands before it is the dateline
            begin = dash + 1
    if at - begin < 2 or _closes(sentence, head) is False:
        return None
    rest = _rest_begins(sentence, head)
    end = _end(sentence, len(sentence)) if rest is not None else at
    return begin, end


def _closes(sentence: Sequence[Token], head: _Head) -> bool:
    """Whether nothing that the verb could govern follows the speaker."""
    at = head.after
    if at >= len(sentence):
        return True
    token = sentence[at]
    return (
        token.text in ".,;)—–"
        or token.fold in nouns.PREPOSITIONS
        or token.fold in nouns.TIMES
        or token.fold in nouns.ADVERBS
        or token.fold in {"reporters", "this", "last", "este", "esta", "el", "who", "quien", "que"}
    )


def _rest_begins(sentence: Sequence[Token], head: _Head) -> int | None:
    """Where the clause goes on after ", the judge said,"."""
    at = head.after
    while at < len(sentence) and at - head.after < 8:
        if sentence[at].text == ",":
            rest = len(sentence) - at
            speaks_on = at + 1 < len(sentence) and not _tells_of(sentence[at + 1])
            return at + 1 if rest > 3 and speaks_on else None
        if sentence[at].kind is not Kind.WORD:
            return None
        at += 1
    return None


def _tells_of(token: Token) -> bool:
    """Whether what begins so is about the speaking: ", speaking on condition of anonymity"."""
    return token.fold in {"who", "whose", "quien", "que", "cuyo", "cuya"} or token.fold.endswith(
        ("ing", "ando", "iendo")
    )


def _according(sentence: Sequence[Token], grammar: Grammar) -> Iterator[Said]:
    folds = [t.fold for t in sentence]
    for at, token in enumerate(sentence):
        for words in ACCORDING[grammar.language]:
            if token.fold == words[0] and tuple(folds[at : at + len(words)]) == words:
                yield from _credited(sentence, at, at + len(words), grammar)
        if token.fold in FOR_WHOM[grammar.language] and at + 2 < len(sentence):
            yield from _for_whom(sentence, at, grammar)


def _credited(sentence: Sequence[Token], at: int, begin: int, grammar: Grammar) -> Iterator[Said]:
    """ "according to X, …" and "…, according to X"."""
    if begin >= len(sentence) or sentence[begin].fold in nouns.RELATIVES:
        return
    end = grammar.reach(sentence, begin)
    if end == begin or (sentence[end - 1].fold in nouns.DETERMINERS and not grammar.pronoun(sentence[begin])):
        return
    following = sentence[end] if end < len(sentence) else None
    if following is not None and following.fold in grammar.verbs and following.kind is Kind.WORD:
        return
    aside = grammar.aside(sentence, end)
    close = aside[1] if aside else end
    last = _end(sentence, len(sentence))
    leads = at == 0 or sentence[at - 1].fold in nouns.CONJUNCTIONS or sentence[at - 1].text in ";:"
    if leads and close < len(sentence) and sentence[close].text == "," and last - close > 2:
        yield _quoted_or_not(sentence, close + 1, last, Phrase(begin, end, aside))
    elif not leads:
        stop = at - 1 if sentence[at - 1].text == "," else at
        start = stop
        while start > 0 and sentence[start - 1].text not in ";:":
            start -= 1
        if stop - start > 2:
            yield _quoted_or_not(sentence, start, stop, Phrase(begin, end, aside))


def _for_whom(sentence: Sequence[Token], at: int, grammar: Grammar) -> Iterator[Said]:
    last = _end(sentence, len(sentence))
    if sentence[at + 1].fold == "quien" and at > 1:
        subject = _leading_to(sentence, at, grammar)
        yield _quoted_or_not(sentence, at + 2, last, subject)
        return
    leads = at == 0 or sentence[at - 1].fold in nouns.CONJUNCTIONS or sentence[at - 1].text in ";:"
    if not leads or not grammar.starts(sentence, at + 1):
        return
    end = grammar.reach(sentence, at + 1)
    phrase = Phrase(at + 1, end, grammar.aside(sentence, end))
    one = grammar.pronoun(sentence[at + 1]) or (
        phrase.aside is not None and any(t.capital for t in sentence[phrase.aside[0] : phrase.aside[1]])
    )
    close = phrase.aside[1] if phrase.aside else end
    comma = close < len(sentence) and sentence[close].text == ","
    if one and comma and grammar.speaks(sentence, phrase) and last - close > 2:
        yield _quoted_or_not(sentence, close + 1, last, phrase)


def _leading_to(sentence: Sequence[Token], at: int, grammar: Grammar) -> Phrase | None:
    end = at - 1 if sentence[at - 1].text == "," else at
    for begin in range(max(0, end - 12), end):
        if grammar.starts(sentence, begin) and grammar.reach(sentence, begin) == end:
            phrase = Phrase(begin, end)
            return phrase if grammar.speaks(sentence, phrase) else None
    return None


def _leading(sentence: Sequence[Token], grammar: Grammar) -> Phrase | None:
    """The noun phrase that a sentence opens with, when that can speak."""
    for at in range(min(2, len(sentence))):
        first = sentence[0]
        if at and not (first.kind is Kind.MARK or first.fold in nouns.CONJUNCTIONS | nouns.OPENERS | nouns.ADVERBS):
            return None
        if grammar.starts(sentence, at):
            end = grammar.reach(sentence, at)
            phrase = Phrase(at, end, grammar.aside(sentence, end))
            return phrase if end > at and grammar.speaks(sentence, phrase) else None
    return None


def leading(sentence: Sequence[Token], grammar: Grammar) -> Phrase | None:
    """Of whom a sentence tells: the phrase it opens with, when that can speak."""
    return _leading(sentence, grammar)


def _introduced(sentence: Sequence[Token], found: Sequence[Said], grammar: Grammar) -> Iterator[Said]:
    """Quotes after a colon whose sentence has a speaker but no verb of saying: “His sister disagrees: “…””."""
    for at, token in enumerate(sentence):
        if token.kind is not Kind.QUOTE or any(s.start < token.end and token.start < s.end for s in found):
            continue
        if at > 1 and sentence[at - 1].text == ":":
            phrase = _leading(sentence, grammar)
            if phrase is not None:
                yield Said(*_inner(token), phrase, direct=True)
        elif at == 0 and len(sentence) > 2 and sentence[1].text == ":":
            end = grammar.reach(sentence, 2)
            phrase = Phrase(2, end)
            if end >= len(sentence) - 1 and grammar.speaks(sentence, phrase):
                yield Said(*_inner(token), phrase, direct=True)


def _end(sentence: Sequence[Token], limit: int) -> int:
    while limit > 0 and sentence[limit - 1].text in ".,;:?!…—–-" and sentence[limit - 1].kind is Kind.MARK:
        limit -= 1
    return limit


def _words(sentence: Sequence[Token], begin: int, end: int, head: _Head, *, direct: bool) -> Said:
    said = _quoted_or_not(sentence, begin, end, head.speaker)
    return replace(said, direct=said.direct or direct, many=head.verb.plural)


def _quoted_or_not(sentence: Sequence[Token], begin: int, end: int, speaker: Phrase | None) -> Said:
    """The words from `begin` to `end`; a quote that is nearly all of them stands alone."""
    first, last = sentence[begin], sentence[max(begin, end - 1)]
    for token in sentence[begin:end]:
        if token.kind is Kind.QUOTE and token.end - token.start >= 0.75 * (last.end - first.start):
            return Said(*_inner(token), speaker, direct=True)
    return Said(first.start, last.end, speaker, direct=False)


def _inner(token: Token) -> tuple[int, int]:
    """A quote without its marks and the comma that belongs to the sentence around it."""
    start = token.inner + len(token.text) - len(token.text.lstrip())
    return start, token.inner + len(token.text.rstrip().rstrip(",").rstrip())
