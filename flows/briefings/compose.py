"""A briefing as a message in the reader's language; pure. The texts in it are raw: rendering makes them inert."""

import math
from collections.abc import Iterator, Sequence
from datetime import tzinfo

from flows.briefings.findings import Findings, NewVoice, Quiet, Sides, Story
from flows.briefings.period import BEFORE_DAYS, Period, Windows
from flows.briefings.shift import Sample, Shift
from flows.briefings.wording import count, say, signed
from schemas.identity import digest
from schemas.inert import plain
from schemas.message import (
    Balance,
    Balances,
    Block,
    Heading,
    Item,
    Items,
    Language,
    Message,
    Paragraph,
    Quote,
)
from schemas.rendering.wording import when
from schemas.taxonomy import STANCE_WORDS, TARGET_WORDS, TOPIC_WORDS, Stance, Target, Topic

QUOTES = 3
"""Of the first stories, so many are shown with a sentence."""

MOVED, QUIET = 8, 10
SENTENCE = 320
"""Characters of a sentence or quote."""


def compose(findings: Findings, windows: Windows, *, reader: str, name: str, language: Language) -> Message:
    """The briefing to one reader (an id) called `name`. Its `message_id` is the same whenever it is made again."""
    period = windows.period
    span = say("span", language, since=when(windows.since, language), until=when(windows.until, language))
    label = say(period, language) + (f" · {name}" if name else "")
    made = digest("briefing", reader, period, language, windows.until.isoformat())
    return Message(
        message_id=f"briefing-{made}",
        kind=f"briefing.{period}",
        language=language,
        label=label,
        title=_title(findings, language),
        source=f"{span} · {_usual(findings, period, language)}",
        blocks=tuple(_blocks(findings, windows, language)),
        footer=say("footer", language),
        at=windows.until,
        feed=f"briefing-{period}",
        feed_name=say(period, language),
        data={
            "reader": reader,
            "period": period.value,
            "since": windows.since.isoformat(),
            "until": windows.until.isoformat(),
            "pieces": findings.pieces,
            "stories": findings.stories,
            "moved": [{"who": m.who, "target": m.target.value, "errors": round(m.errors, 2)} for m in findings.moved],
            "new_voices": [voice.name for voice in findings.new_voices],
        },
    )


def _title(findings: Findings, language: Language) -> str:
    if not findings.pieces:
        return say("nothing", language)
    figures = {"stories": findings.stories, "pieces": findings.pieces, "outlets": findings.outlets}
    return say("headline", language, **{name: count(n, language) for name, n in figures.items()})


def _usual(findings: Findings, period: Period, language: Language) -> str:
    if period is Period.DAY:
        return say("usual_day", language, n=count(round(findings.pieces_before / BEFORE_DAYS, 1), language))
    return say("usual_week", language, n=count(findings.pieces_before, language))


def _blocks(findings: Findings, windows: Windows, language: Language) -> Iterator[Block]:
    if not findings.pieces:
        yield Paragraph(text=say("empty", language))
    if not findings.reaches_back:
        yield Paragraph(text=say("young", language), faint=True)
    if findings.top:
        yield from _stories(findings, language)
    if findings.pieces and findings.reaches_back:
        yield from _moved(findings.moved, language)
    if findings.pieces:
        yield from _balances(findings.balances, windows.period, language)
    if findings.pieces and findings.reaches_back:
        yield from _new_voices(findings, windows.until.tzinfo, language)
    if findings.reaches_back:
        yield from _quiet(findings, language)


def _stories(findings: Findings, language: Language) -> Iterator[Block]:
    yield Heading(text=say("stories", language))
    for story in findings.top[:QUOTES]:
        yield Items(title="", rows=(_story(story, language),))
        if story.sentence:
            yield Quote(text=plain(story.sentence, limit=SENTENCE), speaker=story.speaker, stance=story.sentence_stance)
    rest = findings.top[QUOTES:]
    left = findings.stories - len(findings.top)
    if rest:
        more = say("and_more", language, n=count(left, language)) if left > 0 else ""
        yield Items(title="", rows=tuple(_story(story, language) for story in rest), more=more)


def _story(story: Story, language: Language) -> Item:
    if story.pieces == 1:
        carried = say("one_piece", language)
    elif story.outlets == 1:
        carried = say("one_outlet", language, pieces=count(story.pieces, language))
    else:
        carried = say("carried", language, outlets=count(story.outlets, language), pieces=count(story.pieces, language))
    labels = [f"{STANCE_WORDS[side][language]}: {TARGET_WORDS[target][language]}" for target, side in _taken(story)]
    labels = labels or [TOPIC_WORDS[topic][language] for topic in story.topics[:2]]
    return Item(title=story.title, url=story.url, detail=" · ".join([story.outlet, carried, *labels]))


def _taken(story: Story) -> Sequence[tuple[Target, Stance]]:
    return [(target, side) for target, side in story.stances if side is not Stance.NEUTRAL][:2]


def _moved(moved: Sequence[Shift], language: Language) -> Iterator[Block]:
    yield Heading(text=say("moved", language))
    if not moved:
        yield Paragraph(text=say("unmoved", language))
        return
    more = say("and_more", language, n=len(moved) - MOVED) if len(moved) > MOVED else ""
    yield Items(title="", rows=tuple(_shift(one, language) for one in moved[:MOVED]), more=more)
    yield Paragraph(text=say("scale", language), faint=True)


def _shift(one: Shift, language: Language) -> Item:
    told = say("from_to", language, before=_mean(one.before, language), now=_mean(one.now, language))
    counted = say(f"counted_{one.counted}", language, before=one.before.count, now=one.now.count)
    return Item(title=f"{one.who}: {TARGET_WORDS[one.target][language]}", detail=f"{told} · {counted}")


def _mean(sample: Sample, language: Language) -> str:
    error = signed(math.sqrt(sample.squared_error), language).removeprefix("+")
    return f"{signed(sample.mean, language)} ± {error}"


def _balances(balances: Sequence[Sides], period: Period, language: Language) -> Iterator[Block]:
    yield Heading(text=say("balance", language))
    if not balances:
        yield Paragraph(text=say("unsided", language))
        return
    for one in balances:
        sides = ((f"now_{period}", one.now), (f"before_{period}", one.before))
        rows = tuple(
            Balance(
                label=f"{say(label, language)} ({sum(counts.values())})",
                favor=counts[Stance.FAVOR],
                neutral=counts[Stance.NEUTRAL],
                against=counts[Stance.AGAINST],
            )
            for label, counts in sides
        )
        yield Balances(title=_capital(TARGET_WORDS[one.target][language]), rows=rows)
    yield Paragraph(text=say("key", language), faint=True)


def _new_voices(findings: Findings, zone: tzinfo | None, language: Language) -> Iterator[Block]:
    yield Heading(text=say("new_voices", language))
    if not findings.new_voices:
        yield Paragraph(text=say("no_new_voices", language))
    for voice in findings.new_voices:
        yield Quote(
            text=plain(voice.quote, limit=SENTENCE),
            speaker=f"{voice.name}, {voice.title}" if voice.title else voice.name,
            stance=voice.stance,
            note=_note(voice, zone, language),
        )
    if findings.more_new_voices:
        yield Paragraph(text=say("and_more", language, n=count(findings.more_new_voices, language)), faint=True)


def _note(voice: NewVoice, zone: tzinfo | None, language: Language) -> str:
    parts = [f"{voice.outlet}, {when(voice.published_at.astimezone(zone), language)}: {voice.piece}"]
    if voice.target is not None and voice.stance is not None:
        parts.insert(0, f"{STANCE_WORDS[voice.stance][language]}: {TARGET_WORDS[voice.target][language]}")
    return " · ".join(parts)


def _quiet(findings: Findings, language: Language) -> Iterator[Block]:
    yield Heading(text=say("quiet", language))
    if not (findings.quiet_outlets or findings.quiet_topics):
        yield Paragraph(text=say("not_quiet", language))
    for title, quiet in (("quiet_outlets", findings.quiet_outlets), ("quiet_topics", findings.quiet_topics)):
        if quiet:
            more = say("and_more", language, n=len(quiet) - QUIET) if len(quiet) > QUIET else ""
            rows = tuple(_missed(one, language) for one in quiet[:QUIET])
            yield Items(title=say(title, language), rows=rows, more=more)


def _missed(one: Quiet, language: Language) -> Item:
    name = _capital(TOPIC_WORDS[one.what][language]) if isinstance(one.what, Topic) else one.what
    return Item(title=name, detail=say("expected", language, n=count(one.before, language)))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
