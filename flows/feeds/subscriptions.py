"""What is remembered of subscriptions at hubs, and which sources were pinged, beside the sources' state."""

from collections.abc import Mapping
from datetime import UTC, datetime

from flows.feeds.state import States
from flows.feeds.websub import Subscription


def subscriptions(states: States) -> dict[str, Subscription]:
    """Every subscription, by its source."""
    rows = states.database.execute("SELECT feed, value FROM subscription").fetchall()
    return {feed: Subscription.model_validate_json(value) for feed, value in rows}


def at_path(states: States, path: str) -> Subscription | None:
    """The subscription whose callback ends so."""
    row = states.database.execute("SELECT value FROM subscription WHERE path = ?", (path,)).fetchone()
    return None if row is None else Subscription.model_validate_json(row[0])


def remember(states: States, subscription: Subscription) -> None:
    """Remember the subscription as it stands now. Raises Unavailable."""
    with states.writing() as database:
        database.execute(
            "INSERT INTO subscription (feed, path, value) VALUES (?, ?, ?) "
            "ON CONFLICT (feed) DO UPDATE SET path = excluded.path, value = excluded.value",
            (subscription.feed, subscription.path, subscription.model_dump_json()),
        )


def forget(states: States, feed: str) -> None:
    """Forget the source's subscription: what its hub sends from now on finds nobody. Raises Unavailable."""
    with states.writing() as database:
        database.execute("DELETE FROM subscription WHERE feed = ?", (feed,))


def ping(states: States, feed: str, *, now: datetime) -> None:
    """Remember that the hub has news of the source. Raises Unavailable."""
    with states.writing() as database:
        database.execute("UPDATE subscription SET pinged_at = ? WHERE feed = ?", (now.timestamp(), feed))


def pinged(states: States) -> Mapping[str, datetime]:
    """The sources that were pinged and not polled since, and when."""
    rows = states.database.execute("SELECT feed, pinged_at FROM subscription WHERE pinged_at IS NOT NULL").fetchall()
    return {feed: datetime.fromtimestamp(at, UTC) for feed, at in rows}


def heard(states: States, feed: str) -> None:
    """Take the ping off: the source is being polled. One that comes meanwhile counts anew. Raises Unavailable."""
    with states.writing() as database:
        database.execute("UPDATE subscription SET pinged_at = NULL WHERE feed = ?", (feed,))
