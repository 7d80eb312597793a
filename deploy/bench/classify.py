"""How fast the classifier reads on two cores: `python -m deploy.bench.classify`.

Ways are measured in turn, round after round (A/B/A/B), in one process; medians and the range of the rounds are told.
On a machine with other work the CPU seconds say more than the clock.

- `shipped`: texts in, probabilities out, as the worker does it; `bare`: the same file on the same token ids, batches of
  equal length made beforehand; `nli_same_runtime`: 27 hypotheses a passage through the same file.
- articles per second with the gate, when 10 % and when 50 % of the pieces are on the beat, and with no gate.
- with torch (extra `train`): zero-shot NLI, the same heads padded at random and one at a time; else named as not run.
- a fresh process: seconds until the first passage is read (`ready_s`), and its peak memory.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import psutil

from consumers.classifier import model as shipped
from consumers.classifier.batches import by_tokens, padded, width
from consumers.classifier.hypotheses import hypotheses
from consumers.classifier.model import Model
from consumers.classifier.reading import classify_articles, slices
from schemas.article import Article
from schemas.identity import article_id, content_hash
from schemas.settings import ClassifySettings

DATA = Path(shipped.__file__).parent / "training/data"
THREADS = 2


@dataclass(frozen=True)
class Way:
    """One way to read: what a round of it does, and how much that reads."""

    name: str
    run: Callable[[], object]
    passages: int
    tokens: int
    articles: int = 0


def main() -> None:
    """Measure and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pieces", type=int, default=40, help="whole pieces in a round of each way")
    parser.add_argument("--nli", type=int, default=8, help="passages in a round of the ways with 27 hypotheses")
    parser.add_argument("--processes", type=int, default=3, help="fresh processes")
    parser.add_argument("--fresh", action="store_true", help="what the fresh process is started with")
    given = parser.parse_args()
    if given.fresh:
        fresh()
        return
    model = shipped.load(settings())
    on, off = pieces()
    found = [*plain(model, on[: given.pieces], given.nli), *gated(model, on, off, given.pieces)]
    not_run = ["onnxruntime static and dynamic int8"]
    if find_spec("torch") is None:
        not_run += ["zero-shot NLI, torch fp32", "same heads, torch fp32: random batches of 16, one at a time"]
    else:
        from deploy.bench.classify_torch import ways

        found += ways(model, [s.text for a in on[: given.pieces] for s in slices(a.title, a.text)], given.nli)
    load_before = psutil.getloadavg()[0]
    timed, cpu = rounds(found, given.rounds)
    figures = {name: told(way, timed[name]) for name, way in ((way.name, way) for way in found)}
    alike = [way.name for way in found if way.passages]
    print_out(
        {
            "model": model.ref.id,
            "threads": THREADS,
            "rounds": given.rounds,
            "load": {"before": round(load_before, 1), "after": round(psutil.getloadavg()[0], 1)},
            "ways": figures,
            "shipped_to": {name: ratio(timed, found, "shipped", name) for name in alike},
            "shipped_to_by_cpu": {name: ratio(cpu, found, "shipped", name) for name in alike},
            "cpu_s": {name: round(statistics.median(cpu[name]), 2) for name in cpu},
            "not_run": not_run,
            "fresh": [fresh_process() for _ in range(given.processes)],
        }
    )


def settings() -> ClassifySettings:
    """The shipped model on two cores, asked of no targets of the user's."""
    return ClassifySettings(threads=THREADS, targets_file=Path("no targets"))


def pieces() -> tuple[list[Article], list[Article]]:
    """The labelled pieces that are on the beat, and those that are off it."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((DATA / "pieces").glob("*.jsonl"))]
    rows = [json.loads(line) for text in texts for line in text.splitlines()]
    return [article(row) for row in rows if row["relevant"]], [article(row) for row in rows if not row["relevant"]]


def article(row: dict[str, Any]) -> Article:
    """A labelled piece as it would come from a feed."""
    url = f"https://bench.example/{row['id']}"
    return Article(
        article_id=article_id(url),
        url=url,
        link=url,
        feed="bench",
        outlet="bench",
        title=row["title"],
        text=row["text"],
        language=row["lang"],
        published_at=datetime(2026, 1, 1, tzinfo=UTC),
        observed_at_ms=1,
        content_hash=content_hash(row["title"], row["text"]),
    )


def plain(model: Model, articles: Sequence[Article], nli_passages: int) -> list[Way]:
    """Ours, and the bare runtime on the same tokens in ready-made batches; and as zero-shot NLI would use it."""
    texts = [one.text for a in articles for one in slices(a.title, a.text)]
    rows, _ = model.tokens(texts)
    tokens = sum(map(len, rows))
    ready = [padded([rows[i] for i in batch]) for batch in by_tokens([width(len(row)) for row in rows], 4096)]
    asked, _ = model.tokens(list(hypotheses()))
    pairs = [(row + one[1:])[: model.manifest.max_tokens] for row in rows[:nli_passages] for one in asked]
    nli = [padded([pairs[i] for i in batch]) for batch in by_tokens([width(len(pair)) for pair in pairs], 4096)]
    return [
        Way("shipped", lambda: model.score(texts), len(texts), tokens),
        Way("bare", lambda: [model.forward(*one) for one in ready], len(texts), tokens),
        Way("nli_same_runtime", lambda: [model.forward(*one) for one in nli], nli_passages, sum(map(len, pairs))),
    ]


def gated(model: Model, on: Sequence[Article], off: Sequence[Article], count: int) -> list[Way]:
    """Whole articles at two shares of relevant ones, with the gate and without it."""
    open_gate = model.manifest.threshold.model_copy(update={"gate": 0.0})
    ungated = model.with_manifest(model.manifest.model_copy(update={"threshold": open_gate}))
    found = []
    for share in (10, 50):
        some = round(count * share / 100)
        mixed = [*islice(cycle(on), some), *islice(cycle(off), count - some)]
        found.append(Way(f"articles_{share}_percent", partial(read, model, mixed), 0, 0, count))
        found.append(Way(f"articles_{share}_percent_no_gate", partial(read, ungated, mixed), 0, 0, count))
    return found


def read(model: Model, articles: Sequence[Article]) -> object:
    """Classify the articles."""
    return classify_articles(articles, model=model, now_ms=1)


def rounds(ways: Sequence[Way], count: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Seconds, and CPU seconds, of each way in each round; a first round warms up and is not counted."""
    timed: dict[str, list[float]] = {way.name: [] for way in ways}
    cpu: dict[str, list[float]] = {way.name: [] for way in ways}
    for number in range(count + 1):
        for way in ways:
            started, cpu_before = time.perf_counter(), time.process_time()
            way.run()
            if number:
                timed[way.name].append(time.perf_counter() - started)
                cpu[way.name].append(time.process_time() - cpu_before)
    return timed, cpu


def told(way: Way, seconds: Sequence[float]) -> dict[str, Any]:
    """The median rates, and the slowest and fastest round's as shares of it."""
    middle = statistics.median(seconds)
    return {
        "tokens_s": round(way.tokens / middle),
        "passages_s": round(way.passages / middle, 2),
        "articles_s": round(way.articles / middle, 2),
        "spread": [round(middle / max(seconds), 2), round(middle / min(seconds), 2)],
    }


def ratio(timed: dict[str, list[float]], ways: Sequence[Way], one: str, other: str) -> float:
    """How many times the passages of `other` are read by `one` in the same time: the median of the rounds' ratios."""
    size = {way.name: way.passages for way in ways}
    pairs = zip(timed[one], timed[other], strict=True)
    return round(statistics.median((size[one] / a) / (size[other] / b) for a, b in pairs), 2)


def fresh_process() -> dict[str, float]:
    """Seconds from a new process's start until a first passage is read, its CPU seconds, and its peak memory."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "deploy.bench.classify", "--fresh"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603, our own command line
        assert process.stdout is not None  # noqa: S101, it is a pipe
        first = process.stdout.readline()
        ready = time.perf_counter() - started
        peak = float(process.stdout.readline())
    return {"ready_s": round(ready, 2), "ready_cpu_s": float(first), "peak_mb": peak}


def fresh() -> None:
    """Be ready, say so, classify all pieces, say how much memory that took."""
    model = shipped.load(settings())
    model.score(["A first passage."])
    print_line(f"{time.process_time():.2f}")
    on, off = pieces()
    read(model, [*on, *off])
    print_line(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000))


def print_line(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def print_out(figures: dict[str, Any]) -> None:
    """The figures as JSON."""
    print_line(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
