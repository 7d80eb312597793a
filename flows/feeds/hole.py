"""The hole between two polls of a feed that share nothing: what it is, and what was found of it again; pure.

The pieces that came and went unseen are looked for in the site's sitemaps (`seek`), and published as if the feed had
shown them. A hole is remembered before anything is read, so that a kill does not hide it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from flows.feeds.canonical import canonical, same_site
from flows.feeds.entry import Entry
from flows.feeds.sitemap import OLDEST, moment
from schemas.feed import Feed, FeedState, Transport
from schemas.watch import Hole

TRIES = 3
"""Polls in which a hole is looked into before it is given up."""

MOST = 200
"""Pieces read of one hole, the newest."""

SLACK = timedelta(minutes=30)
"""A piece may be dated a little before its feed shows it."""

LONGEST = timedelta(days=7)
"""What a news sitemap goes back, and a plain one is read of; a longer outage is for a backfill."""

FEWEST_ALIKE = 3


def opened(feed: Feed, state: FeedState, shown: Iterable[Entry], *, lost: bool, now: datetime) -> Hole | None:
    """The hole to look into now: a new one when entries were `lost`, else one that is not yet filled; None for none.

    It reaches from the last poll, a week back at most, to the oldest entry that the feed shows since. A search has no
    site to look in.
    """
    before = state.looks.hole
    if feed.transport is Transport.QUERY:
        return None
    if lost and state.last_success_at is not None:
        since = max(state.last_success_at - SLACK, now - LONGEST)
        dated = [when for entry in shown if (when := moment(entry)) > since]
        until = min((*dated, now))
        if before is not None and before.open:
            since = max(min(since, before.since), now - LONGEST)
        return Hole(since=since, until=until)
    return before if before is not None and before.open else None


def missing(feed: Feed, hole: Hole, listed: Iterable[Entry], *, shown: Iterable[Entry]) -> list[Entry]:
    """What a sitemap lists of the hole: pieces of the source's site, and of its section when the feed keeps to one."""
    section = _section(shown)
    home = canonical(feed.site or feed.url) or ""
    return [
        entry
        for entry in listed
        if moment(entry) != OLDEST and hole.since <= moment(entry) <= hole.until
        if (link := canonical(entry.link)) is not None and same_site(home, link)
        if section is None or _first(link) == section
    ]


def filled(hole: Hole, *, at: str | None, found: int, over: int, reason: str, again: bool) -> Hole:
    """The hole after one look into it; with `again` it failed in a way that may pass."""
    tries = hole.tries + 1
    is_open = again and tries < TRIES
    update = {"at": at, "tries": tries, "found": found, "over": over, "reason": reason, "open": is_open}
    return hole.model_copy(update=update)


def with_hole(state: FeedState, hole: Hole) -> FeedState:
    """The state with that hole as its last."""
    return state.model_copy(update={"looks": state.looks.model_copy(update={"hole": hole})})


def said(hole: Hole | None) -> str:
    """What a person should know of it; empty before anybody looked."""
    if hole is None or not hole.tries:
        return ""
    span = f"{hole.since:%Y-%m-%d %H:%M} to {hole.until:%Y-%m-%d %H:%M} UTC"
    if hole.at is None:
        return f"what it showed from {span} could not be looked up: {hole.reason}"
    over = f", {hole.over} more were too many" if hole.over else ""
    return f"{hole.found} pieces from {span} were found in {hole.at}{over}"


def _section(shown: Iterable[Entry]) -> str | None:
    """The first step of the path that all links share; None when there is none, or too few to tell."""
    links = [link for entry in shown if (link := canonical(entry.link)) is not None]
    steps = {_first(link) for link in links}
    step = next(iter(steps)) if len(steps) == 1 else ""
    # a year or a language tells of no section, and neither does the piece's own name
    return step if len(links) >= FEWEST_ALIKE and len(step) > 2 and not step.isdecimal() else None


def _first(link: str) -> str:
    steps = urlsplit(link).path.strip("/").split("/")
    return steps[0] if len(steps) > 1 else ""
