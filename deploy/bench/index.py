"""`python -m deploy.bench.index`: indexing beside bare `helpers.streaming_bulk` of the same documents.

The same documents, with the same refreshes, go in turns through the index worker's `put` and through the client
library's helper, each into an index of its own; what the whole handler takes, which also finds each piece's story and
earlier readings, stands beside them.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
from elasticsearch import helpers

from consumers.archive import Client, ensure, open_archive, put, refresh
from consumers.documents import Document
from consumers.index import document, index
from deploy.bench.pieces import now, pieces
from deploy.local.home import home_at
from deploy.local.supervise import start_stack
from schemas.classification import Classification
from schemas.indices import Indices
from schemas.settings import ElasticsearchSettings

ROUNDS, BATCHES, BATCH = 5, 10, 200


def main() -> None:
    """Measure and print one JSON document."""
    with tempfile.TemporaryDirectory() as folder:
        home = home_at(Path(folder) / "stack")
        home.create()
        stack = start_stack(home, parts=("elasticsearch",))
        try:
            stack.wait_ready(300)
            print_figures(ElasticsearchSettings(url=stack.endpoints.elasticsearch or "", timeout_s=120))
        finally:
            stack.stop()


def print_figures(settings: ElasticsearchSettings) -> None:
    """Measure on a node that runs."""
    taken: dict[str, list[float]] = {"put": [], "bare": [], "handler": []}
    with (
        closing(open_archive(settings, Indices("ours-"))) as ours,
        closing(open_archive(settings, Indices("bare-"))) as bare,
        closing(open_archive(settings, Indices("whole-"))) as whole,
    ):
        for client in (ours, bare, whole):
            ensure(client)
        for number in range(ROUNDS + 1):
            made = list(pieces(BATCHES * BATCH, seed=number, now=now()))
            batches = [made[n : n + BATCH] for n in range(0, len(made), BATCH)]
            turns = {
                "put": timed(put_all, ours, batches),
                "bare": timed(bulk_all, bare, batches),
                "handler": timed(handle_all, whole, batches),
            }
            if number:  # the first warms the node up, and makes the months
                for name, seconds in turns.items():
                    taken[name].append(seconds)
    rates = {name: round(BATCHES * BATCH / statistics.median(seconds)) for name, seconds in taken.items()}
    figures = {
        "machine": {"cpus": psutil.cpu_count(), "load": round(psutil.getloadavg()[0], 1)},
        "documents": ROUNDS * BATCHES * BATCH,
        "refresh_every": BATCH,
        "documents_a_second": rates,
        "ratio_to_bare": round(statistics.median(b / p for b, p in zip(taken["bare"], taken["put"], strict=True)), 2),
        "ratio_to_bare_with_stories": round(
            statistics.median(b / p for b, p in zip(taken["bare"], taken["handler"], strict=True)), 2
        ),
    }
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


def timed(run: Any, client: Client, batches: Sequence[Sequence[Classification]]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    run(client, batches)
    return time.perf_counter() - began


def documents(client: Client, batch: Sequence[Classification]) -> list[Document]:
    """The batch as the handler makes it, each piece a story of its own."""
    return [
        Document(
            client.indices.month(c.article.published_at),
            c.article_id,
            c.version,
            document(c, c.article_id, [], now()),
        )
        for c in batch
    ]


def put_all(client: Client, batches: Sequence[Sequence[Classification]]) -> None:
    """By the worker's door."""
    for batch in batches:
        put(client, documents(client, batch))
        refresh(client, client.indices.news)


def bulk_all(client: Client, batches: Sequence[Sequence[Classification]]) -> None:
    """By the library's helper, in requests of as many."""
    for batch in batches:
        actions = [
            {
                "_index": client.indices.write(doc.index),
                "_id": doc.id,
                "version": doc.version,
                "version_type": "external",
                "_source": doc.source,
            }
            for doc in documents(client, batch)
        ]
        prepare(client, {str(doc["_index"]) for doc in actions})
        for _ in islice(helpers.streaming_bulk(client.es, actions, chunk_size=BATCH), len(actions)):
            pass
        refresh(client, client.indices.news)


def prepare(client: Client, aliases: set[str]) -> None:
    """Make the months that are missing, which `put` does by itself."""
    for alias in aliases - set(PREPARED):
        name = alias.removeprefix("write-")
        client.es.options(ignore_status=400).indices.create(index=name, aliases={alias: {}, client.indices.news: {}})
        PREPARED.append(alias)


PREPARED: list[str] = []


def handle_all(client: Client, batches: Sequence[Sequence[Classification]]) -> None:
    """By the whole handler."""
    for batch in batches:
        index(batch, es=client, now=now)
        refresh(client, client.indices.news)


if __name__ == "__main__":
    main()
