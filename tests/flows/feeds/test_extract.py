"""A page to its text and what it says of itself."""

from datetime import UTC, datetime

from flows.feeds.extract import Extract, extract

URL = "https://news.example/a/1"
PARAGRAPH = "El gobierno anunció un acuerdo migratorio con Estados Unidos que entra en vigor en enero próximo. "
PAGE = f"""<html lang="es-SV"><head><title>El acuerdo - Diario</title><link rel="canonical" href="/a/1?ref=home">
<meta property="og:title" content="El acuerdo"><meta property="article:section" content="Política">
<meta property="article:published_time" content="2026-11-23T18:00:00-06:00">
<meta property="article:modified_time" content="2026-11-24T01:00:00Z">
<meta property="og:image" content="/i.jpg"><meta name="author" content="Ana Pérez"></head>
<body><nav><a href="/">Inicio</a></nav><article><h1>El acuerdo</h1><p>{PARAGRAPH * 3}</p>
<p style="display:none">Texto oculto de relleno.</p>
<p>Segundo párrafo con un <a href="/x">enlace</a> dentro y \u200bletras\u202e invisibles, del todo suficiente.</p>
<ul><li>Primer punto de la lista del acuerdo</li><li>Segundo punto de la lista del acuerdo</li></ul>
<script>document.write("guion")</script><p hidden>Otro texto oculto.</p></article>
<footer>Derechos reservados</footer>"""


def read(page: str, url: str = URL) -> Extract:
    return extract(page.encode(), "text/html; charset=utf-8", url=url)


def test_the_text_keeps_its_paragraphs_and_list_items_and_loses_the_frame() -> None:
    lines = read(PAGE).text.split("\n")
    assert lines == [
        (PARAGRAPH * 3).strip(),
        "Segundo párrafo con un enlace dentro y letras invisibles, del todo suficiente.",
        "Primer punto de la lista del acuerdo",
        "Segundo punto de la lista del acuerdo",
    ]


def test_the_page_says_who_when_where_and_which() -> None:
    found = read(PAGE)
    assert (found.title, found.byline, found.section, found.language) == ("El acuerdo", "Ana Pérez", "Política", "es")
    assert (found.canonical, found.image) == ("/a/1?ref=home", "https://news.example/i.jpg")
    assert found.published == datetime(2026, 11, 24, tzinfo=UTC)
    assert found.updated == datetime(2026, 11, 24, 1, tzinfo=UTC)


def test_the_date_of_linked_data_is_read_where_no_meta_tells_it() -> None:
    linked = (
        '<script type="application/ld+json">{"@type":"NewsArticle","datePublished":"2026-11-20T10:00:00Z"}</script>'
    )
    page = f"<html><head>{linked}</head><body><article><p>{PARAGRAPH * 5}</p></article></body></html>"
    assert read(page).published == datetime(2026, 11, 20, 10, tzinfo=UTC)


def test_a_page_without_text_gives_none() -> None:
    for page in ("", "<html></html>", "<html><body><p hidden>x</p></body></html>", "\x00"):
        assert read(page).text == ""


def test_what_the_page_points_at_is_never_opened() -> None:
    page = PAGE.replace(
        "</article>", '<iframe src="file:///etc/passwd"></iframe><img src="http://127.0.0.1:1/x"></article>'
    )
    assert "root:" not in read(page).text
