"""Which URL is the piece's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.feeds.canonical import canonical, identity, same_site


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTPS://News.Example:443/A?utm_source=x&utm_medium=y#top", "https://news.example/A"),
        ("http://news.example:80", "http://news.example/"),
        ("http://news.example:8080/a", "http://news.example:8080/a"),
        ("https://user:secret@news.example/a", "https://news.example/a"),
        ("https://news.example/a?id=5&fbclid=abc&page=2", "https://news.example/a?id=5&page=2"),
        ("https://news.example/a?20261124", "https://news.example/a?20261124"),
        ("https://news.example/a?cid=7&session=2&uid=3", "https://news.example/a?cid=7&session=2&uid=3"),
        ("https://news.example/a?ref=rss", "https://news.example/a"),
        ("https://news.example/a?ref=4711", "https://news.example/a?ref=4711"),
        ("https://news.example/a%7eb/%c3%b1/ñ", "https://news.example/a~b/%C3%B1/%C3%B1"),
        ("https://news.example/a\n b", "https://news.example/ab"),
        ("https://noticias-año.example/a", "https://xn--noticias-ao-beb.example/a"),
        ("https://[2001:DB8::1]/a", "https://[2001:db8::1]/a"),
        ("https://news.example./a", "https://news.example/a"),
    ],
)
def test_a_url_is_put_into_one_form(url: str, expected: str) -> None:
    assert canonical(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "/a",
        "//news.example/a",
        "ftp://x/y",
        "http://",
        "http://[x/",
        "http://x:y/",
        "data:,",
    ],
)
def test_what_is_not_an_http_url_has_no_form(url: str) -> None:
    assert canonical(url) is None


@given(st.text(max_size=80))
def test_the_form_of_a_form_is_itself(tail: str) -> None:
    once = canonical("https://news.example/" + tail)
    assert once is not None
    assert canonical(once) == once
    assert once.isascii()


def test_the_page_says_its_own_url_within_its_own_domain() -> None:
    link = "https://news.example/a?x=1"
    assert identity(link, page_url=link, declared="/a") == "https://news.example/a"
    assert identity(link, page_url=link, declared="https://www.news.example/a") == "https://www.news.example/a"


@pytest.mark.parametrize(
    ("page", "declared"),
    [
        ("https://evil.example/a", "https://real.example/b"),
        ("https://evil.co.uk/a", "https://real.co.uk/b"),
        ("https://evil.blogspot.com/a", "https://real.blogspot.com/b"),
        ("https://evil.github.io/a", "https://real.github.io/b"),
        ("https://evil.gob.sv/a", "https://presidencia.gob.sv/b"),
        ("http://127.0.0.1:8001/a", "http://127.0.0.1:8002/b"),
        ("https://a.example/a", "javascript:alert(1)"),
        ("https://a.example/a", "http://["),
        ("https://a.example/a", "/"),
    ],
)
def test_nobody_speaks_for_another_outlets_piece(page: str, declared: str) -> None:
    assert identity(page, page_url=page, declared=declared) == page


def test_a_click_counter_gives_way_to_where_it_led() -> None:
    counter = "https://feedproxy.example/r/1"
    assert identity(counter, page_url="https://news.test/a?utm_source=f") == "https://news.test/a"
    assert identity(counter) == counter


def test_a_redirect_within_the_site_does_not_rename_the_piece() -> None:
    assert identity("https://news.example/a", page_url="https://news.example/login") == "https://news.example/a"


def test_sites_are_told_apart_without_asking_the_network() -> None:
    assert same_site("https://feeds.news.example/x", "https://www.news.example/y")
    assert not same_site("", "https://news.example/")
    assert not same_site("http://127.0.0.1:1/", "http://127.0.0.1:2/")
