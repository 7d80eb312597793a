"""A subscription at a WebSub hub (W3C Recommendation of 2018): what is asked, what is believed; pure.

A push is never read: once its signature shows that the hub sent it, the source is due, and is fetched as ever.
"""

import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.watch import Hub

LEASE_S = 10 * 86_400
"""Asked for; the hub decides."""

LEASE_BOUNDS_S = (300, 30 * 86_400)
RENEW_SHARE = 0.2
"""The share of a lease that is left when it is asked for anew."""

AGAIN_S = 1800.0
"""How long a hub has to verify what it was asked before it is asked again; doubles, up to a day."""

METHODS = frozenset({"sha1", "sha256", "sha384", "sha512"})
"""Signatures that hubs make; a keyed one is not forged with sha1 either."""


class Subscription(BaseModel):
    """What is known of one source's subscription. `path` is the last part of its callback, which nobody can guess."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feed: str
    hub: Hub
    path: str = Field(min_length=32)
    secret: str = Field(min_length=32, repr=False)
    pending: bool = Field(default=False, description="the hub was asked and has not verified it yet")
    asked_at: AwareDatetime | None = None
    tries: int = Field(default=0, ge=0, description="asked in vain")
    since: AwareDatetime | None = None
    until: AwareDatetime | None = Field(default=None, description="the end of the lease")
    trouble: str = ""

    def word(self, now: datetime) -> str:
        """How it stands, for a person."""
        if self.until is not None and self.until > now:
            return f"pushed by {self.hub.url} until {self.until:%Y-%m-%d %H:%M} UTC"
        return f"{self.hub.url} does not push: {self.trouble or 'not verified yet'}"


def begin(feed: str, hub: Hub) -> Subscription:
    """A subscription with a path and a secret of its own."""
    return Subscription(feed=feed, hub=hub, path=secrets.token_hex(16), secret=secrets.token_hex(32))


def is_due(subscription: Subscription, *, now: datetime) -> bool:
    """Whether the hub is to be asked (again): never asked, not verified in time, or the lease is about to end."""
    asked = subscription.asked_at
    if asked is None:
        return True
    if now - asked < timedelta(seconds=min(AGAIN_S * 2 ** max(0, min(subscription.tries, 10) - 1), 86_400)):
        return False
    until, since = subscription.until, subscription.since
    return until is None or since is None or until - now <= RENEW_SHARE * (until - since)


def asked(subscription: Subscription, *, now: datetime, trouble: str = "") -> Subscription:
    """After the hub was asked; `trouble` is why it would not hear of it."""
    update = {"pending": not trouble, "asked_at": now, "tries": subscription.tries + 1, "trouble": trouble}
    return subscription.model_copy(update=update)


def form(subscription: Subscription, callback: str) -> dict[str, str]:
    """What the hub is asked."""
    return {
        "hub.mode": "subscribe",
        "hub.topic": subscription.hub.topic,
        "hub.callback": f"{callback.rstrip('/')}/{subscription.path}",
        "hub.secret": subscription.secret,
        "hub.lease_seconds": str(LEASE_S),
    }


def verified(subscription: Subscription, query: Mapping[str, str], *, now: datetime) -> tuple[Subscription, str] | None:
    """The subscription after the hub asked whether we asked, and what to answer; None when we did not ask for that."""
    if query.get("hub.topic") != subscription.hub.topic:
        return None
    if query.get("hub.mode") == "denied":
        why = f"denied: {query.get('hub.reason', 'no reason given')}"[:300]
        return subscription.model_copy(update={"pending": False, "until": None, "since": None, "trouble": why}), ""
    challenge = query.get("hub.challenge", "")
    if query.get("hub.mode") != "subscribe" or not subscription.pending or not 0 < len(challenge) <= 2000:
        return None
    said = query.get("hub.lease_seconds", "")
    low, high = LEASE_BOUNDS_S
    lease_s = min(max(int(said[:9]), low), high) if said.isdecimal() else LEASE_S
    update = {"pending": False, "tries": 0, "trouble": "", "since": now, "until": now + timedelta(seconds=lease_s)}
    return subscription.model_copy(update=update), challenge


def signature(subscription: Subscription, header: str) -> "tuple[hmac.HMAC, str] | None":
    """What to feed the body to and what it must come to, from `X-Hub-Signature`; None when that says nothing known."""
    method, _, claimed = header.strip().partition("=")
    if method.lower() not in METHODS or not claimed.isascii():
        return None
    return hmac.new(subscription.secret.encode(), digestmod=method.lower()), claimed.strip().lower()
