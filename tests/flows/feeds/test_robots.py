"""robots.txt: what it says, and that it is asked once and obeyed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.feeds.cache import Cache
from flows.feeds.fetch import fetch_page, open_client
from flows.feeds.limits import Limits
from flows.feeds.robots import DELAY_MAX_S, Robots, parse_robots
from flows.feeds.slots import Slots
from schemas.errors import FetchFailed, FetchRefused
from schemas.settings import PollSettings

if TYPE_CHECKING:
    from tests.flows.conftest import Site

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "path", "allowed"),
    [
        ("", "/a", True),
        ("User-agent: *\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow:", "/a", True),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", True),
        ("User-agent: *\nDisallow: /a\nAllow: /a", "/a", True),
        ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf?z=1", True),
        ("User-agent: *\nDisallow: /*?s=", "/?s=word", False),
        ("User-agent: *\nDisallow: /caf%C3%A9", "/café", False),
        ("User-agent: *\nDisallow: /%7Ex", "/~x/a", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: Vigia\nDisallow: /b", "/a", True),
        ("User-agent: other\nUser-agent: vigia/1.0\nDisallow: /\n", "/a", False),
        ("User-agent: vigiante\nDisallow: /\n", "/a", True),
        ("\ufeffUSER-AGENT : *\ndisallow : /a # why\n", "/a", False),
        ("User-agent: *\nSitemap: https://x/s\nDisallow: /a", "/a", False),
        ("Disallow: /", "/a", True),
        ("<html><body>Not found: /</body></html>", "/a", True),
        ("User-agent: *\nDisallow: " + "/*" * 900 + "x$", "/" * 2000, True),
    ],
)
def test_the_longest_rule_of_our_group_decides(text: str, path: str, allowed: bool) -> None:
    started = time.monotonic()
    assert parse_robots(text).allows(f"https://news.example{path}") is allowed
    assert time.monotonic() - started < 0.5


def test_a_crawl_delay_is_bounded() -> None:
    assert parse_robots("User-agent: *\nCrawl-delay: 3").delay_s == 3
    assert parse_robots("User-agent: *\nCrawl-delay: 86400").delay_s == DELAY_MAX_S
    assert parse_robots("User-agent: *\nCrawl-delay: -1").delay_s == 0


def use(home: Path, poll: PollSettings, act: Callable[[Robots, Any], Awaitable[None]], now: datetime = NOW) -> None:
    async def run() -> None:
        cache = Cache(home)
        async with open_client(poll) as client:
            await act(Robots(client, Limits.of(poll), cache, Slots(total=9, per_host=2), now=lambda: now), client)
        cache.close(now=now)

    asyncio.run(run())


def test_it_is_asked_once_a_day_and_a_forbidden_page_never(
    site: "Site", poll_settings: PollSettings, tmp_path: Path
) -> None:
    site.answers["/robots.txt"] = b"User-agent: *\nDisallow: /private"
    site.answers |= {
        "/a": (200, {"Content-Type": "text/html"}, b"<p>a</p>"),
        "/led": (302, {"Location": site.url("/private/b")}, b""),
    }

    async def act(robots: Robots, client: Any) -> None:
        async def read(path: str) -> None:
            permit = lambda url: robots.permit("f", url)  # noqa: E731
            await fetch_page("f", site.url(path), client=client, limits=Limits(total_s=3), permit=permit)

        await read("/a")
        for path in ("/private/b", "/led"):
            with pytest.raises(FetchRefused, match=r"robots\.txt asks not to read it"):
                await read(path)

    use(tmp_path, poll_settings, act)
    use(tmp_path, poll_settings, act)
    assert (site.hits("/robots.txt"), site.hits("/private/b"), site.hits("/a")) == (1, 0, 2)
    use(tmp_path, poll_settings, act, now=NOW + timedelta(days=2))
    assert site.hits("/robots.txt") == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((404, {}, b""), None),
        ((403, {}, b""), None),
        ((500, {}, b""), FetchFailed),
        ((429, {}, b""), FetchFailed),
        ((200, {}, b"#" * 600_000 + b"\nUser-agent: *\nDisallow: /"), None),
        ((200, {}, b"\xff\xfe\x00User-agent: *\nDisallow: /"), None),
    ],
)
def test_a_server_without_one_forbids_nothing_and_one_that_fails_everything(
    site: "Site", poll_settings: PollSettings, tmp_path: Path, answer: Any, error: type[Exception] | None
) -> None:
    site.answers["/robots.txt"] = answer

    async def act(robots: Robots, client: Any) -> None:
        if error is None:
            await robots.permit("f", site.url("/a"))
        else:
            with pytest.raises(error):
                await robots.permit("f", site.url("/a"))

    use(tmp_path, poll_settings, act)


def test_the_delay_is_kept_between_two_pages_and_a_long_wait_is_left_for_later(
    site: "Site", poll_settings: PollSettings, tmp_path: Path
) -> None:
    site.answers["/robots.txt"] = b"User-agent: *\nCrawl-delay: 0.3"

    async def act(robots: Robots, client: Any) -> None:
        started = time.monotonic()
        turns = await asyncio.gather(
            *(robots.turn("f", site.url("/a"), until=started + limit) for limit in (9, 9, 9, 0.5))
        )
        assert turns == [True, True, True, False]
        assert 0.6 <= time.monotonic() - started < 1.5

    use(tmp_path, poll_settings, act)


def test_a_cache_that_is_damaged_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "cache.db").write_bytes(b"not a database" * 100)
    cache = Cache(tmp_path)
    cache.put("kind", "key", None, seconds=60, now=NOW)
    assert cache.get("kind", "key", now=NOW) == (None,)
    assert cache.get("kind", "key", now=NOW + timedelta(minutes=2)) is None
    cache.close(now=NOW)
    again = Cache(tmp_path)
    assert again.get("kind", "key", now=NOW) == (None,)
    again.close(now=NOW + timedelta(days=1))
