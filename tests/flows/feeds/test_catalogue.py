"""feeds.toml: what it lists, and how its faults are named."""

from pathlib import Path

import pytest

from flows.feeds.catalogue import load_feeds
from schemas.errors import ConfigError

GOOD = '# sources\n\n[[feeds]]\nid = "one"\nurl = "https://one.example/feed"\noutlet = "One"\n'


def test_the_file_that_is_shipped_can_be_read() -> None:
    feeds = load_feeds(Path(__file__).parents[3] / "feeds.toml").feeds
    assert len(feeds) >= 10
    assert {feed.language for feed in feeds} >= {"en", "es"}
    assert {feed.country for feed in feeds} >= {"US", "SV"}


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
