"""Attacks on fetching and parsing: each ends in a named error or in plain text, within its time and memory, and nothing
that it points at is opened or asked.
"""

import asyncio
import gzip
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.feeds import dates, landing, pages, robots, walls
from flows.feeds.canonical import canonical, identity
from flows.feeds.discover import discover
from flows.feeds.entry import Entry, Parsed
from flows.feeds.extract import extract
from flows.feeds.fetch import Page
from flows.feeds.jsonfeed import parse_json
from flows.feeds.language import identify
from flows.feeds.listing import parse_listing
from flows.feeds.parse import parse
from flows.feeds.plain import line, paragraphs
from flows.feeds.reach import open_reach
from flows.feeds.readers import Readers
from flows.feeds.redirectors import carried
from flows.feeds.sitemap import parse_sitemap
from schemas.article import Article, Lane
from schemas.errors import FeedUnreadable
from schemas.feed import Feed, Listing, Place, Transport
from schemas.streams import ARTICLES
from schemas.wire import decode, encode

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from tests.flows.conftest import Desk, Site

BASE = "https://news.example/feed"
FEED = Feed(id="f", url=BASE, outlet="F", language="en")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
AT_MS = int(NOW.timestamp() * 1000)
PLACES = {
    "feed": None,
    "sitemap": Place(url=BASE, transport=Transport.NEWS_SITEMAP),
    "listing": Place(url=BASE, transport=Transport.LISTING, listing=Listing(item="article", date="time")),
}
RSS = b"<rss version='2.0'><channel><item><title>One</title><link>/a</link></item></channel></rss>"
SENTENCES = (
    "Both governments signed the migration agreement on Monday.",
    "The ministers spoke of deportation flights and of the prison.",
    "Lawyers for the families said that they would go to court.",
)


@contextmanager
def listening(address: str) -> Iterator[list[str]]:
    """A port that nobody may connect to, with who did."""
    found: list[str] = []
    server = socket.create_server((address, 0))
    server.settimeout(0.05)
    ended = threading.Event()

    def accept() -> None:
        while not ended.is_set():
            try:
                connection, peer = server.accept()
            except TimeoutError:
                continue
            found.append(str(peer))
            connection.close()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    found_port = server.getsockname()[1]
    try:
        yield Ports(found, f"http://{address}:{found_port}")
    finally:
        time.sleep(0.1)
        ended.set()
        thread.join()
        server.close()


class Ports(list[str]):
    """Connections seen; `base` is the URL that they went to."""

    def __init__(self, found: list[str], base: str) -> None:
        super().__init__()
        self._found, self.base = found, base

    @property
    def seen(self) -> list[str]:
        return list(self._found)


@pytest.fixture
def inside() -> Iterator[Ports]:
    """A service on a loopback address that the settings don't allow."""
    with listening("127.0.0.2") as ports:
        assert isinstance(ports, Ports)
        yield ports


def html(body: str, head: str = "") -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "text/html"}, f"<html><head>{head}</head><body>{body}</body></html>".encode()


def test_nothing_that_a_source_points_at_inside_is_ever_asked(desk: "Desk", inside: Ports) -> None:
    site, base = desk.site, inside.base
    text = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES * 5)
    desk.source("links")
    desk.source("map", "/map.xml", transport="news_sitemap")
    desk.source("moved", "/moved")
    desk.source("fallen", "/nothing")
    with desk.settings.poll.feeds_file.open("a") as file:
        file.write(f'fallbacks = [{{ url = "{base}/feed" }}]\n')
    site.answers["/moved"] = (301, {"Location": f"{base}/feed"}, b"")
    site.answers["/map.xml"] = f"<sitemapindex><sitemap><loc>{base}/part.xml</loc></sitemap></sitemapindex>".encode()
    site.answers["/led"] = (302, {"Location": f"{base}/admin"}, b"")
    head = (
        f'<link rel="canonical" href="{base}/a"><meta property="og:image" content="{base}/i.png">'
        f'<link rel="stylesheet" href="{base}/s.css"><meta http-equiv="refresh" content="0;url={base}/r">'
        f'<link rel="amphtml" href="{base}/amp"><base href="{base}/">'
    )
    site.answers["/a"] = html(
        f'<article>{text}<img src="{base}/x.png"><iframe src="{base}/f"></iframe></article>', head
    )
    items = "".join(
        f"<item><title>t{number}</title><link>{link}</link><description>d</description>"
        f'<enclosure url="{base}/e.png" type="image/png"/><source url="{base}/s">s</source></item>'
        for number, link in enumerate((site.url("/a"), f"{base}/secret", site.url("/led")))
    )
    site.answers["/feed"] = (
        f"<?xml-stylesheet href='{base}/x.xsl'?><rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'><channel>"
        f"<atom:link rel='hub' href='{base}/hub'/><atom:link rel='self' href='{base}/self'/><cloud domain='127.0.0.2'/>"
        f"<image><url>{base}/logo.png</url></image>{items}</channel></rss>"
    ).encode()
    polled = {one.feed: one for one in desk.poll().polled}
    assert inside.seen == []
    assert polled["links"].new == 2
    assert {name: "loopback" in (polled[name].reason or "") for name in ("map", "moved", "fallen")} == {
        "map": True,
        "moved": True,
        "fallen": False,
    }
    assert desk.state("moved").move is None
    published = {article.title: article for article in desk.published()}
    assert published["t0"].url == site.url("/a"), "the page's word on its URL leads to another host"


def test_nothing_inside_is_asked_while_a_feed_is_looked_for(site: "Site", inside: Ports, desk: "Desk") -> None:
    site.answers["/"] = html("", f'<link rel="alternate" type="application/rss+xml" href="{inside.base}/feed">')
    site.answers["/robots.txt"] = f"Sitemap: {inside.base}/news.xml".encode()

    async def look() -> int:
        async with open_reach(desk.settings, desk.readers, now=lambda: NOW) as reach:
            return len(await discover(site.url("/"), reach))

    assert desk.run(look()) == 0
    assert inside.seen == []


BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "gzip in gzip": ("gzip", lambda: gzip.compress(gzip.compress(bytes(200_000_000), 9), 9)),
    "gzip": ("gzip", lambda: gzip.compress(bytes(200_000_000), 9)),
    "zstd": ("zstd", lambda: zstd.compress(bytes(512_000_000))),
    "stacked": ("gzip, gzip", lambda: gzip.compress(gzip.compress(bytes(1_000_000)))),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_little_and_is_refused_by_name(desk: "Desk", name: str) -> None:
    encoding, make = BOMBS[name]
    body = make()
    headers = {"Content-Encoding": encoding}
    desk.site.answers |= {"/bomb": (200, headers, body), "/led": (302, headers | {"Location": "/feed"}, body)}
    desk.items(("/a", "One"))
    desk.source("bomb", "/bomb", fetch_pages=False)
    desk.source("led", "/led", fetch_pages=False)
    before = psutil.Process().memory_info().rss
    with watched(lambda: psutil.Process().memory_info().rss) as peak:
        polled = {one.feed: one for one in desk.poll().polled}
    assert peak() - before < 100_000_000
    assert polled["bomb"].seconds < 5
    assert polled["bomb"].reason is not None
    assert any(
        sign in polled["bomb"].reason for sign in ("once expanded", "stacked", "is not a feed", "not well-formed")
    )
    assert polled["led"].new == 1, "a redirect's body is not read"


def reading(act: Callable[[Readers], Any]) -> Any:
    async def run() -> Any:
        async with Readers(size=1) as readers:
            await readers.feed("warm", RSS, None, base=BASE)
            return await act(readers)

    return asyncio.run(run())


def heaviest() -> int:
    """Resident bytes of the largest reader."""
    found = [p for p in psutil.Process().children() if "flows.feeds.reader" in " ".join(p.cmdline())]
    return max((p.memory_info().rss for p in found), default=0)


async def outcome(readers: Readers, body: bytes, place: Place | None) -> str:
    try:
        await readers.feed("f", body, "text/xml", base=BASE, place=place)
    except FeedUnreadable as error:
        return error.reason
    return "read"


def test_a_body_that_names_a_file_opens_none(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    url = pipe.as_uri()
    bodies = [
        str(pipe),
        url,
        f"<!DOCTYPE rss SYSTEM '{url}'><rss version='2.0'><channel><title>t</title></channel></rss>",
        f"<!DOCTYPE rss [<!ENTITY e SYSTEM '{url}'>]><rss><channel><title>&e;</title></channel></rss>",
        f"<!DOCTYPE rss [<!ENTITY % p SYSTEM '{pipe}'> %p;]><rss><channel><title>t</title></channel></rss>",
        f"<urlset xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='{url}'/><url><loc>{url}</loc></url>",
        f"<?xml-stylesheet href='{url}'?><rss version='2.0'><channel><item><link>{url}</link></item></channel></rss>",
        f"<base href='{url}'><article><a href=''>t</a><iframe src='{url}'></iframe></article>",
        json.dumps({"version": "https://jsonfeed.org/version/1", "items": [{"url": url, "image": url}]}),
    ]

    async def act(readers: Readers) -> list[str]:
        found = []
        for body in bodies:
            found += [await outcome(readers, body.encode(), place) for place in PLACES.values()]
            entry = Entry(link=url, title="t", summary=body, image=url)
            page = Page("https://news.example/a", body.encode(), "text/html", len(body))
            assert await readers.article(FEED, entry, page, language="en", observed_at_ms=AT_MS)
        return found

    assert not any("took over" in told or "down" in told for told in reading(act))
    with pytest.raises(OSError, match="No such device"):
        # nobody waits at its other end
        os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
ENTITIES = {
    "billion laughs": f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]><{{0}}>&l9;</{{0}}>',
    "parameter laughs": "<!DOCTYPE r [<!ENTITY % a 'aaaaaaaaaa'>"
    + "".join(f"<!ENTITY % {chr(98 + n)} '%{chr(97 + n)};%{chr(97 + n)};%{chr(97 + n)};'>" for n in range(20))
    + "%u;]><{0}/>",
    "quadratic": f'<!DOCTYPE r [<!ENTITY a "{"a" * 50_000}">]><{{0}}>{"&a;" * 50_000}</{{0}}>',
    "external": '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><{0}>&x;</{0}>',
    "a DTD": '<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd"><{0}>t</{0}>',
    "recursive": '<!DOCTYPE r [<!ENTITY a "&b;"><!ENTITY b "&a;">]><{0}>&a;</{0}>',
}


def test_entities_cost_little_and_bring_nothing_in(reader_cpu_s: Callable[[], float]) -> None:
    frames = {
        "feed": "<rss version='2.0'><channel><item><link>/a</link>{0}</item></channel></rss>",
        "sitemap": "<urlset><url><loc>/a</loc>{0}</url></urlset>",
        "listing": "<html><body><article><a href='/a'>t</a>{0}</article></body></html>",
    }

    async def act(readers: Readers) -> list[Parsed]:
        found = []
        for name, (kind, place) in product(ENTITIES, PLACES.items()):
            start, _, rest = ENTITIES[name].replace("{0}", "title").partition("<title")
            body = start + frames[kind].replace("{0}", "<title" + rest)
            before = reader_cpu_s()
            with suppress(FeedUnreadable):
                found.append(await readers.feed("f", body.encode(), "text/xml", base=BASE, place=place))
            assert reader_cpu_s() - before < 2, (name, kind)
            assert heaviest() < 400_000_000, (name, kind)
        return found

    for parsed in reading(act):
        assert all("root:" not in entry.title and len(entry.title) <= 2000 for entry in parsed.entries)


MANY: dict[str, tuple[str, bytes]] = {
    "nested tags": ("feed", b"<rss version='2.0'><channel><title>" + b"<a>" * 1_000_000),
    "nested elements": ("sitemap", b"<urlset>" + b"<url>" * 1_000_000),
    "nested blocks": ("listing", b"<html><body>" + b"<div>" * 1_000_000 + b"<article><a href='/a'>t</a></article>"),
    "nested JSON": ("feed", b'{"version":"https://jsonfeed.org/version/1","items":' + b"[" * 1_000_000),
    "entries": (
        "feed",
        b"<rss version='2.0'><channel>" + b"<item><link>/a</link></item>" * 300_000 + b"</channel></rss>",
    ),
    "pages": ("sitemap", b"<urlset>" + b"<url><loc>/a</loc></url>" * 300_000 + b"</urlset>"),
    "items": ("listing", b"<html><body>" + b"<article><a href='/a'>t</a></article>" * 200_000),
    "a title": ("feed", b"<rss version='2.0'><channel><item><link>/a</link><title>" + b"x" * 30_000_000),
    "a page's title": ("listing", b"<article><a href='/a'>" + b"x" * 30_000_000 + b"</a></article>"),
    "attributes": ("feed", b"<rss version='2.0' " + b" ".join(b"a%d='x'" % n for n in range(200_000)) + b"><channel/>"),
}


@pytest.mark.parametrize("name", MANY)
def test_what_has_no_end_is_given_up_and_the_next_is_read(name: str, reader_cpu_s: Callable[[], float]) -> None:
    kind, body = MANY[name]

    async def act(readers: Readers) -> None:
        with watched() as peak:
            before = reader_cpu_s()
            told = await outcome(readers, body, PLACES[kind])
        # taking 30 MB from a pipe is no reading yet
        assert reader_cpu_s() - before < 2.5, told
        assert peak() < 500_000_000, told
        assert await outcome(readers, RSS, None) == "read"

    reading(act)


@contextmanager
def watched(held: Callable[[], int] = heaviest) -> Iterator[Callable[[], int]]:
    """The most bytes that the largest reader was resident with, or what `held` says, looked at 50 times a second."""
    seen = [0]
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.02):
            with suppress(psutil.NoSuchProcess):
                seen.append(held())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield lambda: max(seen)
    finally:
        ended.set()
        thread.join()


REPEATED = (
    "a",
    " ",
    "1",
    "-",
    "1 ",
    "<",
    "&",
    "/",
    "%",
    "\\",
    "de ",
    ",",
    "á",
    "\u200b",
    "://",
    "@",
    ".",
    "log in ",
    "live-",
)
TIMED: dict[str, Callable[[str], object]] = {
    "dates": dates.read,
    "line": lambda text: line(text, limit=2000),
    "paragraphs": lambda text: paragraphs(text, limit=20_000),
    "canonical": canonical,
    "identity": lambda text: identity(f"https://a.example/{text[:3000]}", declared=text),
    "carried": lambda text: carried(f"https://news.google.com/rss/articles/{text}"),
    "language": lambda text: identify(text, prior="en"),
    "walls": lambda text: (walls.without_prompts(text), walls.paywalled({}, text, text)),
    "challenge": lambda text: walls.wall(walls.Signs(), title=text, text="", url=BASE, link=BASE),
    "live": lambda text: pages.live(text, text),
    "astray": lambda text: landing.led_astray(f"https://a.example/{text}", BASE),
    "robots": lambda text: robots.parse_robots(text).allows(BASE),
}


@pytest.mark.parametrize("name", TIMED)
def test_no_field_takes_long_to_read(name: str) -> None:
    # what a function loads once is no cost of the field's
    TIMED[name]("a")
    for part in REPEATED:
        for text in (part * 30_000, f"Mon, {part * 3000}!", f"{part * 1000}{'b' * 1000}" * 10):
            started = time.process_time()
            TIMED[name](text)
            assert time.process_time() - started < 1.0, (part, len(text))


@given(st.text(max_size=60), st.sampled_from(["{} 2026", "Tue, {} GMT", "{}T10:00:00Z", "24 de {} de 2026", "{}"]))
@settings(max_examples=300, deadline=None)
def test_no_date_raises_or_takes_long(words: str, frame: str) -> None:
    found = dates.read(frame.format(words))
    assert found is None or found.tzinfo is not None


CHARSETS = [
    None, "text/xml", "text/xml; charset=utf-7", "text/xml; charset=utf-16", "text/xml; charset=idna", "charset=",
    "text/html; charset=\x00", "text/html; charset=rot13", "text/xml; charset=x-user-defined", "application/json",
    "text/xml; charset=big5", "text/html; charset=undefined", "text/xml; charset=unicode_escape",
]  # fmt: skip
SPOILT = [
    b"\xff\xfe" + RSS, b"\xfe\xff\x00<", b"\xef\xbb\xbf" + RSS, b"+ADw-script+AD4-", RSS.replace(b"One", b"\xed\xa0"),
    RSS.replace(b"One", b"&#xD800;&#0;&#x1F;"), b"\x00" * 50 + RSS, RSS.replace(b"One", bytes(range(256))),
    b'<?xml version="1.0" encoding="utf-7"?>' + RSS, b'<?xml version="1.0" encoding="\xff"?>' + RSS,
]  # fmt: skip


@given(
    st.one_of(
        st.binary(max_size=300), st.sampled_from(SPOILT), st.binary(max_size=60).map(lambda b: RSS.replace(b"One", b))
    ),
    st.sampled_from(CHARSETS),
)
@example(b'{"version":"https://jsonfeed.org/version/1","items":[{"id":"\\ud800","title":"\\u0000\\ud83d"}]}', None)
@settings(max_examples=200, deadline=None)
def test_any_bytes_in_any_charset_come_back_from_the_wire_as_they_were_read(
    body: bytes, content_type: str | None
) -> None:
    listing = Listing(item="item, article, body", link="a, link", date="time")
    reads: tuple[Callable[[], Parsed], ...] = (
        lambda: parse(body, content_type, feed="f", base=BASE),
        lambda: parse_sitemap(body, feed="f", base=BASE),
        lambda: parse_json(body, feed="f", base=BASE),
        lambda: parse_listing(body, content_type, listing, feed="f", base=BASE),
    )
    for read in reads:
        try:
            parsed = read()
        except FeedUnreadable:
            continue
        assert Parsed.model_validate_json(parsed.model_dump_json().encode()) == parsed
    page = extract(body, content_type, url=BASE)
    article = sample(page.text)
    assert decode(ARTICLES, encode(article)) == article


def sample(text: str) -> Article:
    return Article(
        article_id="0" * 32,
        url=BASE,
        link=BASE,
        feed="f",
        outlet="F",
        title="t",
        text=text,
        language="en",
        published_at=NOW,
        observed_at_ms=AT_MS,
        content_hash="0" * 32,
    )


PAYLOADS = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script>",
    "<a href='javascript:alert(1)'>x</a>", "<iframe src=javascript:alert(1)>", "<math><mi xlink:href='data:x'>",
    "<style>@import 'http://x'</style>", "<body onload=alert(1)>", "<object data='data:text/html,x'>", "<embed src=x>",
    "<details open ontoggle=alert(1)>", "<video><source onerror=alert(1)>", "<input autofocus onfocus=alert(1)>",
    "<scr<script>ipt>alert(1)</script>", "<<script>alert(1)//<</script>", "<template><script>alert(1)</script>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>", "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>", "<xmp><script>alert(1)</script></xmp>", "<plaintext><script>",
    "<form><button formaction=javascript:alert(1)>x", "<base href='javascript:/x/'>", "<link rel=import href=x>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>", "<a href='java&#10;script:alert(1)'>x</a>",
    "\u202e<b>evil</b>", "<table background='javascript:alert(1)'>", "<isindex action=javascript:alert(1) type=image>",
)  # fmt: skip


def elements(shown: str) -> list[str]:
    """The elements that a browser would make of the text, were it put into a page as it is."""

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            found.append(tag)

    found: list[str] = []
    reader = Reader()
    reader.feed(shown)
    reader.close()
    return found


@pytest.mark.parametrize("payload", PAYLOADS)
def test_markup_in_any_field_becomes_text_and_links_are_http_only(payload: str) -> None:
    escaped = payload.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("'", "&apos;")
    body = (
        f"<rss version='2.0' xmlns:dc='http://purl.org/dc/elements/1.1/'><channel><item><title>Deal {escaped}</title>"
        f"<link>javascript:alert(1)</link><dc:creator>Ana {escaped}</dc:creator><category>News {escaped}</category>"
        f"<description>Told {escaped}</description><enclosure url='javascript:alert(1)' type='image/png'/></item>"
        f"<item><title>{escaped}</title><link>https://news.example/a</link></item></channel></rss>"
    )
    first, _ = parse(body.encode(), "text/xml", feed="f", base=BASE).entries
    page = extract(f"<title>{payload}</title><article>{payload}</article>".encode(), "text/html", url=BASE)
    for told in (first.title, first.author, first.section, first.summary, page.title, page.text, page.byline):
        assert "<script" not in (told or "").lower().replace(" ", "")
        assert not any(
            sign in (told or "") for sign in ("onerror=", "onload=", "javascript:", "\u202e", "<img", "<svg")
        )
        assert elements(told or "") == []
    assert first.title.startswith("Deal")
    assert canonical(first.link) is None
    assert (first.image, page.image, page.canonical) == (None, None, None)


def test_a_page_speaks_for_no_other_outlet_and_a_feed_for_no_other_site(desk: "Desk", canary: "Site") -> None:
    desk.source("evil")
    text = "".join(f"<p>Forged: {sentence}</p>" for sentence in SENTENCES * 4)
    desk.site.answers["/a"] = html(f"<article>{text}</article>", '<link rel="canonical" href="https://real.example/a">')
    canary.answers["/b"] = html(f"<article>{text.replace('Forged', 'True')}</article>", "<title>True title</title>")
    items = "".join(
        f"<item><title>Forged title</title><link>{link}</link><description>{'Forged words. ' * 100}</description>"
        "<author>Forged author</author><category>Forged</category></item>"
        for link in (desk.site.url("/a"), canary.url("/b"))
    )
    desk.site.answers["/feed"] = f"<rss version='2.0'><channel>{items}</channel></rss>".encode()
    assert desk.poll().new == 2
    ours, theirs = sorted(desk.published(), key=lambda article: article.url != desk.site.url("/a"))
    assert (ours.url, theirs.url) == (desk.site.url("/a"), canary.url("/b"))
    assert "Forged" not in theirs.model_dump_json()


def test_a_date_that_can_not_be_raises_no_alert_and_hides_no_piece(desk: "Desk") -> None:
    desk.source("one")
    days = {
        "future": NOW + timedelta(days=4000),
        "epoch": datetime(1970, 1, 1, tzinfo=UTC),
        "year 9999": datetime(9999, 12, 31, 23, tzinfo=UTC),
    }
    items = "".join(
        f"<item><title>{name}</title><link>{desk.site.url('/' + str(number))}</link>"
        f"<pubDate>{day:%a, %d %b %Y %H:%M:%S} GMT</pubDate></item>"
        for number, (name, day) in enumerate(days.items())
    )
    desk.site.answers["/feed"] = f"<rss version='2.0'><channel>{items}</channel></rss>".encode()
    before = datetime.now(UTC) - timedelta(minutes=1)
    desk.poll()
    found = desk.published()
    assert {article.title for article in found} == set(days)
    assert all(article.date_guessed and article.lane is Lane.FRESH for article in found)
    assert all(before <= article.published_at <= datetime.now(UTC) for article in found)


HIDING = {
    "zero width": lambda text: "\u200b".join(text),
    "soft hyphens": lambda text: text.replace("gr", "g\u00adr"),
    "joiners": lambda text: text.replace("a", "a\u2060\u200d"),
    "bidi": lambda text: f"\u202d{text}\u202c",
    "tags": lambda text: text + "".join(chr(0xE0000 + ord(c)) for c in "ignore the above"),
    "full width": lambda text: "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in text),
    "mathematical": lambda text: "".join(chr(0x1D41A + ord(c) - 97) if "a" <= c <= "z" else c for c in text),
    "variation selectors": lambda text: "\ufe0f".join(text),
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "decomposed": lambda text: text.replace("e", "e\u034f"),
    "display none": lambda text: f"{text}<span style='display:none'> rejects the deal</span>",
    "hidden": lambda text: f"{text}<span hidden> rejects the deal</span>",
    "invisible": lambda text: f"{text}<span style='visibility: hidden'> rejects</span>",
    "tiny": lambda text: f"{text}<span style='font-size:0'> rejects</span>",
    "transparent": lambda text: f"{text}<span style='opacity:0'> rejects</span>",
    "off the page": lambda text: f"{text}<span style='position:absolute;left:-9999px'> rejects</span>",
    "a comment": lambda text: f"{text}<!-- rejects the deal -->",
    "a template": lambda text: f"{text}<template> rejects the deal</template>",
    "noscript": lambda text: f"{text}<noscript> rejects the deal</noscript>",
    "split tags": lambda text: text.replace("agree", "ag<b></b>ree"),
}


@pytest.mark.parametrize("name", HIDING)
def test_what_no_reader_sees_changes_no_text(name: str) -> None:
    def text(hide: Callable[[str], str]) -> str:
        body = "".join(f"<p>{hide(sentence)}</p>" for sentence in SENTENCES)
        return extract(f"<article>{body}</article>".encode(), "text/html; charset=utf-8", url=BASE).text

    clean = text(lambda sentence: sentence)
    assert clean.split("\n") == list(SENTENCES)
    assert text(HIDING[name]) == clean
