"""The main job from end to end: a stack in a home of its own, the news site, the flow, alerts at a webhook."""

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from consumers import archive
from consumers.stages import STAGES
from deploy.demo.inbox import Inbox, open_inbox
from deploy.demo.news_site import Site, serve_site
from deploy.demo.piece import Piece
from deploy.demo.result import Document
from deploy.demo.watching import Watching
from deploy.local.home import Home
from deploy.local.parts import ALL
from deploy.local.state import Endpoints
from deploy.local.supervise import RunningStack, start_stack
from deploy.prepare import prepare_stack
from flows import publish
from schemas.alert import Alert
from schemas.errors import StackError, Unavailable
from schemas.indices import INDICES
from schemas.settings import ElasticsearchSettings, KafkaSettings
from schemas.streams import ARTICLES

TICK_S = 5
RULES = Path(__file__).parent / "rules.toml"
MOST = 1000


@dataclass(frozen=True)
class Demonstration:
    """What came of it. `published` holds the pieces by URL, `live` when those held back were published."""

    published: Mapping[str, Piece]
    live: Mapping[str, datetime]
    documents: Sequence[Document]
    received: Sequence[tuple[Alert, datetime]]
    endpoints: Endpoints


def demonstrate(home: Home, watching: Watching, *, timeout_s: float) -> Demonstration:
    """Run the whole demonstration in `home` and stop the stack. Raises StackError when it does not come to its end."""
    home.create()
    with serve_site() as site, open_inbox(watching.on_alert) as inbox:
        stack = start_stack(
            home,
            parts=ALL,
            prepare=prepare_stack,
            extra_env=environment(home, site, inbox),
            on_event=watching.on_part,
            progress=watching.on_download,
        )
        try:
            stack.wait_ready()
            return _watch(stack, site, inbox, watching.say, timeout_s)
        finally:
            stack.stop()


def environment(home: Home, site: Site, inbox: Inbox) -> dict[str, str]:
    """The settings of the demonstration's processes; those of the user's file and environment don't reach them."""
    feeds, rules, config = (home.root / name for name in ("feeds.toml", "rules.toml", "vigia.toml"))
    config.write_text("")
    shutil.copyfile(RULES, rules)
    feeds.write_text("\n".join(_feed_rows(site)))
    channel = {"name": "desk", "kind": "webhook", "url": inbox.url, "secret": inbox.secret}
    loopback = json.dumps(["127.0.0.1/32"])
    return {
        "VIGIA_CONFIG": str(config),
        "VIGIA_POLL__FEEDS_FILE": str(feeds),
        "VIGIA_POLL__TICK_S": str(TICK_S),
        "VIGIA_POLL__INTERVAL_S": "5",
        "VIGIA_POLL__MIN_FREE_DISK": "0",
        "VIGIA_POLL__ALLOW_NETWORKS": loopback,
        "VIGIA_ALERT__RULES_FILE": str(rules),
        "VIGIA_NOTIFY__CHANNELS": json.dumps([channel]),
        "VIGIA_NOTIFY__ALLOW_NETWORKS": loopback,
    }


def _feed_rows(site: Site) -> list[str]:
    rows = []
    for outlet in site.outlets.values():
        fields = {
            "id": outlet.slug,
            "url": site.feed_url(outlet.slug),
            "outlet": outlet.name,
            "language": outlet.language,
            "country": outlet.country,
        }
        rows.append("[[feeds]]\n" + "".join(f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in fields.items()))
    return rows


def _watch(
    stack: RunningStack, site: Site, inbox: Inbox, say: Callable[[str], None], timeout_s: float
) -> Demonstration:
    deadline = time.monotonic() + timeout_s
    kafka = KafkaSettings(servers=(stack.endpoints.kafka or "",))
    first = [piece for piece in site.pieces if not piece.live]
    say(f"{len(first)} pieces are on the site; the poll flow reads its feeds every {TICK_S} s.")
    _until(stack, deadline, partial(is_through, kafka, len(first)))
    held = [piece for piece in site.pieces if piece.live]
    live: dict[str, datetime] = {}
    for count, piece in enumerate(held, start=len(first) + 1):
        live[site.url(piece)] = site.publish(piece)
        say(f"Published just now: {piece.title}")
        _until(stack, deadline, partial(is_through, kafka, count))
    with closing(archive.open_archive(ElasticsearchSettings(url=stack.endpoints.elasticsearch or ""))) as es:
        archive.refresh(es, INDICES.news)
        found = archive.search(es, {"size": MOST, "query": {"match_all": {}}, "sort": [{"published_at": "asc"}]})
    return Demonstration(
        published={site.url(piece): piece for piece in site.pieces},
        live=live,
        documents=[hit["_source"] for hit in found["hits"]["hits"]],
        received=list(inbox.received.values()),
        endpoints=stack.endpoints,
    )


def is_through(kafka: KafkaSettings, articles: int) -> bool:
    """Whether so many readings were published, and every worker has done with what came of them. Raises Unavailable.

    Asked from the first worker to the last: a worker commits only after what it sent on was acknowledged.
    """
    if publish.depth(kafka, ARTICLES) < articles:
        return False
    return all(publish.lag(kafka, stage.group, stage.stream) == 0 for stage in STAGES.values())


def _until(stack: RunningStack, deadline: float, is_so: Callable[[], bool]) -> None:
    while True:
        if stack.failure is not None:
            raise stack.failure
        try:
            if is_so():
                return
        except Unavailable:
            if time.monotonic() > deadline:
                raise
        if time.monotonic() > deadline:
            raise StackError("demo", "did not come to its end in time; `--keep` leaves the logs", stack.home.logs)
        time.sleep(0.5)
