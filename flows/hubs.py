"""Asks WebSub hubs to push: subscribes the sources that name one, renews leases, forgets what is no longer wanted."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog

from flows.feeds.fetch import send_form
from flows.feeds.reach import Reach
from flows.feeds.state import States
from flows.feeds.subscriptions import at_path, forget, remember, subscriptions
from flows.feeds.websub import Subscription, asked, begin, form, is_due
from schemas.errors import FeedError
from schemas.feed import Feed, FeedState

log = structlog.get_logger(__name__)

AT_ONCE = 20
"""Hubs asked in one round; the others come in the next."""


def wanted(
    feeds: Iterable[Feed],
    remembered: Mapping[str, FeedState],
    held: Mapping[str, Subscription],
    *,
    now: datetime,
) -> tuple[list[Subscription], list[str]]:
    """The subscriptions to ask for now, and the sources whose subscription is to be forgotten; pure."""
    ask: list[Subscription] = []
    named: set[str] = set()
    for feed in feeds:
        state = remembered.get(feed.id)
        if feed.paused or state is None or state.gone or state.hub is None:
            continue
        named.add(feed.id)
        there = held.get(feed.id)
        # another hub or topic is another subscription
        subscription = there if there is not None and there.hub == state.hub else begin(feed.id, state.hub)
        if is_due(subscription, now=now):
            ask.append(subscription)
    return ask[:AT_ONCE], sorted(set(held) - named)


async def subscribe(
    feeds: Iterable[Feed], remembered: Mapping[str, FeedState], states: States, reach: Reach, *, callback: str
) -> int:
    """Ask the hubs that are to be asked, and forget what is to be forgotten; how many were asked.

    A hub that says no, or is not to be reached, is asked again later. Raises Unavailable when that can't be remembered.
    """
    ask, drop = wanted(feeds, remembered, subscriptions(states), now=reach.now())
    for feed in drop:
        forget(states, feed)
    await asyncio.gather(*(_ask(one, states, reach, callback) for one in ask))
    return len(ask)


async def _ask(subscription: Subscription, states: States, reach: Reach, callback: str) -> None:
    feed, hub = subscription.feed, subscription.hub.url
    # the hub may verify before it answers: what it is about to be asked must be known by then
    remember(states, asked(subscription, now=reach.now()))
    trouble = ""
    try:
        async with reach.slots.at(hub):
            status = await send_form(feed, hub, form(subscription, callback), client=reach.client, limits=reach.limits)
        if not 200 <= status < 300:
            trouble = f"answered {status}"
    except FeedError as error:
        trouble = error.reason
    log.info("websub.asked", feed=feed, hub=hub, trouble=trouble)
    if trouble:
        now_known = at_path(states, subscription.path)
        if now_known is not None and now_known.pending:
            remember(states, now_known.model_copy(update={"pending": False, "trouble": trouble[:300]}))
