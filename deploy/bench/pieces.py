"""Pieces for benches of the index: sentences of the demonstration's, shuffled, with labels, voices and embeddings."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np

from schemas.article import Article, Source
from schemas.classification import Classification, ModelRef, Part, Passage, TargetStance, TopicScore, Voice
from schemas.identity import article_id, content_hash
from schemas.indices import EMBEDDING
from schemas.taxonomy import Stance, Target, Topic

SENTENCES = 12
"""Of a piece: about 250 words."""

SUBJECTS = 50
"""Directions that embeddings gather about, as those of real pieces do."""

DAYS = 360
MODEL = ModelRef(id="bench", generation=1, sha256="0" * 64)


@cache
def sentences() -> dict[str, list[str]]:
    """The demonstration's sentences, by language."""
    said: dict[str, list[str]] = {"en": [], "es": []}
    for file in sorted((Path(__file__).parents[1] / "demo/pieces").glob("[0-9]*.md")):
        _, head, body = file.read_text(encoding="utf-8").split("+++", 2)
        language = "es" if 'language = "es"' in head else "en"
        said[language] += [f"{one.strip()}." for one in body.replace("\n", " ").split(". ") if len(one) > 20]
    return said


def embeddings(count: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """So many directions (count, 384) of length 1, each near one of the subjects."""
    rng = np.random.default_rng(seed)
    subjects = np.random.default_rng(0).normal(size=(SUBJECTS, EMBEDDING))
    found = subjects[rng.integers(SUBJECTS, size=count)] + 0.7 * rng.normal(size=(count, EMBEDDING))
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found.astype(np.float32)


def pieces(count: int, *, seed: int, now: datetime) -> Iterator[Classification]:
    """So many pieces, the same for the same seed; none is another's copy."""
    rng, said = random.Random(seed), sentences()  # noqa: S311, no secret
    numbers = np.random.default_rng(seed)
    for number, vector in enumerate(embeddings(count, seed)):
        language = rng.choice(("en", "es"))
        chosen = rng.sample(said[language], SENTENCES)
        url = f"https://bench.example/{seed}/{number}"
        title, text = f"{chosen[0][:90]} {number}", " ".join(chosen)
        article = Article(
            article_id=article_id(url),
            url=url,
            link=url,
            feed=f"feed-{rng.randrange(150)}",
            outlet=f"Outlet {rng.randrange(150)}",
            country=rng.choice(("SV", "US", "MX", "GT", "ES")),
            source=Source(kind=rng.choice(("outlet", "agency", "government"))),
            title=title,
            summary=chosen[1],
            text=text,
            language=language,
            published_at=now - timedelta(days=rng.random() * DAYS),
            observed_at_ms=int(now.timestamp() * 1000),
            content_hash=content_hash(title, text),
            signature=tuple(int(x) for x in numbers.integers(2**32, size=64)),
        )
        passages = tuple(
            Passage(part=Part.TEXT, start=0, end=len(one), text=one, relevance=0.9) for one in chosen[: SENTENCES // 2]
        )
        targets = rng.sample(list(Target), 2)
        yield Classification(
            article=article,
            model=MODEL,
            relevance=rng.random(),
            relevant=True,
            topics=tuple(TopicScore(topic=t, score=rng.random(), evidence=(0, 1)) for t in rng.sample(list(Topic), 2)),
            stances=tuple(
                TargetStance(
                    target=target,
                    stance=rng.choice(list(Stance)),
                    score=rng.uniform(-1, 1),
                    confidence=rng.random(),
                    evidence=(2, 3),
                )
                for target in targets
            ),
            voices=tuple(
                Voice(
                    speaker=f"Speaker {rng.randrange(2000)}",
                    quote=chosen[n],
                    passage=n,
                    target=targets[0],
                    stance=rng.choice(list(Stance)),
                )
                for n in range(2)
            ),
            passages=passages,
            embedding=tuple(float(x) for x in vector),
            classified_at_ms=int(now.timestamp() * 1000),
        )


def now() -> datetime:
    """A moment that all pieces of a bench are published before."""
    return datetime(2026, 11, 1, tzinfo=UTC)
