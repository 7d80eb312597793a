"""The whole of Vigía, really running: the demonstration's site, a webhook, every part of the stack."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from consumers import archive
from deploy.demo.inbox import Inbox, open_inbox
from deploy.demo.news_site import Site, serve_site
from deploy.demo.run import environment, is_through
from deploy.local.home import home_at
from deploy.local.state import PartState
from deploy.local.supervise import RunningStack, start_stack
from deploy.prepare import prepare_stack
from flows import publish
from schemas.article import Article
from schemas.errors import Unavailable
from schemas.indices import INDICES
from schemas.settings import ElasticsearchSettings, KafkaSettings
from schemas.streams import ARTICLES

T = TypeVar("T")


@dataclass
class Newsroom:
    """The running whole, and what a test asks of it."""

    stack: RunningStack
    site: Site
    inbox: Inbox
    happenings: list[PartState] = field(default_factory=list)

    @property
    def kafka(self) -> KafkaSettings:
        return KafkaSettings(servers=(self.stack.endpoints.kafka or "",))

    @property
    def elasticsearch(self) -> ElasticsearchSettings:
        return ElasticsearchSettings(url=self.stack.endpoints.elasticsearch or "")

    def publish(self, articles: list[Article]) -> None:
        with publish.Publisher(self.kafka) as publisher:
            receipt = publisher.send(ARTICLES, articles)
        assert not receipt.refused

    def documents(self) -> dict[str, dict[str, Any]]:
        """Everything in the index, by article id."""
        with closing(archive.open_archive(self.elasticsearch)) as es:
            archive.refresh(es, INDICES.news)
            found = archive.search(es, {"size": 1000, "query": {"match_all": {}}})
        return {hit["_id"]: hit["_source"] for hit in found["hits"]["hits"]}

    def wait_for(self, article_id: str, seconds: float = 60) -> dict[str, Any]:
        return self.until(lambda: self.documents().get(article_id), seconds)

    def wait_quiet(self, articles: int, seconds: float = 120) -> None:
        """Wait until so many readings were published and every worker has done with what came of them."""
        self.until(lambda: is_through(self.kafka, articles), seconds)

    def until(self, ask: Callable[[], T | None], seconds: float) -> T:
        """The first answer that is something, within so many seconds; outages on the way are waited out."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = ask()
            except Unavailable:
                found = None
            if found:
                return found
            assert time.monotonic() < deadline, f"nothing within {seconds} s"
            time.sleep(0.3)


@pytest.fixture(scope="session")
def newsroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    home = home_at(tmp_path_factory.mktemp("newsroom"))
    home.create()
    happenings: list[PartState] = []
    with serve_site() as site, open_inbox() as inbox:
        running = start_stack(
            home, prepare=prepare_stack, extra_env=environment(home, site, inbox), on_event=happenings.append
        )
        try:
            running.wait_ready(400)
            yield Newsroom(running, site, inbox, happenings)
        finally:
            running.stop()
