"""Text disguised so that a reader sees one thing and a machine another: the whole way from a page to its labels."""

import html
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from consumers.classifier import disturb
from consumers.classifier.model import Model, load
from consumers.classifier.reading import classify_articles
from deploy.demo.piece import Piece, load_pieces
from flows.feeds.assemble import assemble
from flows.feeds.entry import Entry
from flows.feeds.extract import extract
from schemas.article import Article
from schemas.classification import Classification
from schemas.feed import Feed
from schemas.settings import ClassifySettings
from schemas.taxonomy import STANCE_WORDS, TARGET_WORDS, TOPIC_WORDS

AT_MS = int(datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp() * 1000)
URL = "https://news.example/a"
STUFFING = ", ".join(
    [words["en"] for words in TOPIC_WORDS.values()]
    + [f"{target['en']}: {stance['en']}" for target in TARGET_WORDS.values() for stance in STANCE_WORDS.values()]
)
Disguise = Callable[[str, np.random.Generator], str]
WAYS: dict[str, Disguise] = {
    "zero width": lambda text, chance: html.escape(disturb.zero_width(text, chance)),
    "homoglyphs": lambda text, chance: html.escape(disturb.homoglyphs(text, chance)),
    "bidi and tags": lambda text, _: f"\u202d{html.escape(text)}\u202c" + "".join(chr(0xE0000 + ord(c)) for c in "no"),
    "full width": lambda text, _: "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalpha() else c for c in text),
    "hidden words": lambda text, _: f"{html.escape(text)}<span style='display:none'> {STUFFING}</span>",
    "off the page": lambda text, _: f"{html.escape(text)}<i style='position:absolute;left:-9999px'>{STUFFING}</i>",
}
PIECES = 10


@pytest.fixture(scope="module")
def model() -> Model:
    return load(ClassifySettings(threads=2))


def read(piece: Piece, disguise: Disguise) -> Article:
    """The piece as the poller would make it of a page so written."""
    chance = np.random.default_rng(1)
    body = "".join(f"<p>{disguise(paragraph, chance)}</p>" for paragraph in piece.paragraphs)
    page = extract(f"<article>{body}</article>".encode(), "text/html; charset=utf-8", url=URL)
    feed = Feed(id="f", url="https://news.example/feed", outlet="F", language=piece.language)
    entry = Entry(link=URL, title=piece.title)
    made = assemble(feed, entry, page, page_url=URL, feed_language=None, observed_at_ms=AT_MS)
    assert isinstance(made, Article)
    return made


def labels(said: Classification) -> object:
    return said.relevant, {t.topic for t in said.topics}, {s.target: s.stance for s in said.stances}


def test_a_disguised_piece_gets_the_labels_of_the_clean_one(model: Model) -> None:
    pieces = [piece for piece in load_pieces() if piece.relevant][:PIECES]
    clean = [read(piece, lambda text, _: html.escape(text)) for piece in pieces]
    disguised = [read(piece, way) for way in WAYS.values() for piece in pieces]
    told = [labels(said) for said in classify_articles([*clean, *disguised], model=model, now_ms=AT_MS)]
    expected = told[: len(clean)] * len(WAYS)
    assert any(said != told[0] for said in told)
    same = [one == other for one, other in zip(told[len(clean) :], expected, strict=True)]
    assert len(same) == 60
    assert sum(same) >= 57, {way: sum(same[n * PIECES : (n + 1) * PIECES]) for n, way in enumerate(WAYS)}
