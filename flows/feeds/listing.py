"""A page that lists pieces, for sources without a feed: links, titles, dates by selectors; pure, and run in a process
that can be killed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin

from lxml import etree
from lxml.cssselect import CSSSelector, SelectorError
from lxml.html import HtmlElement

from flows.feeds import dates
from flows.feeds.entry import Broken, Entry, Parsed
from flows.feeds.plain import decode, drop_hidden, line, parse_html
from schemas.errors import FeedUnreadable
from schemas.feed import Listing

MAX_ITEMS = 500


def parse_listing(
    body: bytes, content_type: str | None, listing: Listing, *, feed: str, base: str, day_first: bool = True
) -> Parsed:
    """The pieces that the page at `base` lists. Raises FeedUnreadable only, also when the selectors find nothing.

    That a page's design changed is so seen at once. `day_first` is how dates in figures are usually meant there.
    """
    tree = parse_html(decode(body, content_type))
    if tree is None:
        raise FeedUnreadable(feed, base, "is not a page", excerpt=body)
    drop_hidden(tree)
    try:
        items = _select(tree, listing.item)
        said = [_said(item, listing.date) for item in items[:MAX_ITEMS]]
        in_order = Order.of(listing, [text for texts in said for text in texts], usual=day_first)
        found = [_item(item, listing, base, _date(texts, in_order)) for item, texts in zip(items, said, strict=False)]
    except (etree.XPathError, SelectorError) as error:
        raise FeedUnreadable(feed, base, f"a selector is wrong: {error}"[:300], excerpt=body) from None
    entries: dict[str, Entry] = {}
    for entry in found:
        if isinstance(entry, Entry):
            entries.setdefault(entry.link, entry)
    if not entries:
        reason = f"the selectors find no piece ({len(items)} items): the page's design may have changed"
        raise FeedUnreadable(feed, base, reason, excerpt=body)
    return Parsed(
        entries=tuple(entries.values()),
        broken=tuple(
            Broken(position=number, reason=reason) for number, reason in enumerate(found) if isinstance(reason, str)
        ),
        dropped=max(0, len(items) - MAX_ITEMS),
    )


@dataclass(frozen=True)
class Order:
    """How the page's dates in figures are read, and whether that is sure."""

    day_first: bool
    sure: bool

    @classmethod
    def of(cls, listing: Listing, texts: Sequence[str], *, usual: bool) -> "Order":
        """As the source says, else as those of the page's dates show that fit one order only, else as is usual."""
        if listing.day_first is not None:
            return cls(listing.day_first, sure=True)
        shown = dates.order(texts)
        if shown is not None:
            return cls(shown, sure=True)
        return cls(usual, sure=False)


def _item(item: HtmlElement, listing: Listing, base: str, date: tuple[datetime | None, bool]) -> Entry | str:
    links = [item] if item.tag == "a" and listing.link == "a" else _select(item, listing.link)
    href = next((found.get("href") for found in links if found.get("href")), None)
    if href is None:
        return "an item without a link"
    try:
        link = urljoin(base, href.strip())
    except ValueError:
        return "an item whose link is not a URL"
    titles = _select(item, listing.title) if listing.title else links
    title = line(" ".join(titles[0].text_content().split()), limit=2000) if titles else ""
    published, guessed = date
    return Entry(id=link[:2000], link=link, title=title, published=published, date_guessed=guessed)


def _said(item: HtmlElement, selector: str | None) -> list[str]:
    """What may be the item's date, the likeliest first."""
    return [
        said[:200]
        for found in (_select(item, selector) if selector else ())
        for said in (found.get("datetime"), found.get("content"), " ".join(found.text_content().split()))
        if said
    ]


def _date(texts: Sequence[str], order: Order) -> tuple[datetime | None, bool]:
    """The date, and whether it may as well be another one."""
    for text in texts:
        when = dates.read(text)
        if when is not None:
            return when, False
    for text in texts:
        figures = dates.read_numeric(text, day_first=order.day_first)
        if figures is not None:
            when, either = figures
            return when, either and not order.sure
    return None, False


def _select(element: HtmlElement, selector: str) -> list[HtmlElement]:
    if selector.startswith(("/", "./", "(")):
        found = element.xpath(selector)
    else:
        found = CSSSelector(selector, translator="html")(element)
    return [one for one in found if isinstance(one, HtmlElement)] if isinstance(found, list) else []
