"""The whole way of one article, on the real stack: from a feed to an alert with the sentence that caused it."""

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from consumers import archive
from consumers.rulebook import load_rules
from deploy.demo.run import RULES
from flows.feeds.story import signature
from schemas.alert import AlertRecord
from schemas.article import Article, TextSource
from schemas.identity import alert_id, article_id, content_hash
from schemas.indices import INDICES
from schemas.inert import plain
from schemas.rule import Rule
from schemas.taxonomy import Stance, Topic

if TYPE_CHECKING:
    from tests.e2e.conftest import Newsroom

SEED = Path(__file__).parents[3] / "shared/seed-article.txt"


@pytest.fixture(scope="module")
def read(newsroom: "Newsroom") -> dict[str, dict[str, Any]]:
    """What is in the index once the site's first 37 pieces have come through, by URL."""
    newsroom.wait_quiet(37)
    return {document["url"]: document for document in newsroom.documents().values()}


def url_of(newsroom: "Newsroom", number: str) -> str:
    return next(newsroom.site.url(piece) for piece in newsroom.site.pieces if piece.slug.startswith(number))


def test_what_is_on_the_beat_is_found_and_little_else(newsroom: "Newsroom", read: dict[str, dict[str, Any]]) -> None:
    published = {newsroom.site.url(p): p for p in newsroom.site.pieces if not p.live}
    relevant = {url for url, piece in published.items() if piece.relevant}
    assert len(relevant & read.keys()) >= len(relevant) - 2
    assert len(read.keys() - relevant) <= 3


def test_evidence_is_an_exact_part_of_the_piece(read: dict[str, dict[str, Any]]) -> None:
    rows = [(row, document) for document in read.values() for row in document["evidence"]]
    assert len(rows) > len(read)
    for row, document in rows:
        assert document[row["part"]][row["start"] : row["end"]] == row["text"]


def test_pages_were_read_where_the_feed_gave_only_a_summary(
    newsroom: "Newsroom", read: dict[str, dict[str, Any]]
) -> None:
    pieces = {newsroom.site.url(piece): piece for piece in newsroom.site.pieces}
    sources = set()
    for url, document in read.items():
        sources.add((document["text_source"], newsroom.site.outlets[pieces[url].outlet].full_text))
        assert pieces[url].paragraphs[-1].split(". ")[0][:50] in document["text"]
        assert "Read also" not in document["text"]
        assert "Lea también" not in document["text"]
    assert sources == {("feed", True), ("page", False)}


def test_a_wire_story_run_by_two_outlets_is_one_and_two_reports_are_two(
    newsroom: "Newsroom", read: dict[str, dict[str, Any]]
) -> None:
    wire, copy, one, other = (read[url_of(newsroom, number)] for number in ("13", "14", "03", "04"))
    assert wire["story_id"] == copy["story_id"]
    assert one["story_id"] != other["story_id"]


def test_the_alerts_are_those_that_brute_force_finds(newsroom: "Newsroom", read: dict[str, dict[str, Any]]) -> None:
    expected = {
        alert_id(rule.id, document["story_id"])
        for rule in load_rules(RULES)
        for document in read.values()
        if fires(rule, document)
    }
    assert expected
    assert set(newsroom.inbox.received) == expected
    assert newsroom.inbox.refused == 0


def fires(rule: Rule, document: dict[str, Any]) -> bool:
    """The rule's conditions, each on its own, without Elasticsearch."""
    published = datetime.fromisoformat(document["published_at"])
    if (datetime.now(UTC) - published).total_seconds() > rule.max_age_hours * 3600:
        return False
    if document["relevance"] < rule.min_relevance:
        return False
    if rule.topics and not set(rule.topics) & set(document["topics"]):
        return False
    if rule.query is not None:
        words = set(f"{document['title']} {document['summary']} {document['text']}".lower().replace(".", " ").split())
        if not words & {"aid", "ayuda", "aid,", "ayuda,", "aids", "ayudas"}:
            return False
    return all(
        document["stance"].get(target) in sides and document["stance_confidence"][target] >= rule.min_confidence
        for target, sides in rule.stances.items()
    )


def test_an_alert_carries_the_sentence_that_caused_it(newsroom: "Newsroom", read: dict[str, dict[str, Any]]) -> None:
    alerts = [alert for alert, _ in newsroom.inbox.received.values()]
    for alert in alerts:
        document = read[alert.url]
        assert alert.evidence
        said = plain(f"{document['title']} {document['text']}")  # a webhook carries single lines
        assert all(e.text in said for e in alert.evidence)
        assert any(e.target is not None and e.stance is not None for e in alert.evidence)


def seed_article(newsroom: "Newsroom") -> Article:
    """The first real input; where it is absent, its story as the demonstration tells it."""
    if SEED.is_file():
        title, text = "Trump to meet Bukele on migration", SEED.read_text().strip()
    else:
        piece = newsroom.site.pieces[0]
        title, text = piece.title, piece.body
    now = datetime.now(UTC)
    return Article(
        article_id=article_id("https://seed.example/meeting"),
        url="https://seed.example/meeting",
        link="https://seed.example/meeting",
        feed="seed",
        outlet="Seed",
        title=title,
        text=text,
        text_source=TextSource.FEED,
        language="en",
        published_at=now,
        observed_at_ms=int(now.timestamp() * 1000),
        content_hash=content_hash(title, text),
        signature=signature(text),
    )


def test_the_seed_article_is_understood(newsroom: "Newsroom", read: dict[str, dict[str, Any]]) -> None:
    article = seed_article(newsroom)
    newsroom.publish([article])
    document = newsroom.wait_for(article.article_id)
    topics = set(document["topics"])
    assert document["relevant"] is True
    assert {Topic.SECURITY_COOPERATION, Topic.ECONOMIC_AID} <= topics
    assert topics & {Topic.DEPORTATION_RETURNS, Topic.BORDER_CONTROL}
    assert document["model"]["generation"] >= 1
    whole = {"title": article.title, "text": article.text}
    assert document["evidence"]
    for row in document["evidence"]:
        assert whole[row["part"]][row["start"] : row["end"]] == row["text"]
    # the same reading again changes nothing
    newsroom.publish([article])
    newsroom.wait_quiet(39)
    again = newsroom.documents()[article.article_id]
    assert (again["version"], again["indexed_at"]) == (document["version"], document["indexed_at"])


def test_search_finds_by_words_stance_and_language(newsroom: "Newsroom", read: dict[str, dict[str, Any]]) -> None:
    sides = Counter(
        (target, side, document["language"])
        for document in read.values()
        for target, side in document["stance"].items()
        if side != Stance.NEUTRAL
    )
    (target, side, language), _ = sides.most_common(1)[0]
    wanted = [d for d in read.values() if d["stance"].get(target) == side and d["language"] == language]
    found = vigia(newsroom, "search", "--stance", f"{target}={side}", "--since", "7d", "--lang", language, "--json")
    document = json.loads(found.stdout)
    assert found.returncode == 0
    assert document["stories"] == len({d["story_id"] for d in wanted})
    assert {hit["url"] for hit in document["hits"]} <= {d["url"] for d in wanted}
    nothing = vigia(newsroom, "search", "zyzzyva", "--json")
    assert (nothing.returncode, json.loads(nothing.stdout)["pieces"]) == (1, 0)
    table = vigia(newsroom, "search", "deportación")
    assert table.returncode == 0
    assert "stories" in table.stdout


def test_the_alerts_command_lists_what_was_sent(newsroom: "Newsroom", read: dict[str, dict[str, Any]]) -> None:
    listed = json.loads(vigia(newsroom, "alerts", "list", "--limit", "1000", "--json").stdout)
    assert {AlertRecord.model_validate(alert).alert_id for alert in listed} == set(newsroom.inbox.received)


def vigia(newsroom: "Newsroom", *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.cli.main", *arguments],
        env=os.environ | {"VIGIA_HOME": str(newsroom.stack.home.root), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_alert_was_handed_over(newsroom: "Newsroom", read: dict[str, dict[str, Any]]) -> None:
    with closing(archive.open_archive(newsroom.elasticsearch)) as es:
        archive.refresh(es, INDICES.alerts)
        body = {"size": 1000, "query": {"match_all": {}}}
        hits = archive.search(es, body, index=INDICES.alerts)["hits"]["hits"]
    assert {hit["_source"]["handover"] for hit in hits} == {"done"}
