"""feeds.toml: what it lists, and how its faults are named."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.feeds.catalogue import add_feeds, load_feeds, new_id, set_paused
from schemas.errors import ConfigError
from schemas.feed import Feed, Terms, Transport

GOOD = '# sources\n\n[[feeds]]\nid = "one"\nurl = "https://one.example/feed"\noutlet = "One"\n'


SHIPPED = load_feeds(Path(__file__).parents[3] / "feeds.toml").feeds
KINDS = {"outlet", "agency", "government", "court", "ngo", "think_tank", "aggregator"}


def test_the_file_that_is_shipped_lists_each_place_once_and_says_whose_it_is() -> None:
    urls = [place.url for feed in SHIPPED for place in feed.places]
    assert len(urls) >= 165
    assert [url for url in urls if urls.count(url) > 1] == []
    assert {feed.kind for feed in SHIPPED} == KINDS
    assert {feed.language for feed in SHIPPED} == {"en", "es"}
    assert {feed.country for feed in SHIPPED} >= {"US", "SV", "HN", "GT", "NI", "MX", None}
    assert all(feed.country or feed.kind == "aggregator" for feed in SHIPPED)
    assert all(feed.state_media for feed in SHIPPED if feed.kind == "government")


def test_only_sources_that_were_reported_to_answer_or_are_widely_listed_are_read_from_the_start() -> None:
    weak = ("not confirmed", "stands in one public list")
    assert all(feed.note for feed in SHIPPED)
    assert [feed.id for feed in SHIPPED if (feed.note or "").startswith(weak) and not feed.paused] == []
    active = {feed.group for feed in SHIPPED if not feed.paused}
    assert {"el_salvador", "us", "us_es", "us_government", "courts", "ngo", "query_feeds"} <= active


def test_every_search_is_read_as_one_and_every_lean_has_its_reference() -> None:
    for feed in SHIPPED:
        assert (feed.kind == "aggregator") == (feed.transport is Transport.QUERY), feed.id
        assert (feed.lean is None) == (feed.lean_source is None), feed.id
    assert {feed.terms for feed in SHIPPED if "nytimes.com" in feed.url} == {Terms.HEADLINE}


def test_sources_are_added_at_the_end_and_read_back_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "feeds.toml"
    add_feeds(file, SHIPPED[:80])
    before = file.read_text()
    add_feeds(file, SHIPPED[80:])
    assert file.read_text().startswith(before)
    assert load_feeds(file).feeds == SHIPPED


@pytest.mark.parametrize("text", ['feeds = [{ id = "one", url = "https://one.example", outlet = "One" }]\n'])
def test_a_file_that_is_written_otherwise_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    file = tmp_path / "feeds.toml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        set_paused(file, "one", paused=True)
    assert file.read_text() == text
    assert list(tmp_path.iterdir()) == [file]


@given(
    outlet=st.text(min_size=1, max_size=50), note=st.text(max_size=50), paused=st.booleans(), group=st.text(max_size=20)
)
@settings(max_examples=200, deadline=None)
def test_any_words_survive_being_written(outlet: str, note: str, paused: bool, group: str) -> None:
    feed = Feed(id="a", url="https://a.example", outlet=outlet, note=note, paused=paused, group=group)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "feeds.toml"
        add_feeds(file, [feed])
        assert load_feeds(file).feeds == (feed,)
        assert set_paused(file, "a", paused=not paused)
        assert load_feeds(file).feeds == (feed.model_copy(update={"paused": not paused}),)


def test_a_new_id_follows_the_host_and_is_taken_once() -> None:
    assert new_id("https://www.diario.example/feed", []) == "diario"
    assert new_id("https://feeds.diario.example/", ["diario", "diario-2"]) == "diario-3"
    assert new_id("https://[::1]/", []) == "1"
    assert new_id("https://ñandú.example/", []) == "and"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + '[[feeds]]\nid = "two"\noutlet = "Two"\nurl = "ftp://x"\n', r":10: feed 'two': url: .*pattern"),
        (GOOD + '[[feeds]]\nid = "two"\nurl = "https://x"\n', r":7: feed 'two': outlet: Field required"),
        (GOOD + '[[feeds]]\nid = "Two!"\nurl = "https://x"\noutlet = "T"\n', r":8: feed 'Two!': id: "),
        (GOOD + 'colour = "red"\n', r":7: feed 'one': colour: Extra inputs .*A feed's fields are id, url"),
        (GOOD + GOOD, r"feeds: .*used twice: one"),
        ("[[feeds]\n", r"is not TOML: .*line 1"),
        ("feeds = 7\n", r"feeds: "),
        ("other = 7\n", r"other: Extra inputs"),
    ],
)
def test_a_fault_is_named_by_file_line_feed_and_field(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "feeds.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_feeds(file)
    assert str(caught.value).startswith(str(file))


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such file\. Set poll\.feeds_file"):
        load_feeds(tmp_path / "none.toml")
