"""The processes in which hostile bytes are read: kept from job to job, killed when they take too long."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from flows.feeds.entry import Entry, Parsed
from flows.feeds.fetch import Page
from flows.feeds.readers import Readers
from schemas.article import Article
from schemas.errors import FeedUnreadable
from schemas.feed import Feed

BASE = "https://news.example/feed"
RSS = b"<rss version='2.0'><channel><title>t</title><item><title>One</title><link>/a</link></item></channel></rss>"
FEED = Feed(id="f", url=BASE, outlet="F", language="en")
UNCLOSED = (
    b"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><item><category>c</"
    + b"'1.0' encoding='utm/category></item></ch" * 2000
)
"""Minutes of CPU for feedparser's loose parser, which looks for the end of each tag to the end of the body."""

T = TypeVar("T")


@pytest.fixture(autouse=True)
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers of other tests in this process, which are not ours to count."""
    monkeypatch.setattr(sys.modules[__name__], "OTHERS", {child.pid for child in children()})


OTHERS: set[int] = set()


def using(act: Callable[[Readers], Awaitable[T]], *, size: int = 1, job_s: float = 60, cpu_s: float = 2) -> T:
    async def run() -> T:
        async with Readers(size=size, job_s=job_s, cpu_s=cpu_s) as readers:
            return await act(readers)

    return asyncio.run(run())


def children() -> list[psutil.Process]:
    return [
        p for p in psutil.Process().children() if p.pid not in OTHERS and "flows.feeds.reader" in " ".join(p.cmdline())
    ]


def test_one_process_reads_many_bodies_and_is_ended_with_the_pool() -> None:
    async def act(readers: Readers) -> list[set[int]]:
        pids = []
        for _ in range(3):
            parsed = await readers.feed("f", RSS, None, base=BASE)
            assert [entry.title for entry in parsed.entries] == ["One"]
            pids.append({child.pid for child in children()})
        return pids

    first, *others = using(act)
    assert len(first) == 1
    assert all(pids == first for pids in others)
    assert children() == []


def test_a_body_uses_no_more_than_its_cpu_time_and_costs_no_reader(reader_cpu_s: Callable[[], float]) -> None:
    async def act(readers: Readers) -> None:
        await readers.feed("f", RSS, None, base=BASE)
        before, pids = reader_cpu_s(), {child.pid for child in children()}
        with pytest.raises(FeedUnreadable, match=r"took over 2 s of CPU to read") as caught:
            await readers.feed("f", UNCLOSED, None, base=BASE)
        assert 1.5 < reader_cpu_s() - before < 2.1
        assert caught.value.excerpt == UNCLOSED[:65536]
        assert len((await readers.feed("f", RSS, None, base=BASE)).entries) == 1
        assert {child.pid for child in children()} == pids

    using(act)


def test_a_body_that_takes_too_long_is_given_up_and_the_next_is_read() -> None:
    async def act(readers: Readers) -> Parsed:
        with pytest.raises(FeedUnreadable, match=r"took over 1.5 s to read"):
            await readers.feed("f", UNCLOSED, None, base=BASE)
        return await readers.feed("f", RSS, None, base=BASE)

    assert len(using(act, job_s=1.5, cpu_s=30).entries) == 1


def test_a_slow_body_does_not_hold_up_another_feed() -> None:
    async def act(readers: Readers) -> None:
        task = asyncio.create_task(readers.feed("slow", UNCLOSED, None, base=BASE))
        await asyncio.sleep(0.1)
        assert len((await readers.feed("f", RSS, None, base=BASE)).entries) == 1
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    using(act, size=2, cpu_s=30)


def test_a_reader_that_dies_costs_one_body() -> None:
    async def act(readers: Readers) -> Parsed:
        await readers.feed("f", RSS, None, base=BASE)
        task = asyncio.create_task(readers.feed("f", UNCLOSED, None, base=BASE))
        await asyncio.sleep(0.3)
        for child in children():
            child.kill()
        with pytest.raises(FeedUnreadable, match="brought its reader down"):
            await task
        return await readers.feed("f", RSS, None, base=BASE)

    assert len(using(act).entries) == 1


def test_an_abandoned_job_does_not_answer_the_next() -> None:
    async def act(readers: Readers) -> Parsed:
        await readers.feed("f", RSS, None, base=BASE)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await readers.feed("f", UNCLOSED, None, base=BASE)
        return await readers.feed("f", RSS, None, base=BASE)

    assert [entry.title for entry in using(act).entries] == ["One"]


def test_a_reader_sees_no_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIA_KAFKA__PASSWORD", "canary")

    async def act(readers: Readers) -> dict[str, str]:
        await readers.feed("f", RSS, None, base=BASE)
        (child,) = children()
        return child.environ()

    assert "canary" not in str(using(act))


def test_a_reader_does_not_outlive_its_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, os, signal\n"
        "from flows.feeds.readers import Readers\n"
        "async def main():\n"
        "    readers = Readers(size=1)\n"
        f"    await readers.feed('f', {RSS!r}, None, base={BASE!r})\n"
        "    print(next(iter(readers._pool._alive)).pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )

    async def run() -> int:
        process = await asyncio.create_subprocess_exec(sys.executable, str(script), stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        return int(out)

    pid = asyncio.run(run())
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_entry_and_its_page_become_an_article_there() -> None:
    entry = Entry(link="https://news.example/a", title="Deal reached", published=datetime(2026, 11, 24, tzinfo=UTC))
    body = "<article><p>" + "The two governments signed a migration agreement on Monday. " * 8 + "</p></article>"
    page = Page("https://news.example/a", body.encode(), "text/html", len(body))
    at = int(datetime(2026, 11, 24, 6, tzinfo=UTC).timestamp() * 1000)

    async def act(readers: Readers) -> tuple[Article | str, Article | str]:
        made = await readers.article(FEED, entry, page, language="en", observed_at_ms=at)
        nowhere = entry.model_copy(update={"link": "javascript:alert(1)"})
        return made, await readers.article(FEED, nowhere, None, language="en", observed_at_ms=at)

    made, skipped = using(act)
    assert isinstance(made, Article)
    assert made.text.startswith("The two governments")
    assert isinstance(skipped, str)
    assert "not an http(s) URL" in skipped


def test_entries_read_in_one_moment_get_each_their_own_answer() -> None:
    links = [f"https://news.example/{number}" if number % 7 else "" for number in range(60)]
    entries = [Entry(link=link, title=f"Deal\n{number}") for number, link in enumerate(links)]
    entries[5] = entries[5].model_copy(update={"image": "x" * 5000})

    async def act(readers: Readers) -> list[Article | str | BaseException]:
        asked = (readers.article(FEED, entry, None, language="en", observed_at_ms=0) for entry in entries)
        return await asyncio.gather(*asked, return_exceptions=True)

    for number, (link, made) in enumerate(zip(links, using(act), strict=True)):
        if number == 5:
            assert isinstance(made, FeedUnreadable)
            assert "4096" in made.reason
        else:
            assert made == "has no link" if not link else isinstance(made, Article) and made.url == link
