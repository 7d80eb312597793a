"""Bytes of every kind through every parser, in a process that may take 200 MB more than it has: `python -m` prints what
went wrong, nothing when nothing did.
"""

import json
import os
import resource
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from operator import mul
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from flows.feeds.alternates import alternates
from flows.feeds.budget import OutOfTime, cpu_within
from flows.feeds.extract import extract
from flows.feeds.jsonfeed import parse_json
from flows.feeds.listing import parse_listing
from flows.feeds.parse import parse
from flows.feeds.sitemap import parse_sitemap
from schemas.errors import FeedUnreadable
from schemas.feed import Listing

ALLOWED_S = 0.5
"""What the guard of a reader process lets a body use here, so that many are tried; a reader's own is the next."""

CPU_S = 2.0
MEMORY_BYTES = 200_000_000
BASE = "https://news.example/feed"
LISTING = Listing(item="article, item, entry, url", link="a, link, loc", date="time, pubDate")
PARSERS: dict[str, Callable[[bytes, str | None], object]] = {
    "feed": lambda body, kind: parse(body, kind, feed="f", base=BASE),
    "JSON": lambda body, kind: parse_json(body, feed="f", base=BASE),
    "sitemap": lambda body, kind: parse_sitemap(body, feed="f", base=BASE),
    "listing": lambda body, kind: parse_listing(body, kind, LISTING, feed="f", base=BASE),
    "page": lambda body, kind: extract(body, kind, url=BASE),
    "links": lambda body, kind: alternates(body, kind, url=BASE),
}
SEEDS = [
    b"""<?xml version='1.0' encoding='utf-8'?><rss version='2.0' xmlns:media='http://search.yahoo.com/mrss/'>
    <channel><title>t</title><ttl>5</ttl><item><title>A &amp; b</title><link>/a</link><guid>a</guid><author>x</author>
    <pubDate>Tue, 24 Nov 2026 10:00:00 GMT</pubDate><description><![CDATA[<p>Text <b>b</b></p>]]></description>
    <media:content url='/i.png' medium='image'/><category>c</category></item></channel></rss>""",
    b"""<feed xmlns='http://www.w3.org/2005/Atom'><title>t</title><entry><id>1</id><title type='html'>&lt;b>t</title>
    <link href='/a'/><updated>2026-11-24T10:00:00Z</updated><content type='xhtml'><div>x</div></content></entry>
    </feed>""",
    b"""<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'>
    <item rdf:about='/a'><title>t</title><link>/a</link></item></rdf:RDF>""",
    b"""<!DOCTYPE rss [<!ENTITY a 'b'><!ENTITY c SYSTEM 'file:///etc/passwd'>]><rss version='0.91'><channel><item>
    <title>&a;&c;</title></item></channel></rss>""",
    b"""{"version":"https://jsonfeed.org/version/1.1","items":[{"id":"1","url":"/a","title":"t",
    "content_html":"<p>x","date_published":"2026-11-24T10:00:00Z","authors":[{"name":"n"}],"tags":["c"]}]}""",
    b"""<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'
    xmlns:news='http://www.google.com/schemas/sitemap-news/0.9'><url><loc>/a</loc><news:news><news:title>t</news:title>
    <news:publication_date>2026-11-24</news:publication_date></news:news></url></urlset>""",
    b"""<html lang='en'><head><meta charset='utf-8'><title>t</title><link rel='canonical' href='/a'>
    <script type='application/ld+json'>{"datePublished": "2026-11-24"}</script></head><body><article>
    <a href='/a'>t</a><time>24/11/2026</time><p>Text of the piece.</p></article></body></html>""",
    b"/etc/passwd",
    b"http://127.0.0.1:9/",
    b"file:///etc/passwd",
]
MARKUP = (
    b"<", b">", b"</", b"/>", b"'", b'"', b"=", b" a='", b"&", b";", b"<!", b"<?", b"<!--", b"-->", b"<![CDATA[",
    b"]]>", b"item", b"\n",
)  # fmt: skip
UNCLOSED = (
    b"<?xml version='1.0' encoding='utf-8'?><rss version='2.0'><channel><item><category>c</"
    + b"'1.0' encoding='utm/category></item></ch" * 2000
)
EVENTS = frozenset({"open", "socket.connect", "socket.getaddrinfo", "subprocess.Popen"})
OWN = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib", "purelib", "platlib"))
"""Where codecs and modules come from, which Python loads when they are first asked for."""

KINDS = [None, "text/xml", "text/html; charset=utf-7", "application/json", "text/xml; charset=utf-16", "charset=\x00"]


REPEATS = st.integers(2, 3000)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A document that has been cut, mixed with another, repeated in part and sprinkled with any bytes."""
    body = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, len(body)))
        other = draw(st.sampled_from(SEEDS))
        between = draw(
            st.one_of(
                st.binary(max_size=40),
                st.just(other),
                st.builds(mul, st.lists(st.sampled_from(MARKUP), min_size=1, max_size=6).map(b"".join), REPEATS),
                REPEATS.map(lambda times: body[start:end][:200] * times),  # noqa: B023, drawn at once
            )
        )
        body = (body[:start] + between + body[end:])[:400_000]
    return body


@contextmanager
def watched(found: list[str]) -> Iterator[None]:
    """Note every file opened and every address looked up or connected to."""
    looking = [True]

    def look(event: str, args: tuple[Any, ...]) -> None:
        if looking[0] and event in EVENTS and not str(args[0]).startswith(OWN):
            found.append(f"{event} {args[0]!r}"[:200])

    sys.addaudithook(look)
    try:
        yield
    finally:
        looking[0] = False


def main() -> None:
    """Fuzz, and say what went wrong."""
    wrong: list[str] = []

    @settings(max_examples=400, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
              derandomize=True, suppress_health_check=list(HealthCheck))  # fmt: skip
    @example(UNCLOSED, None)
    @given(bodies(), st.sampled_from(KINDS))
    def fuzz(body: bytes, kind: str | None) -> None:
        for name, read in PARSERS.items():
            opened: list[str] = []
            started = time.process_time()
            try:
                with watched_by(opened), cpu_within(ALLOWED_S, or_end=False):
                    read(body, kind)
            except (FeedUnreadable, OutOfTime):
                pass
            except BaseException as error:  # noqa: BLE001, it is what is looked for
                wrong.append(f"{name}: {type(error).__name__}: {error} on {body[:300]!r}")
            took = time.process_time() - started
            if took > CPU_S:
                wrong.append(f"{name}: {took:.1f} s on {body[:300]!r}")
            wrong.extend(f"{name}: {event} on {body[:300]!r}" for event in opened)

    for seed in SEEDS:
        for read in PARSERS.values():
            with suppress(FeedUnreadable):
                # what is imported and loaded once is no body's doing
                read(seed, None)
    events: list[str] = []
    with watched(events):

        @contextmanager
        def watched_by(opened: list[str]) -> Iterator[None]:
            events.clear()
            yield
            opened.extend(events)

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        fuzz()
    sys.stdout.write(json.dumps(wrong[:20]))


if __name__ == "__main__":
    main()
