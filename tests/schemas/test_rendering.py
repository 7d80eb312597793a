"""Messages as HTML, text and lines: hostile words stay words, in every block."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from schemas.alert import Severity
from schemas.inert import web_link
from schemas.message import (
    Balance,
    Balances,
    Bar,
    Bars,
    Fact,
    Facts,
    Heading,
    Item,
    Items,
    Language,
    Message,
    Paragraph,
    Quote,
)
from schemas.rendering.markup import fragment, page
from schemas.rendering.outline import outline
from schemas.rendering.plaintext import plaintext
from schemas.rendering.reasons import worded
from schemas.rendering.wording import WORDS, figure, when
from schemas.taxonomy import Stance

AT = datetime(2026, 11, 24, 14, 3, tzinfo=UTC)
ELEMENTS = {
    *("a", "blockquote", "div", "em", "h1", "h2", "h3", "li", "mark", "p", "span", "table", "tbody", "td", "tr", "ul"),
}
ATTRIBUTES = {"align", "border", "cellpadding", "cellspacing", "href", "rel", "role", "style", "valign", "width"}


def full_of(text: str, url: str = "https://news.example/a", language: Language = Language.ENGLISH) -> Message:
    """A message with every block, each text of which is the given one."""
    return Message(
        message_id="m",
        kind="digest.created",
        language=language,
        severity=Severity.HIGH,
        label=text,
        title=text,
        url=url,
        source=text,
        footer=text,
        at=AT,
        blocks=(
            Heading(text=text),
            Paragraph(text=text),
            Quote(text=f"a ⟦{text}⟧ b ⟦ c ⟧⟧", speaker=text, stance=Stance.AGAINST, note=text),
            Facts(rows=(Fact(label=text, value=text),)),
            Bars(title=text, rows=(Bar(label=text, share=0.5, shown=text, stance=Stance.FAVOR),)),
            Balances(title=text, rows=(Balance(label=text, favor=1, neutral=2, against=1),)),
            Items(title=text, rows=(Item(title=text, url=url, detail=text),), more=text),
        ),
    )


@settings(max_examples=60, deadline=None)
@given(
    text=st.text()
    | st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=y>', "]]>", "⟧<b>⟦", "&lt;b&gt;"]),
    url=st.text() | st.sampled_from(["javascript:alert(1)", 'https://h/" onclick="x', "https://h/<b>", "//h/x"]),
)
def test_no_text_and_no_url_becomes_an_element_or_an_attribute(text: str, url: str) -> None:
    found = html.fragment_fromstring(fragment(full_of(text, url)), create_parent="div")
    for element in found.iter():
        assert element.tag in ELEMENTS
        assert set(element.attrib) <= ATTRIBUTES
        assert element.get("href", "https://").startswith(("https://", "http://"))
        assert "url(" not in element.get("style", "")


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=2000), budget=st.integers(300, 5000))
def test_lines_keep_to_their_budget_and_the_first_are_heading_and_link(text: str, budget: int) -> None:
    lines = outline(full_of(text), budget=budget)
    assert sum(len(line.text) + len(line.url or "") for line in lines) <= budget
    assert lines[0].text.startswith("HIGH")
    assert lines[1].url == "https://news.example/a"
    assert all(line.text for line in lines)


def test_sides_are_drawn_with_a_key_and_told_in_figures() -> None:
    message = full_of("Deportaciones", language=Language.SPANISH)
    shown = page(message)
    for word in ("a favor", "en contra", "neutral", "width:25%", "width:50%", '<html lang="es">', "ALTA"):
        assert word in shown
    assert "+1    ·2    −1    Deportaciones" in plaintext(message)  # noqa: RUF001 - as it is shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://news.example/a?b=c&d=é#e", "https://news.example/a?b=c&d=%C3%A9#e"),
        ("HTTPS://News.example/a b", "https://News.example/a%20b"),
        ("https://news.example/(x)[y]<z>|'\"", "https://news.example/%28x%29%5By%5D%3Cz%3E%7C%27%22"),
        ("https://periódico.example/á", "https://xn--peridico-y3a.example/%C3%A1"),
        ("https://news.example/\u202egnp.exe", "https://news.example/gnp.exe"),
        ("http://[2001:db8::1]:8080/x", "http://[2001:db8::1]:8080/x"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("https://bank.example@evil.example/", None),
        ("https:///nowhere", None),
        ("https://evil.example\\@bank.example/", None),
        ("//news.example/a", None),
        ("https://h.example/" + "a" * 2100, None),
        ("", None),
    ],
)
def test_a_link_leads_where_it_says_or_is_none(url: str, shown: str | None) -> None:
    assert web_link(url) == shown


def test_words_are_there_in_both_languages() -> None:
    for words in WORDS.values():
        assert words.keys() == {"en", "es"}
    assert when(AT, Language.SPANISH) == "24 nov 2026, 14:03 UTC"
    assert (figure(0.5, Language.SPANISH), figure(3.0, Language.ENGLISH)) == ("0,5", "3")
    assert worded("stance on us_aid", Language.SPANISH) == ("postura sobre la ayuda económica de EE. UU. a El Salvador")
    assert worded("against", Language.ENGLISH) == "against"
    assert worded("some_thing else", Language.ENGLISH) == "some_thing else"
