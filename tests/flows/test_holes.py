"""What a feed lost between two polls is found again in its site's sitemap."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.feeds.health import Condition, of
from flows.feeds.hole import TRIES
from schemas.article import Lane
from schemas.feed import Feed

if TYPE_CHECKING:
    from tests.flows.conftest import Desk

SCRIPT = Path(__file__).with_name("killed_polls.py")


def only(desk: "Desk", **options: Any) -> Any:
    (polled,) = desk.poll(**options).polled
    return polled


def shows(desk: "Desk", *numbers: int) -> None:
    """Let the feed show these pieces, which have pages."""
    desk.items(*((f"/news/{number}", f"Title {number}") for number in numbers))
    for number in numbers:
        desk.page(f"/news/{number}", f"Piece {number}.")


def listed(desk: "Desk", path: str, minutes: dict[int, float]) -> None:
    """Let there be a news sitemap of these pieces, published so many minutes ago, and let robots.txt name it."""
    now = datetime.now(UTC)
    urls = "".join(
        f"<url><loc>{desk.site.url(f'/news/{number}')}</loc><n:news><n:publication_date>"
        f"{now - timedelta(minutes=ago):%Y-%m-%dT%H:%M:%SZ}</n:publication_date><n:title>Title {number}</n:title>"
        "</n:news></url>"
        for number, ago in minutes.items()
    )
    space = (
        "xmlns='http://www.sitemaps.org/schemas/sitemap/0.9' xmlns:n='http://www.google.com/schemas/sitemap-news/0.9'"
    )
    desk.site.answers[path] = f"<urlset {space}>{urls}</urlset>".encode()
    for number in minutes:
        desk.page(f"/news/{number}", f"Piece {number}.")
    robots = f"User-agent: *\nAllow: /\nSitemap: {desk.site.url('/sitemap.xml')}\nSitemap: {desk.site.url(path)}\n"
    desk.site.answers["/robots.txt"] = robots.encode()


def numbers(desk: "Desk") -> list[int]:
    return sorted(int(article.url.rpartition("/")[2]) for article in desk.published())


def test_pieces_that_came_and_went_are_read_from_the_sitemap_once_and_health_says_so(desk: "Desk") -> None:
    desk.source("one")
    shows(desk, 0, 1, 2)
    listed(desk, "/news-map.xml", {0: 20, 2: 10, 3: 5, 4: 4, 5: 3, 9: 300, 10: 1, 11: 1})
    assert only(desk).new == 3
    assert desk.site.hits("/news-map.xml") == 0
    shows(desk, 10, 11, 12)
    polled = only(desk)
    assert (polled.new, polled.left) == (6, 0)
    assert numbers(desk) == [0, 1, 2, 3, 4, 5, 10, 11, 12]
    assert {article.lane for article in desk.published() if article.url[-2:] in {"/3", "/4", "/5"}} == {Lane.FRESH}
    said = f"were found in {desk.site.url('/news-map.xml')}"
    assert any(note.startswith("3 pieces from") and said in note for note in polled.notes)
    health = of(Feed(id="one", url=desk.site.url("/feed"), outlet="One"), desk.state("one"))
    assert (health.condition, said in health.word) == (Condition.LOSING, True)
    shows(desk, 11, 12, 13)
    assert only(desk).new == 1
    assert (desk.site.hits("/news-map.xml"), desk.site.hits("/news/9")) == (1, 0)
    assert len(numbers(desk)) == len(set(numbers(desk)))


def test_a_kill_in_the_middle_hides_no_hole(desk: "Desk") -> None:
    desk.source("one")
    shows(desk, 0, 1, 2)
    listed(desk, "/news-map.xml", {3: 5, 4: 4, 5: 3, 6: 2})
    desk.poll()
    shows(desk, 10, 11, 12)
    command = [sys.executable, str(SCRIPT), desk.settings.model_dump_json(), desk.stream.name, "after_remember:3"]
    killed = subprocess.run(command, input="\n", capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(killed.stdout.splitlines()[-1])["status"] == -9
    assert 3 < len(set(numbers(desk))) < 10
    assert only(desk).new > 0
    assert sorted(set(numbers(desk))) == [0, 1, 2, 3, 4, 5, 6, 10, 11, 12]
    assert not desk.state("one").looks.hole.open  # type: ignore[union-attr]


def test_what_is_over_a_polls_budget_comes_with_the_next(desk: "Desk") -> None:
    desk.source("one")
    small = desk.settings.poll.model_copy(update={"max_entries": 5})
    settings = desk.settings.model_copy(update={"poll": small})
    shows(desk, 0, 1, 2)
    listed(desk, "/news-map.xml", dict.fromkeys(range(3, 9), 5))
    assert only(desk, settings=settings).new == 3
    shows(desk, 10, 11, 12)
    assert [only(desk, settings=settings).new for _ in range(3)] == [5, 4, 0]
    assert numbers(desk) == [*range(9), 10, 11, 12]


def test_a_site_without_a_sitemap_is_asked_once_a_day_and_one_in_trouble_again(desk: "Desk") -> None:
    desk.source("one")
    shows(desk, 0, 1, 2)
    desk.poll()
    desk.site.answers["/sitemap.xml"] = (503, {}, b"")
    for round_ in range(1, TRIES + 2):
        shows(desk, *(range(10, 14) if round_ == 1 else range(10, 14 + round_)))
        notes = only(desk).notes
        assert any("could not be looked up" in note for note in notes) == (round_ <= TRIES)
    assert desk.site.hits("/sitemap.xml") == TRIES
    desk.site.answers["/sitemap.xml"] = (404, {}, b"")
    for start in (40, 50):
        shows(desk, *range(start, start + 3))
        assert any("has no sitemap with dates" in note for note in only(desk).notes)
    assert desk.site.hits("/sitemap.xml") == TRIES + 1
