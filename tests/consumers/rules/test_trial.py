"""What a rule would have sent is what the worker sent; the commands show it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from consumers.rules.trial import would_send
from deploy.cli import rules as commands
from deploy.cli.main import app
from schemas.classification import Classification
from schemas.rule import Follow, Match, Rule, Threshold
from schemas.taxonomy import Topic

if TYPE_CHECKING:
    from tests.consumers.rules.conftest import Desk

Labelled = Callable[..., Classification]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RUN = CliRunner()
RULE = '[[rules]]\nid = "rights"\nname = "Rights"\ntopics = ["human_rights"]\n'


def news(labelled: Labelled, now: datetime) -> list[Classification]:
    """Four stories of the past month, one of them with a copy, and one read when it was old."""
    rights, copied = [Topic.HUMAN_RIGHTS], tuple(range(64))
    return [
        labelled("a", title="A", published_at=now - 20 * DAY, topics=rights, signature=copied),
        labelled("a-copy", title="A", published_at=now - 20 * DAY + HOUR, topics=rights, signature=copied, outlet="B"),
        labelled("b", title="B", published_at=now - 2 * HOUR, topics=rights),
        labelled("c", title="C", published_at=now - HOUR, topics=[Topic.ECONOMIC_AID]),
        labelled(
            "old", title="Old", published_at=now - 10 * DAY, topics=rights, observed_at_ms=int(now.timestamp() * 1000)
        ),
    ]


def test_the_trial_finds_what_the_worker_sends(desk: "Desk", labelled: Labelled) -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    pieces = news(labelled, now)
    rules: list[Rule] = [
        Match(id="rights", name="Rights", topics=(Topic.HUMAN_RIGHTS,)),
        Threshold(kind="threshold", id="two", name="Two", stories=2, window_hours=3),
        Follow(kind="follow", id="story", name="Story", story="https://news.example/b"),
    ]
    sent = [
        a.alert_id
        for piece in pieces
        for at in [piece.article.observed_at]
        for a in desk.fire(desk.index([piece], now=at), rules, now=at)
    ]
    tried = [a.alert_id for rule in rules for a in would_send(desk.house.es, rule, now - 30 * DAY, now)]
    assert sorted(tried) == sorted(sent)
    assert len(sent) == 4


@pytest.fixture
def read(desk: "Desk", labelled: Labelled, monkeypatch: pytest.MonkeyPatch) -> "Desk":
    """The pieces in the index that the commands look at."""

    @contextmanager
    def archive() -> Iterator[Any]:
        yield desk.house.es

    monkeypatch.setattr(commands, "archive", archive)
    monkeypatch.setattr(commands, "INDICES", desk.house.indices)
    now = datetime.now(UTC)
    batch = desk.index(news(labelled, now), now=now)
    desk.fire(batch, [Match(id="rights", name="Rights", topics=(Topic.HUMAN_RIGHTS,))], now=now)
    return desk


@pytest.mark.usefixtures("read")
def test_the_commands_show_what_a_rule_would_have_sent_and_what_a_change_brings(tmp_path: Path) -> None:
    now, new = tmp_path / "rules.toml", tmp_path / "new.toml"
    now.write_text(RULE)
    new.write_text(RULE.replace("human_rights", "economic_aid") + RULE.replace('"rights"', '"more"'))
    tried = RUN.invoke(app, ["rules", "test", "rights", "--file", str(now)])
    assert tried.exit_code == 0
    assert "would have sent 2 alerts" in tried.output
    assert "2 pieces" in tried.output
    whole = json.loads(RUN.invoke(app, ["rules", "test", "rights", "--file", str(now), "--json"]).stdout)
    assert sorted(a["title"] for a in whole["alerts"]) == ["A", "B"]
    assert sum(whole["days"].values()) == 2
    assert RUN.invoke(app, ["rules", "test", "rights", "--file", str(now), "--since", "30m"]).exit_code == 1
    told = json.loads(RUN.invoke(app, ["rules", "diff", str(new), "--file", str(now), "--json"]).stdout)
    changes = {c["rule"]: (sorted(a["title"] for a in c["gained"]), len(c["lost"])) for c in told}
    assert changes == {"more": (["A", "B"], 0), "rights": (["C"], 2)}
    assert "3 alerts gained, 2 lost" in RUN.invoke(app, ["rules", "diff", str(new), "--file", str(now)]).output
    assert RUN.invoke(app, ["rules", "diff", str(now), "--file", str(now)]).exit_code == 1


@pytest.mark.usefixtures("read")
def test_history_shows_what_was_sent() -> None:
    sent = json.loads(RUN.invoke(app, ["rules", "history", "rights", "--json"]).stdout)
    assert [a["title"] for a in sent["alerts"]] == ["B"]
    assert list(sent["days"].values()) == [1]
    assert "has sent 1 alerts" in RUN.invoke(app, ["rules", "history", "rights"]).output
    assert RUN.invoke(app, ["rules", "history", "nothing"]).exit_code == 1
