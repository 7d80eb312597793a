"""What the classifier made of a source's pieces is learnt from the index, and a change of it is named."""

import uuid
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumers import archive
from consumers.documents import Document
from consumers.index import document
from deploy.local.supervise import RunningStack
from flows import relevance
from flows.feeds.state import Seen, States
from flows.feeds.traits import looks, relevance_drift
from flows.publish import ensure
from flows.relevance import SETTLED, learn
from schemas.article import Article
from schemas.classification import Classification, ModelRef
from schemas.indices import Indices
from schemas.settings import ElasticsearchSettings
from schemas.streams import CLASSIFIED, Stream
from schemas.watch import Looks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flows.conftest import Desk

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def indices(stack: RunningStack, desk: "Desk") -> Indices:
    """Empty indices of this test's own; `desk` knows where."""
    url = stack.endpoints.elasticsearch or ""
    desk.settings = desk.settings.model_copy(update={"elasticsearch": ElasticsearchSettings(url=url)})
    made = Indices(prefix=f"t{uuid.uuid4().hex[:10]}-")
    with closing(archive.open_archive(desk.settings.elasticsearch, made)) as client:
        archive.ensure(client)
    return made


def index(desk: "Desk", indices: Indices, article: Article) -> None:
    """Put the piece where the index worker would."""
    model = ModelRef(id="m", generation=3, sha256="0" * 64)
    said = Classification(article=article, model=model, relevance=1, relevant=True, classified_at_ms=1)
    with closing(archive.open_archive(desk.settings.elasticsearch, indices)) as client:
        home = indices.month(article.published_at)
        archive.put(client, [Document(home, article.article_id, said.version, document(said, "s", [], NOW))])
        archive.refresh(client, indices.news)


def test_which_pieces_are_on_the_beat_is_learnt_once_nothing_waits(
    desk: "Desk", indices: Indices, monkeypatch: pytest.MonkeyPatch
) -> None:
    classified: Stream[Any] = replace(CLASSIFIED, name=f"{desk.stream.name}.classified")
    ensure(desk.settings.kafka, (classified,))
    desk.source("one", fetch_pages=False)
    desk.items(("/a", "On the beat"), ("/b", "Off the beat"))
    desk.poll()
    index(desk, indices, next(one for one in desk.published() if one.title == "On the beat"))

    def learning(after: timedelta) -> int:
        with States(desk.settings.home) as states:
            work = learn(
                states,
                desk.settings,
                now=datetime.now(UTC) + after,
                streams=(desk.stream, classified),
                indices=indices,
            )
            found: int = desk.run(work)
            return found

    assert learning(timedelta(0)) == 0
    monkeypatch.setattr(relevance, "FEW", 1)
    assert learning(2 * SETTLED) == 0
    monkeypatch.setattr(relevance, "FEW", 2)
    assert learning(2 * SETTLED) == 2
    assert learning(2 * SETTLED) == 0
    with States(desk.settings.home) as states:
        assert sorted(states.verdicts("one")) == [False, True]
    desk.items(("/c", "More"))
    desk.poll()
    assert desk.state("one").looks.relevant == 0.5


def test_verdicts_come_back_in_the_order_of_the_pieces_and_are_forgotten_with_them(tmp_path: "Path") -> None:
    with States(tmp_path) as states:
        for number in range(4):
            moment = NOW + timedelta(hours=number)
            states.remember("f", [Seen(f"e{number}", "x", f"a{number}", "h"), Seen(f"s{number}", "x")], now=moment)
        assert states.unjudged(before=NOW + timedelta(hours=2), limit=2) == ["a0", "a1"]
        states.judge({"a2": True, "a0": False, "a1": True})
        assert states.verdicts("f") == [False, True, True]
        states.judge({"a0": True})
        assert states.verdicts("f") == [False, True, True]
        states.prune(now=NOW + timedelta(days=61))
        assert states.verdicts("f") == []


def share(relevant: int, of: int) -> list[bool]:
    """So many of so many, spread evenly."""
    return [(number + 1) * relevant // of > number * relevant // of for number in range(of)]


@pytest.mark.parametrize(
    ("before", "now", "named"),
    [
        (share(45, 90), share(15, 30), False),
        (share(45, 90), share(8, 30), False),
        (share(45, 90), share(0, 30), True),
        (share(45, 90), share(2, 30), True),
        # a rare beat that isn't met for a while is no change, and neither is a week in which it fills the papers
        (share(5, 90), share(0, 30), False),
        (share(5, 90), share(10, 30), False),
        (share(0, 90), share(30, 30), True),
        (share(20, 29), share(0, 30), False),
    ],
)
def test_a_share_that_chance_does_not_explain_is_named(before: list[bool], now: list[bool], named: bool) -> None:
    assert bool(relevance_drift([*before, *now])) is named


def test_the_change_is_said_with_its_figures_and_stands_in_the_sources_looks() -> None:
    found = looks(Looks(), [], [*share(45, 90), *share(0, 30)])
    assert found.relevant == 0.375
    assert found.drift == ("0% of the pieces are on the beat, not 50%: has the source or the classifier changed?",)
