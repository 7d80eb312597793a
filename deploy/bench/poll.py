"""`python -m deploy.bench.poll`: what a poll of 2,000 sources costs, beside the barest loop that could do it.

Vigía and, in a process of its own, httpx with feedparser and conditional GET poll the sources four times: a first time,
with news in a fifth of them, with news in none, and again with news but without the slow hosts. What a feed with news
costs is what the second poll takes over the third. The sources, Kafka and all of them share this machine.
"""

import asyncio
import io
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil

from deploy.bench.sources import HOSTS, NEWS, SOURCES, Kind, feed, sources
from deploy.local.home import home_at
from deploy.local.supervise import start_stack
from schemas.settings import KafkaSettings, PollSettings, Settings

if TYPE_CHECKING:
    # what Vigía brings along is no burden of the bare loop
    from flows.report import Polled

CONCURRENCY = 32
SAMPLE_S = 0.05
FAMILY_S = 1.0
"""How often memory is looked at, and who has it."""

WELL = (Kind.CHANGED, Kind.UNCHANGED)
"""The kinds whose delay is that of a host that does well."""


def main() -> None:
    """Measure and print one JSON document."""
    with tempfile.TemporaryDirectory() as folder, serving() as port:
        home = home_at(Path(folder) / "stack")
        home.create()
        stack = start_stack(home, parts=("kafka",))
        try:
            stack.wait_ready(120)
            given = {"port": port, "kafka": stack.endpoints.kafka}
            vigia = child("vigia", given | {"home": f"{folder}/a"})
            bare = child("bare", given)
        finally:
            stack.stop()
    parse_s = bare_parse_s()
    news, still, calm = (vigia[name] for name in ("news", "still", "calm"))
    bare_news, bare_still = bare["news"], bare["still"]
    own_s = (news["cpu_s"] - still["cpu_s"]) / news["changed"]
    bare_s = (bare_news["cpu_s"] - bare_still["cpu_s"]) / bare_news["changed"]
    figures = {
        "machine": {"cpus": psutil.cpu_count(), "load": round(psutil.getloadavg()[0], 1)},
        "sources": SOURCES,
        "hosts": HOSTS,
        "vigia": vigia,
        "bare": bare,
        "sources_a_second": round((SOURCES - news["slow"]) / news["fast_done_s"], 1),
        "ratio_to_bare": round(bare_news["fast_done_s"] / news["fast_done_s"], 2),
        "ratio_to_bare_slow_ones_included": round(bare_news["all_done_s"] / news["all_done_s"], 2),
        "cpu_s": {
            "feedparser_a_feed": round(parse_s, 4),
            "a_changed_feed": round(own_s, 4),
            "a_changed_feed_in_readers": round((news["readers_cpu_s"] - still["readers_cpu_s"]) / news["changed"], 4),
            "a_changed_feed_bare": round(bare_s, 4),
            "an_unchanged_source": round(still["cpu_s"] / SOURCES, 4),
            "an_unchanged_source_bare": round(bare_still["cpu_s"] / SOURCES, 4),
        },
        "cpu_of_a_changed_feed_to_feedparser": round(own_s / parse_s, 2),
        "cpu_of_the_whole_poll_to_feedparser_of_its_changed_feeds": round(news["cpu_s"] / news["changed"] / parse_s, 2),
        "cpu_of_the_whole_poll_to_bare": round(news["cpu_s"] / bare_news["cpu_s"], 2),
        "p95_delay_s": {"with_slow": news["p95_s"], "without": calm["p95_s"]},
        "peak_mb": max(one["peak_mb"] for one in vigia.values()),
        "bytes_saved": news["bytes_saved"],
    }
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


@contextmanager
def serving() -> Iterator[int]:
    """The sources, in a process of their own; its port."""
    command = [sys.executable, "-m", "deploy.bench.sources"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603, our own command line
        try:
            assert process.stdout is not None  # noqa: S101, it is a pipe
            yield int(process.stdout.readline())
        finally:
            process.kill()


def child(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """What a measured process says."""
    command = [sys.executable, "-m", "deploy.bench.poll", name, json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def bare_parse_s() -> float:
    """CPU seconds that feedparser alone takes for the feed of a changed source."""
    import feedparser

    bodies = [feed(bench.number, NEWS) for bench in sources() if bench.kind is Kind.CHANGED][:100]
    before = time.process_time()
    for body in bodies:
        feedparser.parse(io.BytesIO(body))
    return (time.process_time() - before) / len(bodies)


async def vigia(given: dict[str, Any]) -> dict[str, Any]:
    """The polls by Vigía."""
    from flows.polling import Poller

    home = Path(given["home"])
    rows = [
        f'[[feeds]]\nid = "s{bench.number}"\nurl = "http://{bench.host}:{given["port"]}{bench.path}"\n'
        f'outlet = "S"\nfetch_pages = false\nlanguage = "en"\n'
        for bench in sources()
    ]
    await asyncio.to_thread(written, home / "feeds.toml", "\n".join(rows))
    settings = Settings(
        home=home,
        kafka=KafkaSettings(servers=(given["kafka"],)),
        poll=PollSettings(
            feeds_file=home / "feeds.toml", allow_networks=("127.0.0.0/8",), concurrency=CONCURRENCY, total_s=30
        ),
    )
    quick = [f"s{bench.number}" for bench in sources() if bench.kind is not Kind.SLOW]
    found = {}
    async with Poller(settings) as poller:
        await begin(given["port"], 1)
        await poller.start(force=True)
        await poller.finish()
        for number, name, only in ((2, "news", None), (3, "still", None), (4, "calm", quick)):
            await begin(given["port"], number)
            with measured() as figures:
                await poller.start(force=True, only=only)
                polled = await poller.finish()
            found[name] = figures | _counted(polled)
    return found


def _counted(polled: "list[Polled]") -> dict[str, Any]:
    from flows.report import Result

    kinds = {f"s{bench.number}": bench.kind for bench in sources()}
    took = sorted(one.waited + one.seconds for one in polled if kinds[one.feed] in WELL)
    return {
        "polled": len(polled),
        "slow": sum(kinds[one.feed] is Kind.SLOW for one in polled),
        "changed": sum(one.new > 0 for one in polled),
        "new": sum(one.new for one in polled),
        "unchanged": sum(one.result is Result.UNCHANGED for one in polled),
        "failed": sum(one.result is Result.FAILED for one in polled),
        "bytes": sum(one.bytes for one in polled),
        "bytes_saved": sum(one.saved for one in polled),
        "p50_s": round(took[len(took) // 2], 2),
        "p95_s": round(took[int(len(took) * 0.95)], 2),
        "fast_done_s": round(max(one.waited + one.seconds for one in polled if kinds[one.feed] is not Kind.SLOW), 2),
    }


def written(path: Path, text: str) -> None:
    """Write the file, and its folder."""
    path.parent.mkdir()
    path.write_text(text)


async def bare(given: dict[str, Any]) -> dict[str, Any]:
    """The first three by httpx and feedparser, in one process, keeping nothing but the validators."""
    import feedparser

    tags: dict[int, str] = {}
    done: dict[int, float] = {}
    found: dict[str, Any] = {}
    changed = 0
    places = asyncio.Semaphore(CONCURRENCY)

    async def one(client: httpx.AsyncClient, number: int, url: str, started: float) -> None:
        nonlocal changed
        async with places:
            headers = {"If-None-Match": tags[number]} if number in tags else {}
            try:
                answer = await client.get(url, headers=headers)
                if answer.status_code == 200:
                    feedparser.parse(io.BytesIO(answer.content))
                    tags[number] = answer.headers["etag"]
                    changed += 1
            except httpx.HTTPError:
                pass
        done[number] = time.monotonic() - started

    async with httpx.AsyncClient(
        timeout=30, http2=True, limits=httpx.Limits(max_connections=2 * CONCURRENCY), trust_env=False
    ) as client:
        for number, name in ((1, "first"), (2, "news"), (3, "still")):
            await begin(given["port"], number)
            changed, started = 0, time.monotonic()
            with measured() as figures:
                await asyncio.gather(
                    *(one(client, b.number, f"http://{b.host}:{given['port']}{b.path}", started) for b in sources())
                )
            took = sorted(done[b.number] for b in sources() if b.kind in WELL)
            found[name] = figures | {
                "changed": changed,
                "p95_s": round(took[int(len(took) * 0.95)], 2),
                "fast_done_s": round(max(done[b.number] for b in sources() if b.kind is not Kind.SLOW), 2),
            }
    return found


async def begin(port: int, number: int) -> None:
    """Let the sources begin a round."""
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.get(f"http://127.77.0.1:{port}/-/round/{number}")


@contextmanager
def measured() -> Iterator[dict[str, Any]]:
    """Wall and CPU seconds of what happens inside, and the most memory that this process and its children held.

    What looking at the memory costs itself is left out.
    """
    figures: dict[str, Any] = {}
    over, peaks, own = threading.Event(), [0], [0.0]

    def watch() -> None:
        processes, looked_at = family(), time.monotonic()
        while not over.wait(SAMPLE_S):
            if time.monotonic() - looked_at > FAMILY_S:
                processes, looked_at = family(), time.monotonic()
            peaks.append(sum(used(process) for process in processes))
        own[0] = time.thread_time()

    before, readers_before, started = cpu_s(), children_s(), time.monotonic()
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield figures
    finally:
        took, spent, readers = time.monotonic() - started, cpu_s() - before, children_s() - readers_before
        over.set()
        watcher.join()
        figures |= {
            "all_done_s": round(took, 2),
            "cpu_s": round(spent - own[0], 2),
            "readers_cpu_s": round(readers, 2),
            "peak_mb": max(peaks) // 10**6,
        }


def family() -> list[psutil.Process]:
    """This process and its children."""
    own = psutil.Process()
    return [own, *own.children(recursive=True)]


def used(process: psutil.Process) -> int:
    """Its resident memory, in bytes."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def cpu_s() -> float:
    """CPU seconds of this process and its children, ended ones included."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime + children_s()


def children_s() -> float:
    """CPU seconds of this process's children, ended ones included."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = ended.ru_utime + ended.ru_stime
    for process in family()[1:]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work = {"vigia": vigia, "bare": bare}[sys.argv[1]]
        found = asyncio.run(work(json.loads(sys.argv[2])))
        sys.stdout.write("\n" + json.dumps(found) + "\n")
    else:
        main()
