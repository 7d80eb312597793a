"""Links that stand for a page elsewhere."""

import asyncio
import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.feeds.cache import Cache
from flows.feeds.fetch import open_client
from flows.feeds.limits import Limits
from flows.feeds.redirectors import Redirectors, carried, redirects
from schemas.errors import FetchFailed
from schemas.settings import PollSettings

if TYPE_CHECKING:
    from tests.flows.conftest import Site

NOW = datetime(2026, 11, 24, tzinfo=UTC)
INSIDE = base64.urlsafe_b64encode(b"\x08\x13\x22\x20https://diario.example/a?id=7\xd2\x01\x00").decode().rstrip("=")
KEY = base64.urlsafe_b64encode(b"\x08\x13\x22\x9a\x01AU_yqLOpaque-key-without-an-address").decode().rstrip("=")


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("https://www.google.com/url?rct=j&url=https://diario.example/a&ct=ga", "https://diario.example/a"),
        ("https://www.google.com/url?q=javascript:alert(1)&url=https%3A%2F%2Fd.example%2Fb", "https://d.example/b"),
        ("http://www.bing.com/news/apiclick.aspx?ref=FexRss&url=https%3a%2f%2fd.example%2fb", "https://d.example/b"),
        (f"https://news.google.com/rss/articles/{INSIDE}?oc=5", "https://diario.example/a?id=7"),
        (f"https://news.google.com/rss/articles/{KEY}?oc=5", None),
        ("https://news.google.com/rss/articles/!!!!", None),
        ("https://bit.ly/abc", None),
    ],
)
def test_what_the_link_itself_names_needs_no_request(link: str, target: str | None) -> None:
    assert redirects(link)
    assert carried(link) == target


@pytest.mark.parametrize("link", ["https://diario.example/url?url=https://x.example", "https://www.google.com/about"])
def test_an_outlets_own_link_is_left_alone(link: str) -> None:
    assert not redirects(link)
    assert carried(link) is None


def resolved(site: "Site", poll: PollSettings, home: Path, links: Sequence[str]) -> list[str | None]:
    async def answer(found: Redirectors, link: str) -> str | None:
        try:
            return await found.resolve("f", link)
        except FetchFailed as error:
            return error.reason

    async def run() -> list[str | None]:
        cache = Cache(home)
        async with open_client(poll) as client:
            hosts = {f"127.0.0.1:{site.port}"}
            found = Redirectors(client, Limits(total_s=2), cache, now=lambda: NOW, hosts=hosts)
            answers = [await answer(found, link) for link in links]
        cache.close(now=NOW)
        return answers

    return asyncio.run(run())


def test_a_shortener_is_followed_to_the_page_which_is_not_asked(
    site: "Site", canary: "Site", poll_settings: PollSettings, tmp_path: Path
) -> None:
    target = canary.url("/piece?utm_source=short&id=1")
    site.answers |= {
        "/s": (301, {"Location": "/t"}, b""),
        "/t": (302, {"Location": target}, b""),
        "/page": b"<html>continue</html>",
        "/loop": (302, {"Location": "/loop"}, b""),
        "/down": (503, {}, b""),
        "/odd": (302, {"Location": "javascript:alert(1)"}, b""),
    }
    links = [site.url(path) for path in ("/s", "/page", "/loop", "/down", "/odd")]
    found = resolved(site, poll_settings, tmp_path, links)
    assert found == [canary.url("/piece?id=1"), None, None, "answered 503", None]
    assert canary.asked == []
    asked = len(site.asked)
    assert site.hits("/loop") == 1
    resolved(site, poll_settings, tmp_path, links)
    assert [path for path, _ in site.asked[asked:]] == ["/down"], "what is known is not asked again"
