"""One conditional GET against a real server, well-behaved and not."""

import asyncio
import gzip
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

import pytest

from flows.feeds.fetch import Fetched, Gone, Page, Unchanged, fetch, fetch_page, open_client, shown, user_agent
from flows.feeds.limits import Limits
from schemas.errors import FetchFailed, FetchRefused
from schemas.feed import Feed, FeedState
from schemas.settings import PollSettings

if TYPE_CHECKING:
    from tests.flows.conftest import Site

RSS = b"<rss version='2.0'><channel><title>t</title></channel></rss>" * 20
LIMITS = Limits(connect_s=1, total_s=2, wire_bytes=200_000, body_bytes=1_000_000)
Ask = Callable[..., Fetched | Unchanged | Gone]


@pytest.fixture
def ask(site: "Site", poll_settings: PollSettings) -> Ask:
    def get(path: str, limits: Limits = LIMITS, **state: str) -> Fetched | Unchanged | Gone:
        async def run() -> Fetched | Unchanged | Gone:
            feed = Feed(id="f", url=site.url(path), outlet="F")
            async with open_client(poll_settings) as client:
                return await fetch(feed, FeedState(feed="f", **state), client=client, limits=limits)

        return asyncio.run(run())

    return get


def page(site: "Site", poll: PollSettings, path: str) -> Page:
    async def run() -> Page:
        async with open_client(poll) as client:
            return await fetch_page("f", site.url(path), client=client, limits=LIMITS)

    return asyncio.run(run())


def test_a_body_comes_with_its_validators_and_hints(site: "Site", ask: Ask) -> None:
    headers = {"ETag": '"1"', "Last-Modified": "Tue, 24 Nov 2026 06:00:00 GMT", "Cache-Control": "public, max-age=300"}
    site.answers["/feed"] = (200, headers | {"Content-Type": "application/rss+xml"}, RSS)
    found = ask("/feed")
    assert isinstance(found, Fetched)
    assert (found.body, found.etag, found.content_type) == (RSS, '"1"', "application/rss+xml")
    assert found.last_modified == "Tue, 24 Nov 2026 06:00:00 GMT"
    assert (found.hints.max_age_s, found.wire_bytes, found.url) == (300, len(RSS), site.url("/feed"))


def test_the_validators_are_sent_and_a_304_is_unchanged(site: "Site", ask: Ask) -> None:
    site.answers["/feed"] = (304, {"ETag": '"2"'}, b"")
    found = ask("/feed", etag='W/"1"', last_modified="Tue, 24 Nov 2026 06:00:00 GMT")
    assert found == Unchanged(0, '"2"', "Tue, 24 Nov 2026 06:00:00 GMT", found.hints)  # type: ignore[union-attr]
    assert site.headers("/feed")["If-None-Match"] == 'W/"1"'
    assert site.headers("/feed")["If-Modified-Since"] == "Tue, 24 Nov 2026 06:00:00 GMT"


def test_the_same_bytes_again_are_unchanged_without_any_validator(site: "Site", ask: Ask) -> None:
    site.answers["/feed"] = RSS
    first = ask("/feed")
    assert isinstance(first, Fetched)
    assert isinstance(ask("/feed", body_hash=first.body_hash), Unchanged)
    site.answers["/feed"] = RSS + b" "
    assert isinstance(ask("/feed", body_hash=first.body_hash), Fetched)


def test_a_304_that_nobody_asked_for_is_a_failure(site: "Site", ask: Ask) -> None:
    site.answers["/feed"] = (304, {}, b"")
    with pytest.raises(FetchFailed, match="answered 304"):
        ask("/feed")


def test_410_is_gone(site: "Site", ask: Ask) -> None:
    site.answers["/feed"] = (410, {}, b"")
    assert ask("/feed") == Gone()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 502, 503])
def test_other_answers_are_failures_that_name_the_status(site: "Site", ask: Ask, status: int) -> None:
    site.answers["/feed"] = (status, {}, b"no")
    with pytest.raises(FetchFailed, match=f"answered {status}") as caught:
        ask("/feed")
    assert caught.value.after is None


def test_retry_after_is_understood_as_seconds_and_as_a_date(site: "Site", ask: Ask) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    for said, least, most in (("120", 120, 120), (later, 590, 600), ("999999999", 86400, 86400), ("soon", None, None)):
        site.answers["/feed"] = (429, {"Retry-After": said}, b"")
        with pytest.raises(FetchFailed) as caught:
            ask("/feed")
        after = caught.value.after
        assert (after is None) if least is None or most is None else (after is not None and least <= after <= most)


def test_redirects_are_followed_and_the_last_url_is_told(site: "Site", ask: Ask) -> None:
    site.answers |= {"/a": (301, {"Location": "/b"}, b""), "/b": (307, {"Location": site.url("/c")}, b""), "/c": RSS}
    found = ask("/a")
    assert isinstance(found, Fetched)
    assert found.url == site.url("/c")


def test_a_redirect_without_end_is_refused_after_a_few_hops(site: "Site", ask: Ask) -> None:
    site.answers["/loop"] = (302, {"Location": "/loop"}, b"")
    with pytest.raises(FetchRefused, match="over 5 times"):
        ask("/loop")
    assert site.hits("/loop") == 6


def test_the_body_of_a_redirect_is_not_read(site: "Site", ask: Ask) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/feed")
        handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        bomb = gzip.compress(b"0" * 5_000_000)
        while True:
            handler.wfile.write(bomb)

    site.answers |= {"/bomb": endless, "/feed": RSS}
    started = time.monotonic()
    assert isinstance(ask("/bomb"), Fetched)
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/", "data:text/xml,<rss/>", "gopher://x/1"])
def test_a_redirect_to_another_scheme_is_refused(site: "Site", ask: Ask, target: str) -> None:
    site.answers["/feed"] = (302, {"Location": target}, b"")
    with pytest.raises(FetchRefused, match=r"neither http nor https|not a URL"):
        ask("/feed")


@pytest.mark.parametrize("target", ["http://", "http://[", "http://exa mple:99999/"])
def test_a_redirect_to_nonsense_is_an_error_of_ours(site: "Site", ask: Ask, target: str) -> None:
    site.answers["/feed"] = (302, {"Location": target}, b"")
    with pytest.raises((FetchRefused, FetchFailed)):
        ask("/feed")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "bare-deflate", "br", "zstd"])
def test_an_encoded_body_is_decoded(
    site: "Site", ask: Ask, squeeze: Callable[[str, bytes], bytes], encoding: str
) -> None:
    body = squeeze(encoding, RSS)
    site.answers["/feed"] = (200, {"Content-Encoding": encoding.removeprefix("bare-")}, body)
    found = ask("/feed")
    assert isinstance(found, Fetched)
    assert (found.body, found.wire_bytes) == (RSS, len(body))


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_in_several_members_is_read_whole_and_in_many_refused(
    site: "Site", ask: Ask, squeeze: Callable[[str, bytes], bytes], encoding: str
) -> None:
    site.answers["/feed"] = (
        200,
        {"Content-Encoding": encoding},
        squeeze(encoding, b"one ") + squeeze(encoding, b"two"),
    )
    found = ask("/feed")
    assert isinstance(found, Fetched)
    assert found.body == b"one two"
    site.answers["/feed"] = (200, {"Content-Encoding": encoding}, squeeze(encoding, b"x") * 100)
    with pytest.raises(FetchRefused, match="over 16 members"):
        ask("/feed")


def test_a_zstd_body_that_wants_much_remembered_is_not_decompressed(
    site: "Site", ask: Ask, squeeze: Callable[[str, bytes], bytes]
) -> None:
    site.answers["/feed"] = (200, {"Content-Encoding": "zstd"}, squeeze("wide-zstd", RSS))
    with pytest.raises(FetchFailed, match="does not decompress"):
        ask("/feed")


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
def test_a_bomb_is_refused_once_it_is_too_large(
    site: "Site", ask: Ask, squeeze: Callable[[str, bytes], bytes], encoding: str
) -> None:
    bomb = squeeze(encoding, b"0" * 100_000_000)
    assert len(bomb) < LIMITS.wire_bytes
    site.answers["/feed"] = (200, {"Content-Encoding": encoding}, bomb)
    started = time.monotonic()
    with pytest.raises(FetchRefused, match="over 1000000 bytes once expanded"):
        ask("/feed")
    assert time.monotonic() - started < 1


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip,br", "zstd, zstd", "compress", "snappy"])
def test_stacked_and_unknown_encodings_are_refused(site: "Site", ask: Ask, encoding: str) -> None:
    site.answers["/feed"] = (200, {"Content-Encoding": encoding}, gzip.compress(gzip.compress(b"0" * 1_000_000)))
    with pytest.raises(FetchRefused, match="encoding"):
        ask("/feed")


def test_a_damaged_or_short_body_is_a_failure_worth_another_try(
    site: "Site", ask: Ask, squeeze: Callable[[str, bytes], bytes]
) -> None:
    for encoding, body, reason in (
        ("gzip", gzip.compress(RSS)[:-20], "ends too early"),
        ("gzip", b"not gzip at all", "does not decompress"),
        ("zstd", squeeze("zstd", RSS)[:-5], "ends too early"),
        ("zstd", b"not zstd at all", "does not decompress"),
    ):
        site.answers["/feed"] = (200, {"Content-Encoding": encoding}, body)
        with pytest.raises(FetchFailed, match=reason):
            ask("/feed")


def test_a_body_that_is_too_long_is_refused_announced_or_not(site: "Site", ask: Ask) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    site.answers |= {"/announced": b"x" * 200_001, "/endless": endless}
    for path in ("/announced", "/endless"):
        with pytest.raises(FetchRefused, match="over 200000 bytes on the wire"):
            ask(path)


def test_a_byte_at_a_time_ends_at_the_total_time(site: "Site", ask: Ask) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.1)

    site.answers["/drip"] = drip
    started = time.monotonic()
    with pytest.raises(FetchFailed, match="no whole answer within"):
        ask("/drip", Limits(total_s=0.6))
    assert time.monotonic() - started < 1.5


def test_headers_without_end_are_cut_off(site: "Site", ask: Ask) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            handler.wfile.write(b"X-A: " + b"y" * 1000 + b"\r\n")

    site.answers["/feed"] = endless
    with pytest.raises(FetchFailed):
        ask("/feed")


def test_only_html_is_taken_for_a_page(site: "Site", poll_settings: PollSettings) -> None:
    site.answers |= {
        "/a": (200, {"Content-Type": "text/html; charset=utf-8"}, b"<p>hello"),
        "/b": (200, {"Content-Type": "application/pdf"}, b"%PDF"),
        "/c": (404, {"Content-Type": "text/html"}, b"gone"),
    }
    assert page(site, poll_settings, "/a").body == b"<p>hello"
    with pytest.raises(FetchRefused, match="application/pdf, not a page"):
        page(site, poll_settings, "/b")
    with pytest.raises(FetchFailed, match="answered 404"):
        page(site, poll_settings, "/c")


def test_we_say_who_we_are_and_no_more(site: "Site", ask: Ask) -> None:
    site.answers["/feed"] = RSS
    ask("/feed")
    sent = site.headers("/feed")
    assert sent["User-Agent"].startswith("Vigia/")
    assert set(sent) == {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}
    assert user_agent("https://example.org/bot").endswith(" (+https://example.org/bot)")
    assert "\n" not in user_agent("a\r\nX-Evil: 1")


def test_a_password_in_a_url_is_not_shown(site: "Site", ask: Ask) -> None:
    assert shown("https://user:secret@example.org:8443/a?b=1") == "https://example.org:8443/a?b=1"
    assert "secret" not in shown("https://user:secret@[bad/")
