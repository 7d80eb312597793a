"""Pages that are not the piece are recognised, and pieces are not mistaken for them."""

import pytest

from flows.feeds.extract import Extract, extract

LINK = "https://diario.example/noticias/acuerdo"
SENTENCE = "El gobierno anunció un acuerdo migratorio con Estados Unidos el lunes por la mañana. "
PIECE = "".join(f"<p>Párrafo {n}. {SENTENCE * 3}</p>" for n in range(6))


def page(title: str, body: str, *, head: str = "", url: str = LINK, link: str = LINK) -> Extract:
    markup = f"<html lang='es'><head><title>{title}</title>{head}</head><body><main>{body}</main></body></html>"
    return extract(markup.encode(), "text/html; charset=utf-8", url=url, link=link)


@pytest.mark.parametrize(
    ("title", "body", "head", "url", "wall"),
    [
        ("Just a moment...", "<p>Enable JavaScript and cookies to continue</p>", "", LINK, "a human"),
        ("Un momento…", "<p>Verificando la conexión</p>", "", LINK, "a human"),
        ("Attention Required! | Cloudflare", "<p>Sorry, you have been blocked</p>", "", LINK, "a human"),
        ("diario.example", "<p>wait</p>", "<script>window._cf_chl_opt={}</script>", LINK, "a human"),
        ("", "<p>x</p>", "<script src='https://ct.captcha-delivery.com/c.js'></script>", LINK, "a human"),
        ("Before you continue", "<p>We use cookies</p><button>Accept</button>", "", LINK, "consent"),
        ("Diario", "<p>Cookies</p>", "", "https://consent.diario.example/?next=/a", "consent"),
        ("Diario", "<p>Entrar</p>", "", "https://diario.example/login?next=/noticias/acuerdo", "a login"),
        ("Diario", "<p>Planes</p>", "", "https://diario.example/suscripciones", "a login"),
        ("Diario", "<form><input type='password'></form>", "", LINK, "a password"),
    ],
)
def test_a_page_that_asks_for_something_first_gives_no_text(
    title: str, body: str, head: str, url: str, wall: str
) -> None:
    found = page(title, body, head=head, url=url)
    assert found.wall is not None
    assert wall in found.wall
    assert (found.text, found.canonical) == ("", None)


@pytest.mark.parametrize(
    ("title", "extra", "url", "link"),
    [
        ("Just a moment: what the deal means", "", LINK, LINK),
        ("Acuerdo", "<form><input type='password'></form>", LINK, LINK),
        ("Acuerdo", "", "https://diario.example/suscriptores/a", "https://diario.example/suscriptores/a"),
        ("Acuerdo", "<script src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'></script>", LINK, LINK),
    ],
)
def test_a_piece_is_not_mistaken_for_a_wall(title: str, extra: str, url: str, link: str) -> None:
    found = page(title, PIECE + extra, url=url, link=link)
    assert found.wall is None
    assert len(found.text) > 1400
    assert not found.paywalled


def test_a_paywalled_piece_keeps_its_beginning_without_the_paywalls_words() -> None:
    head = '<script type="application/ld+json">{"@type":"NewsArticle","isAccessibleForFree":"False"}</script>'
    teaser = f"<p>{SENTENCE * 3}</p>"
    found = page("Acuerdo", teaser + "<p>Suscríbase para seguir leyendo este artículo.</p>", head=head)
    assert (found.paywalled, found.wall) == (True, None)
    assert found.text == (SENTENCE * 3).strip()
    bare = page("Acuerdo", "<p>Un acuerdo.</p><p>¿Ya eres suscriptor? Inicia sesión para leer</p>", head=head)
    assert (bare.paywalled, bare.text) == (True, "")


def test_a_live_blog_says_so_in_its_own_data() -> None:
    head = '<script type="application/ld+json">{"@type":"LiveBlogPosting","headline":"Acuerdo"}</script>'
    assert page("Acuerdo", PIECE, head=head).live
    assert not page("Acuerdo", PIECE).live
