"""A source says what it must, and nothing that does not go together."""

import pytest
from pydantic import ValidationError

from schemas.feed import Feed, Feeds, Listing, Place, Transport

ONE = {"id": "one", "url": "https://one.example/feed", "outlet": "One"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"transport": "listing"}, "go together"),
        ({"listing": {"item": "article"}}, "go together"),
        ({"lean": "left"}, "needs its public reference"),
        ({"fallbacks": [{"url": "file:///etc/passwd"}]}, "pattern"),
        ({"fallbacks": [{"url": "https://one.example/news", "transport": "listing"}]}, "go together"),
        ({"transport": "carrier pigeon"}, "Input should be"),
        ({"links_at": "https://one.example/path"}, "pattern"),
        ({"site": "javascript:alert(1)"}, "pattern"),
    ],
)
def test_what_does_not_go_together_is_refused(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Feed.model_validate(ONE | fields)


def test_its_places_are_its_own_and_then_the_fallbacks() -> None:
    listing = Place(url="https://one.example/news", transport=Transport.LISTING, listing=Listing(item="article"))
    feed = Feed.model_validate(ONE | {"fallbacks": [listing]})
    own, other = feed.places
    assert (own.url, own.transport) == ("https://one.example/feed", Transport.FEED)
    assert other == listing
    there = feed.at(other)
    assert (there.id, there.url, there.transport, there.listing) == (
        "one",
        listing.url,
        Transport.LISTING,
        listing.listing,
    )


def test_an_id_is_used_once() -> None:
    with pytest.raises(ValidationError, match="used twice: one"):
        Feeds.model_validate({"feeds": [ONE, ONE]})
