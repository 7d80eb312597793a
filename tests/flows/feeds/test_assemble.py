"""An entry and its page to an article, or the reason why not."""

from datetime import UTC, datetime, timedelta

import pytest

from flows.feeds.assemble import Skipped, assemble
from flows.feeds.entry import Entry
from flows.feeds.extract import Extract
from flows.feeds.pages import needs_page
from schemas.article import Article, Lane, TextSource
from schemas.feed import Feed, Terms
from schemas.identity import article_id, content_hash

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
AT = int(NOW.timestamp() * 1000)
FEED = Feed(id="diario", url="https://diario.example/feed", outlet="Diario", language="es", country="SV")
LINK = "https://diario.example/a?utm_source=rss"
ENTRY = Entry(link=LINK, title="Acuerdo migratorio", summary="Un resumen breve.", published=NOW - timedelta(hours=1))
TEXT = "El gobierno anunció un acuerdo migratorio con Estados Unidos. " * 20
PAGE = Extract(text=TEXT, title="Otro título", byline="Ana Pérez", image="https://diario.example/i.jpg")


def made(
    entry: Entry = ENTRY, page: Extract | None = PAGE, feed: Feed = FEED, page_url: str | None = LINK
) -> Article | Skipped:
    return assemble(feed, entry, page, page_url=page_url if page else None, feed_language="es", observed_at_ms=AT)


def article(*args: object, **kwargs: object) -> Article:
    found = made(*args, **kwargs)  # type: ignore[arg-type]
    assert isinstance(found, Article)
    return found


def test_the_page_gives_the_text_and_the_feed_the_title() -> None:
    found = article()
    assert (found.url, found.link) == ("https://diario.example/a", LINK)
    assert found.article_id == article_id("https://diario.example/a")
    assert (found.title, found.text, found.text_source) == ("Acuerdo migratorio", TEXT, TextSource.PAGE)
    assert found.content_hash == content_hash(found.title, found.text)
    assert (found.byline, found.image, found.language) == ("Ana Pérez", "https://diario.example/i.jpg", "es")
    assert (found.published_at, found.date_guessed, found.lane) == (ENTRY.published, False, Lane.FRESH)
    assert len(found.signature) == 64


def test_without_a_page_the_feed_speaks() -> None:
    whole = ENTRY.model_copy(update={"content": TEXT * 2})
    assert article(whole, None).text_source is TextSource.FEED
    assert article(whole).text == TEXT * 2
    assert article(ENTRY, None).text == "Un resumen breve."
    bare = ENTRY.model_copy(update={"summary": ""})
    assert (article(bare, None).text, article(bare, None).text_source) == ("", TextSource.TITLE)


def test_what_cannot_be_an_article_says_why() -> None:
    assert made(ENTRY.model_copy(update={"link": ""}), None) == Skipped("has no link")
    skipped = made(ENTRY.model_copy(update={"link": "javascript:alert(1)"}), None)
    assert isinstance(skipped, Skipped)
    assert "not an http(s) URL" in skipped.reason
    assert made(ENTRY.model_copy(update={"title": "", "summary": ""}), None) == Skipped("has neither title nor text")


def test_a_feed_puts_no_words_into_another_sites_piece() -> None:
    claimed = ENTRY.model_copy(update={"link": "https://real.test/piece", "content": "Invented. " * 200})
    refused = made(claimed, None)
    assert refused == Skipped("links to another site, whose page could not be read")
    found = article(claimed, PAGE, page_url="https://real.test/piece")
    assert (found.text, found.title) == (TEXT, "Otro título")
    assert needs_page(FEED, claimed)


def test_a_page_speaks_for_its_own_domain_only() -> None:
    evil = Extract(text=TEXT, canonical="https://real.test/piece")
    assert article(ENTRY, evil).url == "https://diario.example/a"


@pytest.mark.parametrize(
    ("terms", "length", "source"),
    [
        (Terms.FULL_TEXT, len(TEXT), TextSource.PAGE),
        (Terms.EXCERPT, 600, TextSource.PAGE),
        (Terms.HEADLINE, 0, TextSource.TITLE),
    ],
)
def test_no_more_is_kept_than_the_outlets_terms_allow(terms: Terms, length: int, source: TextSource) -> None:
    found = article(feed=FEED.model_copy(update={"terms": terms}))
    assert length - 100 <= len(found.text) <= length
    assert found.text_source is source
    assert found.summary == ("" if terms is Terms.HEADLINE else "Un resumen breve.")


def test_old_pieces_take_the_lane_that_raises_no_alerts() -> None:
    assert article(ENTRY.model_copy(update={"published": NOW - timedelta(days=4)})).lane is Lane.HISTORIC


def test_a_piece_without_a_date_is_dated_by_its_reading_and_says_so() -> None:
    found = article(ENTRY.model_copy(update={"published": None}))
    assert (found.published_at, found.date_guessed) == (NOW, True)


def test_pages_are_read_for_summaries_and_not_for_whole_pieces() -> None:
    whole = ENTRY.model_copy(update={"content": TEXT})
    assert needs_page(FEED, ENTRY)
    assert not needs_page(FEED, whole)
    assert not needs_page(FEED.model_copy(update={"fetch_pages": False}), ENTRY)
    assert not needs_page(FEED.model_copy(update={"terms": Terms.HEADLINE}), ENTRY)
