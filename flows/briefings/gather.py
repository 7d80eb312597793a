"""What a briefing has to tell, read from Elasticsearch."""

from flows.archive import Client, ask
from flows.briefings import findings as read
from flows.briefings.findings import Findings, NewVoice, Speaker
from flows.briefings.period import Windows
from schemas import briefing_queries as queries
from schemas.indices import INDICES, Indices

TOP, NEW_VOICES = 10, 6
"""How many stories and new voices are told."""

LOOKED_UP = 30
"""Of the new voices, those in the most stories are looked up; fewer than these are new in most weeks."""

ASKED = 200
"""Of the speakers of the window, those in the most stories are asked after."""


def gather(es: Client, windows: Windows, *, indices: Indices = INDICES) -> Findings:
    """All that the windows hold, in a handful of searches. An index that isn't there holds nothing."""
    before, since, until = windows.before, windows.since, windows.until
    told = ask(es, queries.stories(since, until), indices=indices)
    if not told["aggregations"]:
        return Findings()
    sides = ask(es, queries.sides(before, since, until), indices=indices)
    voices = ask(es, queries.voices(before, since, until), indices=indices)
    earlier = ask(es, queries.stories(before, since), indices=indices)
    speakers = read.read_speakers(voices)[:ASKED]
    heard = ask(es, queries.heard_before(since, *_asked(speakers)), indices=indices)
    reaches_back = heard["hits"]["total"]["value"] > 0
    new = _unheard(speakers, read.read_heard(heard)) if reaches_back else []
    told_first = _first_words(es, new[:LOOKED_UP], windows, indices)
    outlets, topics = read.read_quiet(sides, share=windows.share)
    moved = sorted(
        (*read.read_outlet_shifts(sides), *read.read_voice_shifts(voices)), key=lambda one: (-one.errors, one.who)
    )
    return Findings(
        pieces=told["hits"]["total"]["value"],
        stories=told["aggregations"]["all"]["value"],
        outlets=told["aggregations"]["outlets"]["value"],
        pieces_before=earlier["hits"]["total"]["value"],
        top=read.read_stories(told, limit=TOP),
        balances=read.read_balances(sides),
        moved=tuple(moved),
        new_voices=told_first[:NEW_VOICES],
        more_new_voices=max(len(told_first) - NEW_VOICES, 0),
        quiet_outlets=outlets,
        quiet_topics=topics,
        reaches_back=reaches_back,
    )


def _asked(speakers: tuple[Speaker, ...]) -> tuple[list[str], list[str]]:
    entities = [one.key for one in speakers if one.field == "voices.entity"]
    return entities, [one.key for one in speakers if one.field != "voices.entity"]


def _unheard(speakers: tuple[Speaker, ...], heard: set[tuple[str, str]]) -> list[Speaker]:
    return [one for one in speakers if (one.field, one.key) not in heard]


def _first_words(es: Client, speakers: list[Speaker], windows: Windows, indices: Indices) -> tuple[NewVoice, ...]:
    found = (
        read.read_new_voice(
            one, ask(es, queries.first_words(windows.since, windows.until, one.field, one.key), indices=indices)
        )
        for one in speakers
    )
    return tuple(voice for voice in found if voice is not None)
