"""Markup to plain text: hostile fields, invisible characters, hidden elements, charsets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.feeds.plain import cut, decode, line, paragraphs, tidy

PAYLOADS = [
    "<script>alert(1)</script>Title",
    "Title<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>x</svg>Title",
    "<style>body{}</style>Title",
    "Title<iframe src='javascript:alert(1)'></iframe>",
    "<template><b>x</b></template>Title",
    "<!-- <b>x</b> -->Title",
    "<p hidden>x</p>Title",
    "<span style='display: none'>x</span>Title",
    "<span style='VISIBILITY:hidden'>x</span>Title",
    "<span style='font-size:0px'>x</span>Title",
    "<div style='position:absolute;left:-9999px'>x</div>Title",
    "<i style='opacity:0'>x</i>Title",
    "T\u200bi\u200dt\u2060l\ufeffe",
    "\u202eTitle\u202c",
    "Ti\u00adtle",
    "\U000e0041Title",
    "\uff34\uff49\uff54\uff4c\uff45",
    "<a href='javascript:alert(1)'>Title</a>",
    "Title\x00\x07",
]


@pytest.mark.parametrize("markup", PAYLOADS)
def test_a_hostile_title_is_the_title_that_a_reader_sees(markup: str) -> None:
    assert line(markup, limit=200) == "Title"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("AT&amp;T &quot;wins&quot;", 'AT&T "wins"'),
        ("a < b and c > d", "a < b and c > d"),
        ("Bukele &amp;mdash; Rubio", "Bukele — Rubio"),
        ("El 1.º de enero, 5½ años… ª", "El 1.º de enero, 5½ años… ª"),
        ("n\u0303 e\u0301", "ñ é"),
        ("oﬃcial", "official"),
        ("<b>bold</b>face <i>and</i>\n more", "boldface and more"),
        ("Z̴̢̧̛͎̦a", "Z̴̢a"),
        ("<span style='opacity:0.8;font-size:0.9em'>seen</span>", "seen"),
    ],
)
def test_ordinary_titles_keep_their_words(markup: str, text: str) -> None:
    assert line(markup.replace("&amp;mdash;", "&mdash;"), limit=200) == text


def test_paragraphs_and_list_items_keep_their_borders() -> None:
    markup = "<p>One <b>b</b>old\nword.</p>\n<ul><li>two</li><li>three</li></ul><div>four<br>five</div>tail"
    assert paragraphs(markup, limit=1000) == "One bold word.\ntwo\nthree\nfour\nfive\ntail"


def test_plain_text_keeps_its_own_paragraphs() -> None:
    assert paragraphs("one\r\n\r\n  two\u2029three ", limit=100) == "one\ntwo\nthree"


def test_a_long_text_is_cut_at_a_word() -> None:
    assert cut("one two three four", 12) == "one two..."
    assert len(cut("x" * 500, 100)) == 100


@given(st.text(max_size=300))
def test_tidying_twice_changes_nothing_and_json_takes_it(text: str) -> None:
    once = tidy(text)
    assert tidy(once) == once
    once.encode("utf-8")


@given(st.text(alphabet=st.sampled_from("<>&;!-/='\"abc \n\u200b"), max_size=200))
def test_any_markup_becomes_one_line_within_its_limit(markup: str) -> None:
    text = line(markup, limit=50)
    assert "\n" not in text
    assert len(text) <= 50


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("año".encode(), None, "año"),
        ("año".encode("latin-1"), None, "año"),
        ("año".encode("latin-1"), "text/html; charset=ISO-8859-1", "año"),
        ("“año”".encode("cp1252"), "text/html; charset=iso-8859-1", "“año”"),
        (b"\xef\xbb\xbf" + "año".encode(), "text/html; charset=latin-1", "año"),
        ("año".encode("utf-16"), "text/html", "año"),
        (b"<meta charset='windows-1252'>" + "año".encode("cp1252"), "text/html", "<meta charset='windows-1252'>año"),
        (b"+ADw-script+AD4-", "text/html; charset=utf-7", "+ADw-script+AD4-"),
        (b"<p>", "text/html; charset=hex", "<p>"),
        (b"<p>", "text/html; charset=no-such", "<p>"),
        (b"<p>\xff", "text/html; charset=utf-8", "<p>\ufffd"),
    ],
)
def test_a_page_is_decoded_by_rule(body: bytes, content_type: str | None, text: str) -> None:
    assert decode(body, content_type) == text
