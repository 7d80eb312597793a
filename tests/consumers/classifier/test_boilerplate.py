"""A page's furniture is no piece."""

import pytest

from consumers.classifier.boilerplate import is_boilerplate


@pytest.mark.parametrize(
    "text",
    [
        "Please enable JavaScript to view this page.",
        "Este sitio utiliza cookies. Aceptar todas las cookies.",
        "Ya eres suscriptor. Inicia sesión para seguir leyendo.",
        "Checking your browser before accessing the site.",
        "Página no encontrada",
    ],
)
def test_walls_and_error_pages_are_furniture(text: str) -> None:
    assert is_boilerplate(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The minister said access was denied to lawyers at the prison.",
        "Flights resumed on Monday. Officials gave no figures. All rights reserved.",
        "Un juez ordenó el regreso. La embajada no comentó.",
    ],
)
def test_news_is_not(text: str) -> None:
    assert not is_boilerplate(text)
