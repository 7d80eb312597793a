"""What is left out of a feed, and that leaving it out changes nothing of the rest."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from flows.feeds.parse import parse
from flows.feeds.thin import Thin, thin

BASE = "https://news.example/feed"


def rss(*titles: str, around: str = "", head: str = "") -> bytes:
    items = "".join(
        f"<item><title>{title}</title><link>/{title}</link><guid>{title}</guid>"
        f"<dc:creator>By &amp; {title}</dc:creator>"
        f"<description><![CDATA[<p>Of {title} <b>é</b></p>]]></description></item>"
        for title in titles
    )
    return (
        f"{head}<rss version='2.0' xmlns:dc='http://purl.org/dc/elements/1.1/' {around}>"
        f"<channel><title>Nachrichten</title><ttl>30</ttl><language>es</language>{items}</channel></rss>"
    ).encode()


def atom(*titles: str) -> bytes:
    entries = "".join(
        f"<entry><title>{title}</title><link href='/{title}'/><id>{title}</id></entry>\n" for title in titles
    )
    return f"<feed xmlns='http://www.w3.org/2005/Atom'><title>t</title>{entries}</feed>".encode()


def rdf(*titles: str) -> bytes:
    items = "".join(f"<item rdf:about='/{t}'><title>{t}</title><link>/{t}</link></item>" for t in titles)
    spaces = "xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'"
    return f"<rdf:RDF {spaces}><channel rdf:about='/'><title>t</title></channel>{items}</rdf:RDF>".encode()


@pytest.mark.parametrize("make", [rss, atom, rdf])
def test_what_was_read_is_left_out_and_the_rest_reads_as_before(make: Callable[..., bytes]) -> None:
    old = parse(make("b", "c", "d"), "text/xml; charset=utf-8", feed="f", base=BASE)
    marks = [entry.mark for entry in old.entries]
    assert len({*marks} - {""}) == 3
    body = make("a", "b", "changed", "d")
    whole = parse(body, None, feed="f", base=BASE)
    part = parse(body, None, feed="f", base=BASE, known=marks)
    assert part.same == (marks[0], marks[2])
    assert part.entries == (whole.entries[0], whole.entries[2])
    assert (part.title, part.language, part.ttl_s) == (whole.title, whole.language, whole.ttl_s)


def test_a_feed_of_which_all_is_known_is_still_a_feed() -> None:
    known = thin(rss("a", "b"), None, base=BASE).marks
    found = parse(rss("a", "b"), None, feed="f", base=BASE, known=known)
    assert (found.entries, len(found.same), found.title) == ((), 2, "Nachrichten")


def test_an_entry_is_another_one_when_what_is_around_it_says_so() -> None:
    mark = thin(rss("a"), None, base=BASE).marks
    assert thin(rss("a", "b"), None, base=BASE).marks[0] == mark[0]
    assert thin(rss("a"), None, base="https://other.example/").marks != mark
    assert thin(rss("a", around="xml:base='https://other.example/'"), None, base=BASE).marks != mark


WHOLE = {
    "another charset": (rss("a"), "text/xml; charset=iso-8859-1"),
    "another encoding": (rss("a", head="<?xml version='1.0' encoding='windows-1252'?>"), None),
    "bytes that are not UTF-8": (rss("a").replace("é".encode(), b"\xe9"), None),
    "UTF-16": (rss("a").decode().encode("utf-16"), None),
    "a DTD": (b"<!DOCTYPE rss [<!ENTITY e 'x'>]>" + rss("a"), None),
    "not well-formed": (rss("a") + b"<", None),
    "an unknown entity": (rss("a").replace(b"&amp;", b"&nbsp;"), None),
    "an entry in an entry": (rss("a").replace(b"</item>", b"<item/></item>", 1), None),
    "an entry somewhere else": (rss("a").replace(b"<ttl>", b"<x><entry/></x><ttl>"), None),
    "another document": (b"<urlset><url><loc>/a</loc></url></urlset>", None),
    "too many entries": (b"<rss><channel>" + b"<item/>" * 5001 + b"</channel></rss>", None),
    "too long a body": (rss("a") + b" " * 4_000_000, None),
    "nothing": (b"", None),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_not_plain_is_read_whole(name: str) -> None:
    body, content_type = WHOLE[name]
    known = thin(rss("a"), None, base=BASE).marks
    assert thin(body, content_type, base=BASE, known=known) == Thin(body)


def test_the_same_entry_twice_is_left_out_twice() -> None:
    first = thin(rss("a", "a", "b"), None, base=BASE)
    again = thin(rss("a", "a", "b"), None, base=BASE, known=first.marks[:1])
    assert replace(again, body=b"") == Thin(b"", first.marks[2:], first.marks[:2])
