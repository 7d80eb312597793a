"""The bench's sources are as it says."""

import asyncio
import subprocess
import sys
from collections import Counter
from contextlib import suppress

import httpx

from deploy.bench.sources import ENTRIES, NEWS, Kind, feed, sources
from flows.feeds.parse import parse


def test_two_thousand_sources_on_two_hundred_hosts_are_slow_failing_changed_and_unchanged_in_their_shares() -> None:
    found = list(sources())
    assert (len(found), len({bench.host for bench in found})) == (2000, 200)
    assert Counter(bench.kind for bench in found) == {
        Kind.UNCHANGED: 1400,
        Kind.CHANGED: 400,
        Kind.SLOW: 100,
        Kind.FAILING: 100,
    }


def test_a_feed_with_news_shows_so_many_entries_that_were_not_there() -> None:
    before, after = (
        [entry.link for entry in parse(feed(7, news), None, feed="f", base="http://127.0.0.1/").entries]
        for news in (0, NEWS)
    )
    assert len(before) == len(after) == ENTRIES
    assert len(set(after) - set(before)) == NEWS
    assert after[NEWS:] == before[:-NEWS]


def test_the_server_says_304_to_what_it_gave_and_fails_in_the_second_round() -> None:
    async def statuses(port: int) -> list[int]:
        changed, failing = (next(b for b in sources() if b.kind is kind) for kind in (Kind.CHANGED, Kind.FAILING))
        async with httpx.AsyncClient(trust_env=False) as client:

            async def ask(path: str, host: str, **headers: str) -> httpx.Response:
                return await client.get(f"http://{host}:{port}{path}", headers=headers)

            first = await ask(changed.path, changed.host)
            tag = {"If-None-Match": first.headers["etag"]}
            found = [first, await ask(changed.path, changed.host, **tag), await ask(failing.path, failing.host)]
            await ask("/-/round/2", changed.host)
            found += [await ask(changed.path, changed.host, **tag), await ask(failing.path, failing.host)]
        return [answer.status_code for answer in found]

    command = [sys.executable, "-m", "deploy.bench.sources"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, suppress(BrokenPipeError):
        assert process.stdout is not None
        try:
            assert asyncio.run(statuses(int(process.stdout.readline()))) == [200, 304, 200, 200, 500]
        finally:
            process.kill()
