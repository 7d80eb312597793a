"""Briefings out of a real index: planted stories, shifts, voices and silences are found, and nothing else is."""

import re
from collections.abc import Callable
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flows.briefing import brief, keep, write
from flows.briefings.period import Period
from schemas.errors import ConfigError
from schemas.message import Language, Message
from schemas.rendering.markup import page
from schemas.rendering.plaintext import plaintext

Said = Callable[..., dict[str, Any]]


def week(shelf: Any, until: datetime, **options: Any) -> Message:
    return brief(shelf.settings, indices=shelf.indices, until=until, **{"period": Period.WEEK, **options}).message


def section(message: Message, heading: str) -> str:
    """The text under a heading."""
    text = plaintext(message)
    return re.split(r"\n\n[^\n]+\n-+\n", text[text.index(f"{heading}\n---") :])[0]


def side(target: str, stance: str) -> dict[str, Any]:
    score = {"favor": 0.8, "against": -0.8, "neutral": 0.0}[stance]
    return {"stance": {target: stance}, "stance_score": {target: score}}


@pytest.fixture
def planted(shelf: Any, said: Said) -> Any:
    """Two weeks: El Valle turns against the aid, Diario does not; Defensoría is new; Radio Norte falls silent."""
    for day in (8, 9, 10, 11):
        shelf.piece(f"El Valle antes {day}", days_ago=day, outlet="El Valle", **side("us_aid", "favor"))
        shelf.piece(f"Radio Norte {day}", days_ago=day, outlet="Radio Norte", topics=["border_control"])
    for day in (1, 2, 3, 4):
        shelf.piece(f"El Valle ahora {day}", days_ago=day, outlet="El Valle", **side("us_aid", "against"))
    for day in (1, 3, 5, 8, 10, 12):
        opinion = "neutral" if day in {3, 10} else "favor"
        voice = said("Cancillería", "favor", entity="cancilleria")
        shelf.piece(f"Diario {day}", days_ago=day, voices=[voice], **side("us_aid", opinion))
    for outlet in ("Uno", "Dos", "Tres", "Cuatro", "Cinco"):
        evidence = {"part": "text", "text": "El vuelo fue ilegal, dijo Defensoría.", "confidence": 0.9}
        shelf.piece(
            "Un vuelo llega a Comalapa",
            days_ago=2,
            outlet=outlet,
            voices=[
                said("Defensoría", "against", "deportation_deal", title="oficina estatal"),
                said("una madre", named=False),
            ],
            evidence=[evidence | {"target": "deportation_deal", "stance": "against", "speaker": "Defensoría"}],
            **side("deportation_deal", "against"),
        )
    shelf.piece(
        "Visita",
        days_ago=1,
        entities=[{"id": "houston", "kind": "place", "name": "Houston"}],
        voices=[said("HOUSTON"), said("la ciudad", entity="houston")],
    )
    shelf.piece("Fuera del tema", days_ago=1, relevant=False, outlet="Otro", voices=[said("Nadie")])
    shelf.store()
    return shelf


def test_the_story_in_most_outlets_comes_first_with_its_sentence(planted: Any, until: datetime) -> None:
    told = section(week(planted, until), "The stories that mattered")
    first = told.split("\n* ")[1]
    assert first.startswith("Un vuelo llega a Comalapa")
    assert "5 outlets, 5 pieces" in " ".join(first.split())
    assert "“El vuelo fue ilegal, dijo Defensoría.” — Defensoría" in " ".join(told.split())
    assert "Fuera del tema" not in told


def test_only_what_was_planted_moved_is_new_or_was_quiet(planted: Any, until: datetime) -> None:
    message = week(planted, until)
    assert [(one["who"], one["target"]) for one in message.data["moved"]] == [("El Valle", "us_aid")]
    moved = " ".join(section(message, "Who moved").split())
    assert "from +0.80 ± 0.10 to −0.80 ± 0.10 · 4 then 4 pieces" in moved  # noqa: RUF001
    assert message.data["new_voices"] == ["Defensoría"]
    new = " ".join(section(message, "New voices").split())
    assert "“Defensoría dijo algo.” — Defensoría, oficina estatal" in new
    assert "against: US deportations and transfers to El Salvador" in new
    quiet = section(message, "What was quiet")
    assert "* Radio Norte (4 in the seven days before)" in quiet
    assert "* Border control (4 in the seven days before)" in quiet
    assert "El Valle" not in quiet


def test_the_balance_counts_stories_not_copies(planted: Any, until: datetime) -> None:
    told = section(week(planted, until), "Sides taken, by stories")
    deal = told[told.index("US deportations") :].splitlines()
    assert [line.split() for line in deal[1:3]] == [
        ["+0", "·0", "−1", "this", "week", "(1)"],  # noqa: RUF001
        ["+0", "·0", "−0", "week", "before", "(0)"],  # noqa: RUF001
    ]


def test_a_voice_that_changes_sides_moves_and_copies_of_it_do_not_count(
    shelf: Any, said: Said, until: datetime
) -> None:
    for day in (8, 9, 10):
        shelf.piece(
            f"Antes {day}",
            days_ago=day,
            voices=[said("Conferencia Episcopal", "favor", entity="conferencia-episcopal")],
        )
        shelf.piece(
            f"Antes {day}",
            days_ago=day,
            outlet="Otro",
            voices=[said("Los obispos", "favor", entity="conferencia-episcopal")],
        )
        shelf.piece(f"Copia {day // 8}", days_ago=day, voices=[said("Una Vez", "favor")])
    for day in (1, 2, 3):
        shelf.piece(
            f"Ahora {day}", days_ago=day, voices=[said("Los obispos", "against", entity="conferencia-episcopal")]
        )
        shelf.piece("Una sola", days_ago=day, outlet=f"Medio {day}", voices=[said("Una Vez", "against")])
    shelf.store()
    (moved,) = week(shelf, until).data["moved"]
    assert (moved["who"], moved["target"]) == ("Los obispos", "us_aid")


def test_an_index_that_is_not_there_is_said_plainly_in_both_languages(shelf: Any, until: datetime) -> None:
    english, spanish = week(shelf, until), week(shelf, until, language=Language.SPANISH, period=Period.DAY)
    assert "there is nothing to tell" in " ".join(plaintext(english).split())
    assert "no hay nada que contar" in " ".join(plaintext(spanish).split())
    assert "no hay con qué comparar" in " ".join(plaintext(spanish).split())
    assert 'lang="es"' in page(spanish)


def test_a_first_week_tells_stories_and_says_that_nothing_can_be_compared(
    shelf: Any, said: Said, until: datetime
) -> None:
    shelf.piece("La primera", days_ago=1, voices=[said("Defensoría")])
    shelf.store()
    message = week(shelf, until)
    assert message.data["new_voices"] == []
    text = plaintext(message)
    assert "La primera" in text
    assert "nothing can be compared" in " ".join(text.split())
    assert "New voices" not in text


def test_a_day_is_compared_with_the_seven_days_before_it_by_the_readers_clock(shelf: Any, until: datetime) -> None:
    shelf.piece("Hoy", days_ago=0.5)
    for day in range(2, 8):
        shelf.piece(f"Antes {day}", days_ago=day)
    shelf.piece("Hace mucho", days_ago=9)
    shelf.store()
    message = week(shelf, until, period=Period.DAY, zone=ZoneInfo("America/El_Salvador"))
    assert message.data["pieces"] == 1
    assert "0.9 pieces a day in the seven days before" in message.source
    assert message.data["since"] == "2026-11-22T06:00:00-06:00"
    assert message.source.startswith("22 Nov 2026, 06:00 CST – 23 Nov 2026, 06:00 CST")


class Elements(HTMLParser):
    """The elements of a page and the addresses in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes += attrs


def test_hostile_text_stays_text_and_nothing_is_fetched(shelf: Any, said: Said, until: datetime) -> None:
    hostile = '<img src=//evil.example/x onerror="alert(1)"><script>alert(1)</script>\u202e'
    shelf.piece("antes", days_ago=9)
    shelf.piece(
        hostile,
        days_ago=1,
        outlet=hostile,
        url="javascript:alert(1)",
        voices=[said(hostile, "against", quote=hostile, title=hostile)],
        evidence=[{"part": "text", "text": hostile, "confidence": 0.9, "target": "us_aid", "stance": "against"}],
    )
    shelf.store()
    message = week(shelf, until)
    found = Elements(page(message))
    assert not found.names & {"img", "script", "svg", "iframe", "link", "object", "form"}
    assert not [name for name, _ in found.attributes if name.startswith("on") or name in {"src", "srcset"}]
    assert not [value for name, value in found.attributes if name == "href" and "javascript" in (value or "")]
    assert "\u202e" not in page(message) + plaintext(message)


def test_it_is_kept_as_html_and_text_and_is_the_same_when_made_again(
    shelf: Any, until: datetime, tmp_path: Path
) -> None:
    shelf.piece("Una", days_ago=1)
    shelf.store()
    done = brief(shelf.settings, period=Period.WEEK, until=until, indices=shelf.indices)
    html, text = keep(done.message, done.reader, tmp_path)
    assert html.name == "everyone-week-2026-11-23.html"
    assert html.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert text.read_text(encoding="utf-8").startswith("Weekly briefing\n1 stories in 1 pieces by 1 outlets")
    assert brief(shelf.settings, period=Period.WEEK, until=until, indices=shelf.indices).message == done.message
    with pytest.raises(ConfigError, match="could not be written"):
        write(done.message, html / "within.html")
