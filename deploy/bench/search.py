"""`python -m deploy.bench.search [PIECES]`: how long searches take over 100,000 pieces while indexing goes on."""

import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil

from consumers.archive import Client, ensure, open_archive, put, refresh
from consumers.search import answer
from deploy.bench.index import documents
from deploy.bench.pieces import embeddings, now, pieces, sentences
from deploy.local.home import home_at
from deploy.local.supervise import start_stack
from schemas import queries
from schemas.indices import Indices
from schemas.queries import Body
from schemas.settings import ElasticsearchSettings
from schemas.taxonomy import Stance, Target, Topic

PIECES, BATCH = 100_000, 500
ASKED, WARM = 200, 20
LIVE, EVERY_S = 10, 1.0
"""Pieces indexed and refreshed meanwhile, and how often: ten times what a busy day brings."""


def main() -> None:
    """Measure and print one JSON document."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PIECES
    with tempfile.TemporaryDirectory() as folder:
        home = home_at(Path(folder) / "stack")
        home.create()
        stack = start_stack(home, parts=("elasticsearch",))
        try:
            stack.wait_ready(300)
            print_figures(ElasticsearchSettings(url=stack.endpoints.elasticsearch or "", timeout_s=300), count)
        finally:
            stack.stop()


def print_figures(settings: ElasticsearchSettings, count: int) -> None:
    """Measure on a node that runs."""
    with closing(open_archive(settings, Indices("bench-"))) as es:
        ensure(es)
        began = time.perf_counter()
        fill(es, count)
        filled_s = time.perf_counter() - began
        done = Event()
        writer = Thread(target=go_on, args=(es, done))
        writer.start()
        try:
            figures = {
                "machine": {"cpus": psutil.cpu_count(), "load": round(psutil.getloadavg()[0], 1)},
                "pieces": int(es.es.count(index=es.indices.news)["count"]),
                "filled_in_s": round(filled_s),
                "indexed_meanwhile_a_second": LIVE / EVERY_S,
                "text_and_filters_ms": quantiles(es, text_body()),
                "nearest_ms": quantiles(es, near_body(filtered=False)),
                "nearest_with_filters_ms": quantiles(es, near_body(filtered=True)),
            }
        finally:
            done.set()
            writer.join()
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


def fill(es: Client, count: int) -> None:
    """Index so many pieces, with one refresh at the end, as a backfill might."""
    for number in range(0, count, BATCH):
        put(es, documents(es, list(pieces(min(BATCH, count - number), seed=number, now=now()))))
        if number % 5_000 == 0:
            sys.stderr.write(f"{number} of {count} indexed\n")
    refresh(es, es.indices.news)


def go_on(es: Client, done: Event) -> None:
    """Index a few pieces again and again, each time made visible at once."""
    seed = 10**9
    while not done.wait(EVERY_S):
        put(es, documents(es, list(pieces(LIVE, seed=seed, now=now()))))
        refresh(es, es.indices.news)
        seed += 1


def quantiles(es: Client, body: Callable[[], Body]) -> dict[str, float]:
    """Milliseconds that a search takes, the answer read: the median, and what 95 and 99 of 100 stay within."""
    taken = []
    for number in range(WARM + ASKED):
        asked = body()
        began = time.perf_counter()
        answer(es, asked)
        if number >= WARM:
            taken.append((time.perf_counter() - began) * 1000)
    cuts = statistics.quantiles(taken, n=100)
    return {"p50": round(cuts[49], 1), "p95": round(cuts[94], 1), "p99": round(cuts[98], 1)}


def text_body() -> Callable[[], Body]:
    """Searches by two words, a stance and a span of dates, with marks, facets and copies, as `vigia search` asks."""
    rng, said = random.Random(1), sentences()  # noqa: S311, no secret

    def one() -> Body:
        words = rng.sample(rng.choice(said[rng.choice(("en", "es"))]).strip(".").split(), 2)
        return queries.search(" ".join(words), **filters(rng))

    return one


def near_body(*, filtered: bool) -> Callable[[], Body]:
    """Searches by nearness."""
    rng, directions = random.Random(2), iter(embeddings(WARM + ASKED, 7))  # noqa: S311, no secret

    def one() -> Body:
        near = [float(x) for x in next(directions)]
        return queries.search(near=near, sort="score", **(filters(rng) if filtered else {}))

    return one


def filters(rng: random.Random) -> dict[str, Any]:
    """A side on a target, a topic, and the last months."""
    return {
        "stances": {rng.choice(list(Target)): rng.choice(list(Stance))},
        "topics": rng.sample(list(Topic), 3),
        "since": now() - timedelta(days=rng.choice((30, 90, 360))),
    }


if __name__ == "__main__":
    main()
