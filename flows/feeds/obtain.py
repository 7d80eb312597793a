"""What a source shows now: asked at its places in their order, until one answers."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import structlog

from flows.feeds.canonical import canonical
from flows.feeds.entry import Entry, Parsed
from flows.feeds.fetch import Fetched, Gone, Unchanged, fetch
from flows.feeds.reach import Reach
from flows.feeds.turn import located
from schemas.errors import FeedError, FetchFailed
from schemas.feed import Feed, FeedState, Place, Transport

log = structlog.get_logger(__name__)

BETTER_AFTER = timedelta(days=1)
"""How often a source that is read at a fallback is asked at its better places again."""

Known = Callable[[], Collection[str]]
"""The marks of entries that need not be read again; asked only when there is something to read."""

SITEMAP_PARTS = 3
"""Parts of a sitemap that are read, the newest."""


@dataclass(frozen=True)
class Obtained:
    """`feed` is the source at the place that answered; `parsed` is what it shows, when that is new.

    `state` is what was remembered, with the place in use; `moved` says that it is not that of the last poll.
    `wire_bytes` counts all that was read.
    """

    feed: Feed
    state: FeedState
    answer: Fetched | Unchanged | Gone
    parsed: Parsed | None = None
    wire_bytes: int = 0
    moved: bool = False


async def obtain(feed: Feed, state: FeedState, reach: Reach, *, known: Known = frozenset) -> Obtained:
    """Ask for the source; entries whose marks are `known` may be left unread.

    Raises what its place of the last poll failed with, when no place answers.
    """
    current = _current(feed, state)
    failure: FeedError | None = None
    gone: Obtained | None = None
    for place in order(feed, state, now=reach.now()):
        before = state if place.url == current.url else _elsewhere(state)
        try:
            found = await _ask(feed, place, before, reach, known)
        except FeedError as error:
            if place.url == current.url:
                failure = error
                if not _gives_way(error, state):
                    break
            log.info("feed.place_failed", feed=feed.id, url=place.url, reason=error.reason)
            continue
        if isinstance(found.answer, Gone):
            gone = gone or found
            continue
        if place.url != current.url:
            log.warning("feed.place_changed", feed=feed.id, url=place.url, before=current.url)
        return replace(found, moved=place.url != current.url, state=_at(place, feed, found.state, now=reach.now()))
    if failure is not None:
        raise failure
    if gone is not None:
        return gone
    raise FeedError(feed.id, feed.url, "no place answers")


def order(feed: Feed, state: FeedState, *, now: datetime) -> Iterator[Place]:
    """The places to ask: that of the last poll, then the others; once a day the better ones first."""
    places = feed.places
    current = _current(feed, state)
    at = places.index(current)
    again = at > 0 and (state.better_tried_at is None or now - state.better_tried_at >= BETTER_AFTER)
    yield from (places[:at] if again else ())
    yield current
    yield from places[at + 1 :]
    yield from (() if again else places[:at])


async def _ask(feed: Feed, place: Place, state: FeedState, reach: Reach, known: Known) -> Obtained:
    asked = located(feed.at(place), state)
    if place.transport is Transport.LISTING:
        await reach.robots.permit(feed.id, asked.url)
    async with reach.slots.at(asked.url):
        answer = await fetch(asked, state, client=reach.client, limits=reach.limits)
    if isinstance(answer, Gone):
        return Obtained(asked, state, answer)
    if isinstance(answer, Unchanged):
        return Obtained(asked, state, answer, wire_bytes=answer.wire_bytes)
    parsed = await reach.readers.feed(
        feed.id,
        answer.body,
        answer.content_type,
        base=answer.url,
        place=place,
        day_first=puts_day_first(feed),
        known=known(),
    )
    wire_bytes = answer.wire_bytes
    if feed.links_at is not None:
        parsed = _relinked(parsed, feed.links_at)
    if parsed.more:
        parsed, more_bytes = await _parts(feed, place, parsed, reach)
        wire_bytes += more_bytes
        # the parts may change while their index does not
        answer = replace(answer, etag=None, last_modified=None, body_hash="")
    return Obtained(asked, state, answer, parsed, wire_bytes)


async def _parts(feed: Feed, place: Place, parsed: Parsed, reach: Reach) -> tuple[Parsed, int]:
    """The newest parts of a sitemap that has several. Raises FetchFailed, FetchRefused and FeedUnreadable."""
    entries: list[Entry] = list(parsed.entries)
    broken, dropped, wire_bytes = list(parsed.broken), parsed.dropped, 0
    for url in parsed.more[:SITEMAP_PARTS]:
        part = feed.at(place.model_copy(update={"url": url}))
        async with reach.slots.at(url):
            answer = await fetch(part, FeedState(feed=feed.id), client=reach.client, limits=reach.limits)
        if isinstance(answer, Fetched):
            wire_bytes += answer.wire_bytes
            found = await reach.readers.feed(feed.id, answer.body, answer.content_type, base=answer.url, place=place)
            entries += found.entries
            broken += found.broken
            dropped += found.dropped
    update = {"entries": tuple(entries), "broken": tuple(broken), "dropped": dropped}
    return parsed.model_copy(update=update), wire_bytes


def puts_day_first(feed: Feed) -> bool:
    """Whether 12/03/2026 is usually the 12th of March there: everywhere but in the English of the United States."""
    return not (feed.country == "US" and feed.language in {None, "en"})


def _relinked(parsed: Parsed, host: str) -> Parsed:
    """The same with every link at that host: some systems publish links to a host of their own inside."""
    entries = []
    for entry in parsed.entries:
        parts, at = urlsplit(canonical(entry.link) or ""), urlsplit(host)
        link = urlunsplit(parts._replace(scheme=at.scheme, netloc=at.netloc)) if parts.netloc else entry.link
        entries.append(entry.model_copy(update={"link": link}))
    return parsed.model_copy(update={"entries": tuple(entries)})


def _current(feed: Feed, state: FeedState) -> Place:
    return next((place for place in feed.places if place.url == state.url), feed.places[0])


def _elsewhere(state: FeedState) -> FeedState:
    """The state without what belongs to another place."""
    return state.model_copy(update={"etag": None, "last_modified": None, "body_hash": None})


def _at(place: Place, feed: Feed, state: FeedState, *, now: datetime) -> FeedState:
    """The state with the place in use; `better_tried_at` begins anew when the better ones were just tried."""
    if place.url == feed.places[0].url:
        return state.model_copy(update={"url": None, "better_tried_at": None})
    tried = state.better_tried_at
    if place.url != state.url or tried is None or now - tried >= BETTER_AFTER:
        tried = now
    return state.model_copy(update={"url": place.url, "better_tried_at": tried})


def _gives_way(error: FeedError, state: FeedState) -> bool:
    """Whether the failure is reason enough to ask elsewhere: a server in trouble is given one more try."""
    if isinstance(error, FetchFailed) and (error.status is None or error.status == 429 or error.status >= 500):
        return state.error_streak >= 1
    return True
