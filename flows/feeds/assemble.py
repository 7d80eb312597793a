"""An entry and its page to an Article, or the reason why there is none; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flows.feeds import canonical, dates, language, story
from flows.feeds.entry import Entry
from flows.feeds.extract import Extract
from flows.feeds.pages import foreign, live, reads_pages
from flows.feeds.plain import cut
from schemas.article import Article, Flag, Lane, Source, TextSource
from schemas.feed import Feed, Terms, Transport
from schemas.identity import article_id, content_hash

FRESH_FOR = timedelta(days=3)
"""An older piece counts in trends, but is no news: a source just added must not raise last month's alerts."""

EXCERPT_CHARS = 600
SUMMARY_CHARS = 2000
NOT_THEIRS = {"summary": "", "content": "", "author": None, "section": None, "image": None, "updated": None}
"""What of a feed's entry says nothing for another site's piece."""


@dataclass(frozen=True)
class Skipped:
    """Why an entry gives no article."""

    reason: str


def assemble(
    feed: Feed,
    entry: Entry,
    page: Extract | None,
    *,
    page_url: str | None,
    feed_language: str | None,
    observed_at_ms: int,
    link: str | None = None,
    unresolved: bool = False,
) -> Article | Skipped:
    """One reading of a piece, from its entry and, where it was read, its page (which came from `page_url`).

    `link` is the feed's own where the entry's was resolved; `unresolved` says that a redirector's could not be.

    A feed may not put words into another site's piece: when the link leads elsewhere and pages are read, all that is
    told of it is the page's, but for a date that the page does not tell.
    """
    url = canonical.identity(entry.link, page_url=page_url, declared=page.canonical if page else None)
    if url is None:
        return Skipped(f"the link is not an http(s) URL: {entry.link[:100]!r}" if entry.link else "has no link")
    query = feed.transport is Transport.QUERY
    theirs = query or (reads_pages(feed) and foreign(feed, entry))
    if theirs and not query and (page is None or not page.text):
        return Skipped("links to another site, whose page could not be read")
    if theirs:
        entry = entry.model_copy(update=NOT_THEIRS | ({"published": page.published} if page and page.published else {}))
    title = (page.title if theirs and page else "") or _own_title(entry) or (page.title if page else "")
    text, source = _text(entry, page)
    title = title or cut(text.partition("\n")[0], 200)
    if not title:
        return Skipped("has neither title nor text")
    observed = datetime.fromtimestamp(observed_at_ms / 1000, tz=UTC)
    dated = dates.choose(
        published=entry.published,
        updated=entry.updated,
        page=page.published if page else None,
        page_updated=page.updated if page else None,
        observed=observed,
        unsure=entry.date_guessed,
    )
    stated = feed.language or feed_language or (page.language if page else None)
    code, guessed = language.identify(f"{title}\n{text or entry.summary}", prior=stated)
    kept, kept_source = _within(feed.terms, text, source)
    return Article(
        article_id=article_id(url),
        url=url,
        link=(link or entry.link)[:4096],
        feed=feed.id,
        outlet=(entry.outlet if query else None) or feed.outlet,
        country=feed.country,
        source=None if theirs else _profile(feed),
        title=title,
        summary="" if feed.terms is Terms.HEADLINE else cut(entry.summary, SUMMARY_CHARS),
        text=kept,
        text_source=kept_source,
        language=code,
        language_guessed=guessed,
        byline=entry.author or (page.byline if page else None),
        section=entry.section or (page.section if page else None),
        image=(page.image if page else None) or entry.image,
        published_at=dated.published_at,
        date_guessed=dated.guessed,
        updated_at=dated.updated_at,
        observed_at_ms=observed_at_ms,
        content_hash=content_hash(title, kept),
        signature=story.signature(text),
        lane=Lane.HISTORIC if observed - dated.published_at > FRESH_FOR else Lane.FRESH,
        flags=tuple(_flags(url, title, page, unresolved=unresolved)),
    )


def _profile(feed: Feed) -> Source:
    return Source(
        kind=feed.kind[:200],
        group=feed.group[:200],
        owner=feed.owner,
        lean=feed.lean,
        lean_source=feed.lean_source,
        state_media=feed.state_media,
    )


def _flags(url: str, title: str, page: Extract | None, *, unresolved: bool) -> Iterator[Flag]:
    if unresolved:
        yield Flag.LINK_UNRESOLVED
    if page is not None and page.paywalled:
        yield Flag.PAYWALLED
    if live(url, title) or (page is not None and page.live):
        yield Flag.LIVE


def _own_title(entry: Entry) -> str:
    """The entry's title without the outlet's name, which a search puts behind it."""
    return entry.title.removesuffix(f" - {entry.outlet}") if entry.outlet else entry.title


def _text(entry: Entry, page: Extract | None) -> tuple[str, TextSource]:
    told = entry.content or entry.summary
    if page is not None and len(page.text) >= len(told):
        told, source = page.text, TextSource.PAGE
    else:
        source = TextSource.FEED
    return (told, source) if told else ("", TextSource.TITLE)


def _within(terms: Terms, text: str, source: TextSource) -> tuple[str, TextSource]:
    """What of the text the outlet's terms let us keep."""
    match terms:
        case Terms.FULL_TEXT:
            return text, source
        case Terms.EXCERPT:
            return cut(text, EXCERPT_CHARS), source
        case Terms.HEADLINE:
            return "", TextSource.TITLE
