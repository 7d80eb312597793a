"""Killing Elasticsearch or Kafka while it runs: reported, restarted, and nothing lost."""

import os
import signal
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from flows.feeds.story import signature
from schemas.article import Article
from schemas.identity import article_id, content_hash

if TYPE_CHECKING:
    from tests.e2e.conftest import Newsroom

TEXT = (
    "A deportation flight from Texas carried {n} Salvadorans to San Salvador on Tuesday under the agreement between "
    "the two governments. A lawyer for several of them called the transfers unlawful: no judge had heard them."
)


def articles(run: str, count: int) -> list[Article]:
    now = datetime.now(UTC)
    made = []
    for n in range(count):
        url = f"https://kill.example/{run}/{n}"
        title, text = f"Flight {n} lands in San Salvador ({run})", TEXT.format(n=n + 20)
        made.append(
            Article(
                article_id=article_id(url),
                url=url,
                link=url,
                feed="kill",
                outlet=f"Outlet {n}",
                title=title,
                text=text,
                language="en",
                published_at=now,
                observed_at_ms=int(now.timestamp() * 1000) + n,
                content_hash=content_hash(title, text),
                signature=signature(text),
            )
        )
    return made


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", ["elasticsearch", "kafka"])
def test_a_killed_server_comes_back_and_nothing_is_lost(newsroom: "Newsroom", part: str) -> None:
    before = newsroom.stack.part(part)
    seen = len(newsroom.happenings)
    sent = articles(part, 30)
    newsroom.publish(sent[:15])
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    deadline = time.monotonic() + 90
    left = sent[15:]
    while left:  # what the poller does: an outage is tried again until the broker acknowledges
        try:
            newsroom.publish(left)
            left = []
        except Exception as error:
            if time.monotonic() > deadline or type(error).__name__ != "Unavailable":
                raise
            time.sleep(1)
    newsroom.until(lambda: newsroom.stack.is_ready(), 120)
    ids = {article.article_id for article in sent}
    newsroom.until(lambda: ids <= newsroom.documents().keys(), 120)
    after = newsroom.stack.part(part)
    assert after.pid != before.pid
    assert after.restarts == before.restarts + 1
    assert any(h.name == part and h.condition == "restarting" for h in newsroom.happenings[seen:])
    assert len({document["article_id"] for document in newsroom.documents().values()} & ids) == 30
