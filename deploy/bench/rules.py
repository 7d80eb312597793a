"""What a rule costs an article: python -m deploy.bench.rules.

Puts 200 pieces into an Elasticsearch node of its own and runs 10, 100, 1,000 and 5,000 rules of 8 conditions over them:
all of them sent to Elasticsearch, and only those that the pieces' labels allow. Prints microseconds a rule and article.
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from consumers.alert import meetings
from consumers.archive import Client, ensure, open_archive, put, refresh, search
from consumers.documents import Document
from consumers.rules.preselect import select
from deploy.cli import console
from deploy.local.home import home_at
from deploy.local.supervise import start_stack
from schemas.identity import article_id
from schemas.indices import Indices
from schemas.rule import Match, Rule
from schemas.rule_queries import chunks, rules_over
from schemas.settings import ElasticsearchSettings
from schemas.taxonomy import Stance, Target, Topic

ARTICLES, REPEATS = 200, 3
SIZES = (10, 100, 1000, 5000)
OUTLETS = [f"Outlet {n}" for n in range(100)]
ENTITIES = [f"entity-{n}" for n in range(400)]
COUNTRIES, LANGUAGES = ["SV", "US", "MX", "GT"], ["en", "es"]
TARGET_SENT, TARGET_SELECTED = 10.0, 1.0
"""Microseconds a rule and article that are aimed at."""


def main(
    url: Annotated[str | None, typer.Option(help="An Elasticsearch to use instead of a node of its own.")] = None,
) -> None:
    """Print the cost of a rule per article."""
    with _node(url) as address, closing(open_archive(ElasticsearchSettings(url=address, timeout_s=300), INDICES)) as es:
        ensure(es)
        now = datetime.now(UTC)
        chance = random.Random(1)  # noqa: S311 - the same pieces each time
        ids = _index(es, chance, now)
        try:
            for size in SIZES:
                _print(size, *measure(es, ids, rules(chance, size), now))
        finally:
            es.es.indices.delete(index=",".join(es.es.indices.get(index=f"{INDICES.prefix}*")))


INDICES = Indices("bench-rules-")


@contextmanager
def _node(url: str | None) -> Iterator[str]:
    if url is not None:
        yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        home = home_at(Path(folder) / "stack")
        home.create()
        running = start_stack(home, parts=("elasticsearch",))
        try:
            running.wait_ready(300)
            yield running.endpoints.elasticsearch or ""
        finally:
            running.stop()


def rules(chance: random.Random, size: int) -> tuple[Rule, ...]:
    """Rules of eight conditions: relevance, topics, a side and its confidence, outlets, country, language, entities."""
    return tuple(
        Match(
            id=f"rule-{n}",
            name=f"Rule {n}",
            topics=tuple(chance.sample(list(Topic), 2)),
            stances={chance.choice(list(Target)): (chance.choice(list(Stance)),)},
            outlets=tuple(chance.sample(OUTLETS, 5)),
            countries=(chance.choice(COUNTRIES),),
            languages=(chance.choice(LANGUAGES),),
            entities=tuple(chance.sample(ENTITIES, 3)),
        )
        for n in range(size)
    )


def _index(es: Client, chance: random.Random, now: datetime) -> list[str]:
    docs = []
    for n in range(ARTICLES):
        key = article_id(f"https://bench.example/{n}")
        targets = chance.sample(list(Target), 2)
        source = {
            "article_id": key,
            "story_id": key,
            "url": f"https://bench.example/{n}",
            "feed": "bench",
            "outlet": chance.choice(OUTLETS),
            "country": chance.choice(COUNTRIES),
            "language": chance.choice(LANGUAGES),
            "title": f"Piece {n}",
            "text": "A text of some words.",
            "published_at": now.isoformat(),
            "observed_at": now.isoformat(),
            "date_guessed": False,
            "lane": "fresh",
            "relevance": 0.9,
            "topics": [str(topic) for topic in chance.sample(list(Topic), 2)],
            "stance": {str(target): str(chance.choice(list(Stance))) for target in targets},
            "stance_confidence": {str(target): 0.9 for target in targets},
            "entities": [{"id": e, "kind": "other", "name": e} for e in chance.sample(ENTITIES, 4)],
            "revisions": [{"observed_at": now.isoformat(), "content_hash": "0"}],
        }
        docs.append(Document(es.indices.month(now), key, 1, source))
    put(es, docs)
    refresh(es, es.indices.news)
    return [doc.id for doc in docs]


def measure(es: Client, ids: Sequence[str], every: Sequence[Rule], now: datetime) -> tuple[float, float, float]:
    """Seconds to send every rule, to send those that labels allow, and to file the rules (once for each change)."""

    def send_all() -> None:
        for lot in chunks(every):
            search(es, rules_over(ids, lot, now))

    started = time.perf_counter()
    filed = select(every)
    filing = time.perf_counter() - started
    return _best(send_all), _best(lambda: meetings(set(ids), filed, es=es, now=now)), filing


def _best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def _print(size: int, sent: float, selected: float, filing: float) -> None:
    each = 1e6 / (size * ARTICLES)
    console.console.print(
        f"{size:>5} rules: {sent * each:8.3f} µs a rule and article sent ({sent * each / TARGET_SENT:.2f} of the aim), "
        f"{selected * each:7.3f} µs with pre-selection ({selected * each / TARGET_SELECTED:.2f} of the aim), "
        f"{sent / selected:.0f} times less; filed in {filing * 1000:.0f} ms",
        highlight=False,
        soft_wrap=True,
    )


if __name__ == "__main__":
    typer.run(main)
