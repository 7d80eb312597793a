"""Bytes to entries: formats, hostile fields, broken entries, and bodies that are no feeds."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.feeds import parse as module
from flows.feeds.entry import Parsed
from flows.feeds.parse import parse
from schemas.errors import FeedUnreadable

BASE = "https://news.example/feed"
RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:media="http://search.yahoo.com/mrss/"><channel><title>Diario &amp; más</title><language>es-SV</language>
<ttl>30</ttl><item><title>Vuelo &lt;script&gt;x&lt;/script&gt;aterriza</title><link>/a?x=1</link><guid>urn:1</guid>
<description>&lt;p&gt;Un &lt;b&gt;resumen&lt;/b&gt;&lt;/p&gt;</description>
<content:encoded><![CDATA[<p>Uno.</p><p>Dos.</p><p style="display:none">Tres.</p>]]></content:encoded>
<pubDate>Tue, 24 Nov 2026 06:00:00 -0600</pubDate><dc:creator>Ana <![CDATA[<i>Pérez</i>]]></dc:creator>
<category>Migración</category><media:content url="/i.jpg" medium="image"/></item>
<item><title>Sin enlace</title><guid isPermaLink="true">https://news.example/b</guid>
<pubDate>mar, 24 nov 2026 06:00:00 -0600</pubDate></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><entry>
<id>tag:1</id><title type="html">A &amp;amp; B
</title><link rel="alternate" href="https://news.example/c"/><link rel="enclosure" type="image/png" href="/e.png"/>
<published>2026-11-24T06:00:00-06:00</published><updated>2026-11-24T07:00:00-06:00</updated><author><name>Eva</name>
</author><content type="html">&lt;p&gt;x&lt;/p&gt;</content></entry></feed>"""


def read(text: str | bytes) -> Parsed:
    return parse(text.encode() if isinstance(text, str) else text, "application/xml", feed="f", base=BASE)


def test_an_rss_feed_gives_entries_in_plain_text() -> None:
    parsed = read(RSS)
    assert (parsed.title, parsed.language, parsed.ttl_s, parsed.broken) == ("Diario & más", "es", 1800, ())
    first, second = parsed.entries
    assert (first.title, first.link, first.id) == ("Vuelo aterriza", "https://news.example/a?x=1", "urn:1")
    assert (first.summary, first.content) == ("Un resumen", "Uno.\nDos.")
    assert (first.author, first.section, first.image) == ("Ana Pérez", "Migración", "https://news.example/i.jpg")
    assert first.published == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert (second.link, second.published) == ("https://news.example/b", datetime(2026, 11, 24, 12, tzinfo=UTC))


def test_an_atom_feed_gives_both_its_dates() -> None:
    (entry,) = read(ATOM).entries
    assert (entry.title, entry.author, entry.content) == ("A & B", "Eva", "x")
    assert entry.image == "https://news.example/e.png"
    assert entry.published == datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert entry.updated == datetime(2026, 11, 24, 13, tzinfo=UTC)


def test_a_feed_that_is_not_well_formed_gives_what_it_has() -> None:
    assert [entry.title for entry in read(RSS.replace("<ttl>", "<ttl")).entries] == ["Vuelo aterriza", "Sin enlace"]


def test_a_broken_entry_is_kept_with_its_reason_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = module._entry

    def faulty(raw: object, base: str) -> object:
        entry = inner(raw, base)  # type: ignore[arg-type]
        if entry.title == "Vuelo aterriza":
            raise ValueError("out of paper")
        return entry

    monkeypatch.setattr(module, "_entry", faulty)
    parsed = read(RSS)
    assert [entry.title for entry in parsed.entries] == ["Sin enlace"]
    assert [(broken.position, broken.reason) for broken in parsed.broken] == [(0, "ValueError: out of paper")]


@pytest.mark.parametrize("body", [b"", b"hello", b"<html><body>no</body></html>", b"{}", b"\x00" * 100, b"%PDF-1.7"])
def test_what_is_no_feed_is_unreadable_and_its_first_bytes_are_kept(body: bytes) -> None:
    with pytest.raises(FeedUnreadable) as caught:
        read(body)
    assert caught.value.excerpt == body
    assert (caught.value.feed, caught.value.url) == ("f", BASE)


@pytest.mark.parametrize("body", [b"/dev/zero", b"/etc/passwd", b"file:///etc/passwd", b"http://127.0.0.1:1/"])
def test_a_body_that_looks_like_a_path_or_a_url_opens_nothing(body: bytes) -> None:
    started = time.monotonic()
    with pytest.raises(FeedUnreadable):
        read(body)
    assert time.monotonic() - started < 1


def test_entities_do_not_multiply_and_nothing_outside_is_read() -> None:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    bomb = f'<!DOCTYPE rss [<!ENTITY l0 "lol">{laughs}]><rss version="2.0"><channel><title>&l9;</title></channel></rss>'
    outside = '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss version="2.0"><channel><title>&x;</title>'
    for body in (bomb, outside + "<item><title>t</title></item></channel></rss>"):
        started = time.monotonic()
        try:
            parsed = read(body)
        except FeedUnreadable:
            continue
        assert time.monotonic() - started < 2
        assert "root:" not in parsed.title
        assert len(parsed.title) <= 200


def test_fields_and_entries_without_end_are_cut() -> None:
    item = "<item><title>{}</title><guid>{}</guid></item>"
    many = "".join(item.format("t", i) for i in range(module.MAX_ENTRIES + 7))
    parsed = read(f'<rss version="2.0"><channel>{item.format("x" * 100_000, "big")}{many}</channel></rss>')
    assert len(parsed.entries) == module.MAX_ENTRIES
    assert parsed.dropped == 8
    assert len(parsed.entries[0].title) <= module.MAX_TITLE


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_bytes_make_it_raise_anything_else(data: st.DataObject) -> None:
    whole = RSS.encode()
    start = data.draw(st.integers(0, len(whole)))
    body = whole[:start] + data.draw(st.binary(max_size=60)) + whole[data.draw(st.integers(start, len(whole))) :]
    try:
        parsed = read(body)
    except FeedUnreadable:
        return
    assert Parsed.model_validate_json(parsed.model_dump_json()) == parsed


RSS_LINK = (
    "<rss version='2.0' xmlns:a='http://www.w3.org/2005/Atom'><channel><a:link rel='{}' href='{}'/></channel></rss>"
)


@pytest.mark.parametrize(
    ("body", "older"),
    [
        (RSS_LINK.format("next", "?p=2"), "https://news.example/feed?p=2"),
        (RSS_LINK.format("prev-archive", "/2026"), "https://news.example/2026"),
        (RSS_LINK.format("self", "/feed"), None),
        (RSS_LINK.format("next", "javascript:alert(1)"), None),
        (RSS_LINK.format("next", "http://[bad"), None),
        ('{"version": "https://jsonfeed.org/version/1.1", "items": [], "next_url": "/p2"}', "https://news.example/p2"),
        ('{"version": "https://jsonfeed.org/version/1.1", "items": [], "next_url": "file:///etc/passwd"}', None),
    ],
)
def test_a_feed_tells_of_its_earlier_documents(body: str, older: str | None) -> None:
    assert parse(body.encode(), None, feed="f", base="https://news.example/feed").older == older


@pytest.mark.parametrize("half", ["&#xD800;", "&#xdfff;", "&#55296;", "&#057343;", "&#xDC00"])
def test_half_a_character_spoils_no_feed(half: str) -> None:
    item = f"<item><title>Deal {half} signed</title><link>https://news.example/1</link></item>"
    parsed = read(f"<rss version='2.0'><channel><title>t</title>{item}</channel></rss>")
    assert [entry.title for entry in parsed.entries] == ["Deal signed"]
