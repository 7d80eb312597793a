"""What is told of an alert, of a trouble, of alerts held back, and as a test: in the reader's language; pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo

from schemas.alert import Alert, Evidence
from schemas.inert import plain
from schemas.message import (
    Bar,
    Bars,
    Block,
    Fact,
    Facts,
    Heading,
    Item,
    Items,
    Language,
    Message,
    Paragraph,
    Quote,
)
from schemas.ops import OpsAlert
from schemas.reason import Reason, Window
from schemas.rendering.reasons import worded
from schemas.rendering.wording import figure, say, when
from schemas.taxonomy import STANCE_WORDS, TARGET_WORDS, TOPIC_WORDS

QUOTES, ITEMS, CAUSES = 5, 6, 6
"""How many sentences, pieces and causes one message shows at most."""

MARKED = ("⟦", "⟧")
"""What the query found stands between these in `Reason.words`."""


def of_alert(
    alert: Alert, language: Language = Language.ENGLISH, *, zone: tzinfo = UTC, may_repeat: bool = False
) -> Message:
    """The message of an alert, its times in the reader's zone; each edition is a message of its own, in one thread."""
    published = when(alert.published_at.astimezone(zone), language)
    if alert.date_guessed:
        published += f" ({say('guessed', language)})"
    update = f" ({say('update', language)} {alert.edition - 1})" if alert.edition > 1 else ""
    data = alert.model_dump(mode="json", exclude={"handover", "channels", "schema_version"})
    return Message(
        message_id=alert.alert_id if alert.edition == 1 else f"{alert.alert_id}.{alert.edition}",
        kind="alert.created" if alert.edition == 1 else "alert.updated",
        language=language,
        severity=alert.severity,
        label=alert.rule_name + update,
        title=alert.title,
        url=alert.url,
        source=f"{alert.outlet} · {published}",
        blocks=tuple(_alert_blocks(alert, language, zone)),
        footer=f"{say('alert', language)} {alert.alert_id} · vigia alerts show {alert.alert_id[:12]}",
        at=datetime.fromtimestamp(alert.created_at_ms / 1000, tz=UTC),
        thread=alert.alert_id,
        feed=alert.rule_id,
        feed_name=alert.rule_name,
        may_repeat=may_repeat,
        data=data,
    )


def _alert_blocks(alert: Alert, language: Language, zone: tzinfo) -> Iterator[Block]:
    for evidence in alert.evidence[:QUOTES]:
        yield Quote(
            text=_highlighted(evidence.text, alert.reason),
            speaker=evidence.speaker,
            stance=evidence.stance,
            note=_label(evidence, language),
        )
    if len(alert.evidence) > QUOTES:
        yield Paragraph(text=say("and_more", language, n=len(alert.evidence) - QUOTES), faint=True)
    if bars := _sides(alert.evidence, language):
        yield Bars(title=say("sides", language), rows=bars)
    if alert.window is not None:
        yield _window(alert.window, language, zone)
    yield from _why(alert, language)
    if alert.reason is not None and alert.reason.stories:
        rows = tuple(
            Item(title=s.title, url=s.url, detail=f"{s.outlet}, {when(s.published_at.astimezone(zone), language)}")
            for s in alert.reason.stories[:ITEMS]
        )
        yield Items(title=say("stories", language), rows=rows, more=_more(alert.reason.stories, language))
    if len(alert.thread) > 1:
        latest = alert.thread[-ITEMS:]
        joined = tuple(
            Item(title=j.title, url=j.url, detail=f"{j.outlet}, {say(j.kind.value, language)}") for j in latest
        )
        yield Items(title=say("thread", language), rows=joined, more=_more(alert.thread, language))


def _why(alert: Alert, language: Language) -> Iterator[Block]:
    reason, facts = alert.reason, []
    if reason is not None:
        facts += [
            Fact(label=_capital(worded(m.field, language)), value=", ".join(worded(one, language) for one in m.found))
            for m in reason.matched
        ]
        if reason.margin is not None:
            margin = reason.margin
            value = (
                f"{worded(margin.what, language)} {figure(margin.limit, language)} ({figure(margin.value, language)})"
            )
            facts.append(Fact(label=say("margin", language), value=value))
        if reason.odds is not None:
            odds = f"{reason.odds * 100:.2g} %" if reason.odds >= 0.0001 else "< 0.01 %"
            facts.append(Fact(label=say("odds", language), value=odds))
    if alert.topics and not any(fact.label == say("topics", language) for fact in facts):
        topics = ", ".join(TOPIC_WORDS[topic][language] for topic in alert.topics)
        facts.append(Fact(label=say("topics", language), value=topics))
    # what matched says the same as the text, in the reader's words
    told = "" if reason is None or reason.matched else reason.text
    if facts or told:
        yield Heading(text=say("why", language))
    if told:
        yield Paragraph(text=told)
    if facts:
        yield Facts(rows=tuple(facts))
    if reason is not None and reason.causes:
        causes = reason.causes[:CAUSES]
        most = max(abs(cause.score) for cause in causes) or 1.0
        yield Bars(
            title=say("causes", language),
            rows=tuple(
                Bar(label=c.value, share=min(1.0, abs(c.score) / most), shown=f"{c.now}/{c.of_now}") for c in causes
            ),
        )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _window(window: Window, language: Language, zone: tzinfo) -> Block:
    start, end = (when(moment.astimezone(zone), language) for moment in (window.start, window.end))
    known = [(say("now", language), window.value)]
    if window.usual is not None:
        known.append((say("usual", language), window.usual))
    most = max(abs(value) for _, value in known) or 1.0
    spread = f" ± {figure(window.spread, language)}" if window.spread is not None else ""
    bars = [
        Bar(label=label, share=abs(value) / most, shown=figure(value, language) + (spread if at else ""))
        for at, (label, value) in enumerate(known)
    ]
    subject = f"{window.subject}: " if window.subject else ""
    return Bars(title=f"{subject}{say('change', language)}, {start} – {end}", rows=tuple(bars))


def _sides(evidence: Sequence[Evidence], language: Language) -> tuple[Bar, ...]:
    """The surest sentence on each target."""
    best: dict[str, Bar] = {}
    for one in evidence:
        if one.target is None or one.stance is None:
            continue
        label = f"{STANCE_WORDS[one.stance][language]}: {TARGET_WORDS[one.target][language]}"
        if label not in best or best[label].share < one.confidence:
            shown = f"{one.confidence * 100:.0f} %"
            best[label] = Bar(label=label, share=one.confidence, shown=shown, stance=one.stance)
    return tuple(best.values())


def _label(evidence: Evidence, language: Language) -> str:
    sure = f"{say('confidence', language)} {evidence.confidence * 100:.0f} %"
    if evidence.target is not None and evidence.stance is not None:
        return f"{STANCE_WORDS[evidence.stance][language]}: {TARGET_WORDS[evidence.target][language]}, {sure}"
    if evidence.topic is not None:
        return f"{TOPIC_WORDS[evidence.topic][language]}, {sure}"
    return sure


def _highlighted(text: str, reason: Reason | None) -> str:
    """The sentence with the words that the query found marked, where the reason tells them; its own marks are none."""
    clean = text.replace(MARKED[0], "[").replace(MARKED[1], "]")
    if reason is None:
        return clean
    for words in reason.words:
        bare = words.replace(MARKED[0], "").replace(MARKED[1], "")
        if bare and bare in clean:
            clean = clean.replace(bare, words, 1)
            break
    return clean


def _more(found: Sequence[object], language: Language) -> str:
    return say("and_more", language, n=len(found) - ITEMS) if len(found) > ITEMS else ""


def of_ops(alert: OpsAlert, language: Language = Language.ENGLISH) -> Message:
    """The message of a trouble that began or that is over."""
    told, over = alert.ended_at or alert.since, alert.ended_at is not None
    facts = [
        Fact(label=say("source", language), value=alert.source),
        Fact(label=say("since", language), value=when(alert.since, language)),
    ]
    if alert.ended_at is not None:
        facts.append(Fact(label=say("until", language), value=when(alert.ended_at, language)))
    if alert.remedy:
        facts.append(Fact(label=say("remedy", language), value=alert.remedy))
    return Message(
        message_id=alert.ops_id,
        kind="ops.ended" if over else "ops.begun",
        language=language,
        severity=None if over else alert.severity,
        label=f"{say('over' if over else 'trouble', language)}: {alert.what}",
        title=f"{plain(alert.source)}: {plain(alert.evidence, limit=160)}",
        blocks=(Paragraph(text=alert.evidence), Facts(rows=tuple(facts))),
        at=told,
        feed="ops",
        feed_name="Vigía",
        data=alert.model_dump(mode="json", exclude={"schema_version"}),
    )


def of_test(channel: str, language: Language, now: datetime) -> Message:
    """A message that says so itself, with characters that a channel must leave alone."""
    return Message(
        message_id=f"test-{int(now.timestamp() * 1000)}",
        kind="channel.test",
        language=language,
        label=say("test", language),
        title=say("test_title", language),
        blocks=(Facts(rows=(Fact(label=say("source", language), value=channel),)),),
        at=now,
        feed="test",
        feed_name="Test",
        data={"channel": channel},
    )
