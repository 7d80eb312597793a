"""The door to Elasticsearch, on a real node; some answers are changed on the way by a real proxy."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from consumers.archive import (
    Client,
    Created,
    There,
    claim,
    create,
    ensure,
    get_many,
    mark_handed_over,
    open_archive,
    ping,
    put,
    refresh,
    search,
    update,
)
from consumers.documents import Document, Older, Refused, Stored
from schemas.alert import Alert, Handover, Severity
from schemas.errors import ConfigError, Unavailable
from schemas.identity import alert_id
from schemas.queries import handover_pending
from schemas.settings import ElasticsearchSettings

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def alert_of(rule: str = "rule", story: str = "story") -> Alert:
    return Alert(
        alert_id=alert_id(rule, story),
        rule_id=rule,
        rule_name="Rule",
        severity=Severity.HIGH,
        story_id=story,
        article_id="0" * 32,
        title="A title",
        url="https://news.example/a",
        outlet="Example",
        language="en",
        published_at=NOW,
        observed_at_ms=1,
        created_at_ms=2,
        relevance=0.9,
    )


@pytest.fixture
def make(house: Any) -> Callable[..., Document]:
    def one(doc_id: str, version: int = 1, when: datetime = NOW, **fields: Any) -> Document:
        return Document(house.indices.month(when), doc_id, version, {"article_id": doc_id} | fields)

    return one


@pytest.fixture
def behind(house: Any, proxy: Any) -> Iterator[Client]:
    """A client whose answers pass the proxy."""
    settings = ElasticsearchSettings(url=proxy.url, timeout_s=5)
    with closing(open_archive(settings, house.indices)) as client:
        yield client


def version_of(house: Any, doc_id: str) -> int:
    found = house.es.es.get(index=house.indices.month(NOW), id=doc_id)
    return int(found["_version"])


def test_a_newer_version_wins_in_any_order(house: Any, make: Callable[..., Document]) -> None:
    assert put(house.es, [make("a", 2), make("b", 5)]) == {("a", 2): Stored(), ("b", 5): Stored()}
    assert put(house.es, [make("a", 1), make("b", 5), make("a", 3)]) == {
        ("a", 1): Older(),
        ("b", 5): Older(),
        ("a", 3): Stored(),
    }
    assert version_of(house, "a") == 3


def test_two_versions_and_a_repeat_in_one_batch_are_each_answered(house: Any, make: Callable[..., Document]) -> None:
    batch = [make("a", 7, title="new"), make("a", 5, title="old"), make("a", 7, title="new"), make("b", 1)]
    assert put(house.es, batch) == {("a", 5): Stored(), ("a", 7): Stored(), ("b", 1): Stored()}
    assert get_many(house.es, [(house.indices.month(NOW), "a")])["a"]["title"] == "new"


def test_a_field_that_the_template_lacks_is_refused_alone(house: Any, make: Callable[..., Document]) -> None:
    results = put(house.es, [make("a"), make("b", colour="red"), make("c")])
    assert (results["a", 1], results["c", 1]) == (Stored(), Stored())
    refused = results["b", 1]
    assert isinstance(refused, Refused)
    assert refused.lasting
    assert "colour" in refused.error


def test_items_with_mixed_answers_are_each_told_apart(
    house: Any, make: Callable[..., Document], behind: Client, proxy: Any
) -> None:
    put(house.es, [make("older", 9)])
    told = {"busy": 429, "away": 503, "large": 413}

    def meddle(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if path.startswith("/_bulk"):
            answer = json.loads(body)
            # in another order than asked, since positions say nothing
            answer["items"].reverse()
            for item in answer["items"]:
                if (changed := told.get(item["index"]["_id"])) is not None:
                    item["index"] |= {"status": changed, "error": {"type": "made_up", "reason": "by the proxy"}}
            body = json.dumps(answer).encode()
        return status, body

    proxy.meddle = meddle
    batch = [make("good"), make("bad", colour="red"), make("older", 8), *(make(name) for name in told)]
    results = put(behind, batch)
    assert results["good", 1] == Stored()
    assert results["older", 8] == Older()
    lasting = {key[0]: r.lasting for key, r in results.items() if isinstance(r, Refused)}
    assert lasting == {"bad": True, "large": True, "busy": False, "away": False}


def test_an_answer_that_says_nothing_of_the_items_is_unavailable(
    make: Callable[..., Document], behind: Client, proxy: Any
) -> None:
    for status in (401, 403, 429, 502, 503, 504):
        proxy.meddle = lambda *_, status=status: (status, b'{"error": {"type": "made_up", "reason": "by the proxy"}}')
        with pytest.raises(Unavailable, match=str(status)):
            put(behind, [make("a")])
        with pytest.raises(Unavailable, match=str(status)):
            search(behind, {"query": {"match_all": {}}})
        with pytest.raises(Unavailable, match=str(status)):
            ping(behind)


def test_a_request_that_is_too_large_is_split_until_the_guilty_one_is_alone(
    house: Any, make: Callable[..., Document], behind: Client, proxy: Any
) -> None:
    def meddle(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        items = json.loads(body)["items"] if path.startswith("/_bulk") else []
        if any(item["index"]["_id"] == "huge" for item in items):
            return 413, b'{"error": "too large", "status": 413}'
        return status, body

    put(house.es, [make("first")])
    proxy.meddle = meddle
    results = put(behind, [make("a"), make("huge"), make("b"), make("c")])
    huge = results.pop(("huge", 1))
    assert isinstance(huge, Refused)
    assert huge.lasting
    assert set(results) == {("a", 1), ("b", 1), ("c", 1)}
    # the real node had stored some of them before the proxy said otherwise
    assert all(isinstance(r, Stored | Older) for r in results.values())


def test_a_write_block_is_unavailable_and_passes_when_it_is_lifted(house: Any, make: Callable[..., Document]) -> None:
    put(house.es, [make("a")])
    index = house.indices.month(NOW)
    house.es.es.indices.put_settings(index=index, settings={"index.blocks.write": True})
    with pytest.raises(Unavailable, match="403"):
        put(house.es, [make("b")])
    house.es.es.indices.put_settings(index=index, settings={"index.blocks.write": False})
    assert put(house.es, [make("b")]) == {("b", 1): Stored()}


def test_a_node_that_is_not_there_is_unavailable() -> None:
    with closing(open_archive(ElasticsearchSettings(url="http://127.0.0.1:9"))) as client, pytest.raises(Unavailable):
        ping(client)


def test_an_index_that_is_gone_comes_back_from_its_template_never_with_guessed_fields(
    house: Any, make: Callable[..., Document]
) -> None:
    put(house.es, [make("a")])
    index = house.indices.month(NOW)
    house.es.es.indices.delete(index=index)
    for name in house.indices.templates():
        house.es.es.indices.delete_index_template(name=name)
    results = put(house.es, [make("b"), make("c", colour="red")])
    assert results["b", 1] == Stored()
    assert isinstance(results["c", 1], Refused)
    mapping = house.es.es.indices.get_mapping(index=index)[index]["mappings"]
    assert mapping["dynamic"] == "strict"
    assert house.indices.news in house.es.es.indices.get_alias(index=index)[index]["aliases"]


def test_ensuring_twice_changes_nothing_and_an_older_template_is_brought_up(house: Any) -> None:
    name, body = next(iter(house.indices.templates().items()))
    older = body | {"version": 0}
    older["template"]["mappings"]["properties"].pop("title")
    house.es.es.indices.put_index_template(name=name, **{k.removeprefix("_"): v for k, v in older.items()})
    house.es.es.indices.create(index=house.indices.month(NOW))
    for _ in range(2):
        ensure(house.es)
        held = house.es.es.indices.get_index_template(name=name)["index_templates"][0]["index_template"]
        assert held["version"] == body["version"]
    mapping = house.es.es.indices.get_mapping(index=house.indices.month(NOW))
    assert "title" in mapping[house.indices.month(NOW)]["mappings"]["properties"]


def test_a_name_taken_by_something_else_is_refused(house: Any) -> None:
    house.es.es.indices.delete(index=house.indices.stories)
    for name in house.indices.templates():
        house.es.es.indices.delete_index_template(name=name)
    house.es.es.indices.create(index=house.indices.stories, mappings={"properties": {"colour": {"type": "keyword"}}})
    with pytest.raises(ConfigError, match="did not make"):
        ensure(house.es)


def test_an_alert_is_created_once_and_leaves_the_outbox_when_handed_over(house: Any) -> None:
    alert = alert_of()
    again = alert.model_copy(update={"title": "another"})
    assert create(house.es, [alert]) == {alert.alert_id: Created()}
    assert create(house.es, [again, alert_of("other")]) == {
        alert.alert_id: There(),
        alert_of("other").alert_id: Created(),
    }
    mark_handed_over(house.es, [alert_of("other").alert_id])
    refresh(house.es, house.indices.alerts)
    (waiting,) = search(house.es, handover_pending(10), index=house.indices.alerts)["hits"]["hits"]
    assert Alert.model_validate(waiting["_source"]) == alert
    mark_handed_over(house.es, [alert.alert_id, alert_of("deleted").alert_id])
    refresh(house.es, house.indices.alerts)
    assert search(house.es, handover_pending(10), index=house.indices.alerts)["hits"]["hits"] == []
    held = get_many(house.es, [(house.indices.alerts, alert.alert_id)])[alert.alert_id]
    assert held["handover"] == Handover.DONE


def test_a_create_whose_answer_is_lost_is_found_there_on_the_retry(house: Any, behind: Client, proxy: Any) -> None:
    cut: list[str] = []

    def meddle(method: str, path: str, status: int, body: bytes) -> tuple[int, bytes] | None:
        if path.startswith("/_bulk") and not cut:
            cut.append(path)
            return None
        return status, body

    proxy.meddle = meddle
    assert create(behind, [alert_of()]) == {alert_of().alert_id: There()}
    assert cut
    assert [a["handover"] for a in house.outbox()] == ["pending"]


def test_a_search_asks_for_the_answer_of_all_shards_or_none(behind: Client, proxy: Any) -> None:
    search(behind, {"query": {"match_all": {}}})
    assert "allow_partial_search_results=false" in proxy.asked[-1]


def test_claiming_keeps_what_was_there_first(house: Any) -> None:
    stories = house.indices.stories
    assert claim(house.es, stories, {"a": {"story_id": "one"}}) == {"a": {"story_id": "one"}}
    held = claim(house.es, stories, {"a": {"story_id": "two"}, "b": {"story_id": "two"}})
    assert held == {"a": {"story_id": "one"}, "b": {"story_id": "two"}}


def test_a_missing_index_holds_nothing_and_an_update_of_what_is_gone_says_so(house: Any) -> None:
    assert search(house.es, {"query": {"match_all": {}}})["hits"]["hits"] == []
    assert get_many(house.es, [("news-1990.01", "a"), (house.indices.stories, "a")]) == {}
    assert update(house.es, house.indices.alerts, "0" * 32, {"state": "resolved"}) is False
