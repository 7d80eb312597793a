"""Which addresses the client connects to, whatever a name resolves to and however a test tries to talk it round."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

import httpx
import pytest

from flows.feeds.fetch import fetch, fetch_page, open_client
from flows.feeds.limits import Limits
from schemas.errors import FetchFailed, FetchRefused
from schemas.feed import Feed, FeedState
from schemas.settings import PollSettings

if TYPE_CHECKING:
    from tests.flows.conftest import Site

STRICT = PollSettings(total_s=3, connect_s=1)
LIMITS = Limits(connect_s=1, total_s=3)
RSS = b"<rss version='2.0'><channel><title>t</title></channel></rss>"


def ask(
    url: str,
    poll: PollSettings = STRICT,
    resolve: Callable[[str, int], Awaitable[Sequence[str]]] | None = None,
    *,
    times: int = 1,
) -> list[object]:
    async def run() -> list[object]:
        feed = Feed(id="f", url=url, outlet="F")
        async with open_client(poll, resolve=resolve) as client:
            return [await fetch(feed, FeedState(feed="f"), client=client, limits=LIMITS) for _ in range(times)]

    return asyncio.run(run())


def script(*answers: list[str]) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    """A resolver that gives one answer after another, the last for ever."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]"])
def test_a_feed_on_loopback_is_refused_however_its_host_is_written(canary: "Site", host: str) -> None:
    with pytest.raises(FetchRefused, match="loopback"):
        ask(f"http://{host}:{canary.port}/feed")
    assert canary.asked == []


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::1", "fc00::1", "192.168.0.1", "100.64.0.1"])
def test_a_name_that_resolves_to_a_private_address_is_refused(address: str) -> None:
    with pytest.raises(FetchRefused, match=r"news\.example resolves to"):
        ask("https://news.example/feed", resolve=script([address]))


def test_a_name_with_a_public_and_a_private_address_is_refused_whole(canary: "Site") -> None:
    with pytest.raises(FetchRefused, match="loopback"):
        ask(f"http://news.example:{canary.port}/", resolve=script(["93.184.215.14", "127.0.0.1"]))
    assert canary.asked == []


def test_a_name_that_rebinds_between_two_requests_is_refused_the_second_time(canary: "Site") -> None:
    # the first answer is public, but nothing listens there within the time
    resolve = script(["192.0.2.1"], ["127.0.0.1"])
    for _ in range(2):
        with pytest.raises(FetchRefused):
            ask(f"http://news.example:{canary.port}/", resolve=resolve)
    assert canary.asked == []


def test_the_address_that_was_checked_is_the_one_connected_to(site: "Site", poll_settings: PollSettings) -> None:
    site.answers["/feed"] = RSS
    looked_up = 0

    async def resolve(host: str, port: int) -> list[str]:
        nonlocal looked_up
        looked_up += 1
        return ["127.0.0.1"]

    ask(f"http://no-such-host.invalid:{site.port}/feed", poll_settings, resolve)
    assert looked_up == 1
    assert site.headers("/feed")["Host"] == f"no-such-host.invalid:{site.port}"


def test_the_next_address_is_tried_when_one_does_not_answer(site: "Site") -> None:
    site.answers["/feed"] = RSS
    poll = PollSettings(allow_networks=("127.0.0.0/8", "::1/128"), total_s=3, connect_s=1)
    ask(f"http://news.example:{site.port}/feed", poll, script(["::1", "127.0.0.9", "127.0.0.1"]))
    assert site.hits("/feed") == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_a_private_address_is_refused(
    site: "Site", canary: "Site", poll_settings: PollSettings, status: int
) -> None:
    secret = f"http://127.0.0.2:{canary.port}/secret"
    site.answers["/feed"] = (status, {"Location": secret}, b"")
    with pytest.raises(FetchRefused, match=r"127\.0\.0\.2: loopback"):
        ask(site.url("/feed"), poll_settings)
    assert canary.asked == []


def test_a_page_that_redirects_to_a_private_address_is_refused(
    site: "Site", canary: "Site", poll_settings: PollSettings
) -> None:
    site.answers["/a"] = (302, {"Location": f"http://localhost.:{canary.port}/secret"}, b"")

    async def run() -> None:
        async def resolve(host: str, port: int) -> list[str]:
            return [host] if host == "127.0.0.1" else ["10.0.0.1"]

        async with open_client(poll_settings, resolve=resolve) as client:
            await fetch_page("f", site.url("/a"), client=client, limits=LIMITS)

    with pytest.raises(FetchRefused, match="private"):
        asyncio.run(run())
    assert canary.asked == []


def test_a_meta_refresh_is_not_followed(site: "Site", canary: "Site", poll_settings: PollSettings) -> None:
    body = f'<meta http-equiv="refresh" content="0;url={canary.url("/secret")}">'.encode()
    site.answers["/feed"] = (200, {"Content-Type": "text/html"}, body)
    ask(site.url("/feed"), poll_settings)
    assert canary.asked == []


def test_a_proxy_in_the_environment_is_not_used(
    site: "Site", canary: "Site", poll_settings: PollSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, canary.url(""))
    monkeypatch.setenv("NO_PROXY", "")
    site.answers["/feed"] = RSS
    ask(site.url("/feed"), poll_settings)
    assert (site.hits("/feed"), canary.asked) == (1, [])


def test_a_name_that_does_not_resolve_is_a_failure_worth_another_try() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        raise OSError("Name or service not known")

    with pytest.raises(FetchFailed, match="does not resolve"):
        ask("https://news.example/feed", resolve=resolve)


def test_slow_names_do_not_hold_up_the_others(site: "Site", poll_settings: PollSettings) -> None:
    site.answers["/feed"] = RSS

    async def resolve(host: str, port: int) -> list[str]:
        if host.startswith("slow"):
            await asyncio.sleep(10)
        return ["127.0.0.1"]

    async def run() -> float:
        loop = asyncio.get_running_loop()
        async with open_client(poll_settings, resolve=resolve) as client:

            async def one(host: str) -> float:
                started = loop.time()
                feed = Feed(id="f", url=f"http://{host}:{site.port}/feed", outlet="F")
                try:
                    await fetch(feed, FeedState(feed="f"), client=client, limits=LIMITS)
                except FetchFailed:
                    assert host.startswith("slow")
                return loop.time() - started

            took = await asyncio.gather(*(one(f"slow{i}.example") for i in range(40)), one("quick.example"))
            return took[-1]

    assert asyncio.run(run()) < 0.9


def test_cookies_are_not_kept(site: "Site", poll_settings: PollSettings) -> None:
    site.answers["/feed"] = (200, {"Set-Cookie": "id=7; Path=/", "Content-Length": str(len(RSS))}, RSS)
    ask(site.url("/feed"), poll_settings, times=2)
    assert "Cookie" not in site.headers("/feed")


def test_the_client_speaks_to_no_one_by_itself(site: "Site", poll_settings: PollSettings) -> None:
    async def run() -> httpx.Response:
        async with open_client(poll_settings) as client:
            return await client.get(site.url("/x"))

    site.answers["/x"] = (302, {"Location": "/y"}, b"")
    assert asyncio.run(run()).status_code == 302
    assert [path for path, _ in site.asked] == ["/x"]
