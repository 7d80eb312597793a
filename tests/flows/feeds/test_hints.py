"""What a source says of time and of hubs."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.feeds.hints import freshness_s, hub_of, update_s
from flows.feeds.interval import CEILING_S, FLOOR_S
from flows.feeds.parse import parse
from flows.feeds.turn import Pace, Reading, Told, read, unchanged
from schemas.feed import FeedState
from schemas.watch import Hub

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BASE = "https://news.example/feed"
PACE = Pace(default_s=3600)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"cache-control": "public, max-age=300"}, 300),
        ({"cache-control": 'MAX-AGE="300"', "age": "120"}, 180),
        ({"cache-control": "s-maxage=60, max-age = 900"}, 900),
        ({"cache-control": "s-maxage=60"}, None),
        ({"cache-control": "no-cache, max-age=300"}, None),
        ({"cache-control": "max-age=300", "age": "120"}, 180),
        ({"cache-control": "max-age=300", "age": "9000"}, 0),
        ({"date": "Tue, 24 Nov 2026 12:00:00 GMT", "expires": "Tue, 24 Nov 2026 12:10:00 GMT"}, 600),
        ({"date": "Tue, 24 Nov 2026 12:00:00 GMT", "expires": "0"}, None),
        ({"expires": "Tue, 24 Nov 2026 12:10:00 GMT"}, None),
        ({}, None),
    ],
)
def test_an_answer_is_fresh_for_as_long_as_its_headers_say(headers: dict[str, str], seconds: float | None) -> None:
    assert freshness_s(headers) == seconds


@pytest.mark.parametrize(
    ("period", "frequency", "seconds"),
    [
        ("hourly", "1", 3600),
        (" Hourly ", "4", 900),
        ("daily", "", 86_400),
        ("weekly", "0", 604_800),
        ("monthly", "often", 2_592_000),
        ("fortnightly", "2", None),
        ("", "2", None),
    ],
)
def test_an_update_period_is_divided_by_its_frequency(period: str, frequency: str, seconds: float | None) -> None:
    assert update_s(period, frequency) == seconds


@pytest.mark.parametrize("prefix", ["sy", "syn"])
def test_a_feeds_period_and_hub_are_read_in_its_markup(prefix: str) -> None:
    body = f"""<rss version="2.0" xmlns:{prefix}="http://purl.org/rss/1.0/modules/syndication/"
      xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>t</title><link>https://news.example/</link>
      <{prefix}:updatePeriod>hourly</{prefix}:updatePeriod><{prefix}:updateFrequency>2</{prefix}:updateFrequency>
      <atom:link rel="self" href="https://news.example/feed?canonical"/>
      <atom:link rel="hub" href="https://hub.example/"/></channel></rss>"""
    parsed = parse(body.encode(), "application/rss+xml", feed="f", base=BASE)
    assert parsed.update_s == 1800
    assert parsed.hub == Hub(url="https://hub.example/", topic="https://news.example/feed?canonical")


def test_a_json_feed_names_its_hub() -> None:
    body = b"""{"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": [],
      "hubs": [{"type": "rssCloud", "url": "https://no.example/"}, {"type": "WebSub", "url": "https://hub.example/"}]}"""
    parsed = parse(body, "application/feed+json", feed="f", base=BASE)
    assert parsed.hub == Hub(url="https://hub.example/", topic=BASE)


@pytest.mark.parametrize(
    ("headers", "hub"),
    [
        (["<https://hub.example/>; rel=hub", f'<{BASE}>; rel="self"'], Hub(url="https://hub.example/", topic=BASE)),
        (['<https://hub.example/a,b>; rel="hub", </t>; rel="self alternate"; type="x"'], "https://news.example/t"),
        (['<https://hub.example/>; title="a;b"; rel="preload HUB"'], BASE),
        (["<https://one.example/>; rel=hub", "<https://two.example/>; rel=hub"], BASE),
        (["<javascript:alert(1)>; rel=hub"], None),
        (["<http://[/>; rel=hub"], None),
        (['<https://news.example/>; rel="self"'], None),
        (["<" * 10_000, "hub", ""], None),
    ],
)
def test_a_hub_is_found_in_link_headers(headers: list[str], hub: Hub | str | None) -> None:
    found = hub_of(headers, base=BASE)
    assert (found.topic if isinstance(hub, str) and found else found) == hub


def test_what_a_source_says_makes_it_quicker_from_the_start_and_never_slower_nor_quicker_than_the_bounds() -> None:
    def after(**said: float) -> FeedState:
        reading = Reading(body_hash="x", shown=0, known=0, fresh=0, taken=0, new=0, **said)  # type: ignore[arg-type]
        return read(FeedState(feed="f"), Told(asked=BASE), reading, pace=PACE, now=NOW)

    assert [after(**said).interval_s for said in ({}, {"update_s": 1800.0}, {"ttl_s": 600.0, "update_s": 1800.0})] == [
        3600,
        1800,
        600,
    ]
    assert after(update_s=1.0).interval_s == FLOOR_S
    assert after(update_s=365 * 86_400.0).interval_s == 3600
    kept = unchanged(after(update_s=1800.0), Told(asked=BASE), pace=PACE, now=NOW + timedelta(minutes=30))
    assert kept.interval_s is not None
    assert FLOOR_S < kept.interval_s < 3600 < CEILING_S
