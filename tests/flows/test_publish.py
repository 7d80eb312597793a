"""The door to Kafka, on a real broker."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from flows import publish
from flows.publish import Publisher, ensure
from schemas.article import Article
from schemas.errors import Unavailable
from schemas.identity import article_id, content_hash
from schemas.settings import KafkaSettings
from schemas.streams import DAY_MS

if TYPE_CHECKING:
    from tests.flows.conftest import Desk

NOBODY = KafkaSettings(servers=("127.0.0.1:1",))


def article(number: int, text: str = "text") -> Article:
    url = f"https://news.example/{number}"
    return Article(
        article_id=article_id(url),
        url=url,
        link=url,
        feed="f",
        outlet="F",
        title="t",
        text=text,
        language="en",
        published_at=datetime(2026, 11, 24, tzinfo=UTC),
        observed_at_ms=number,
        content_hash=content_hash("t", text),
    )


def test_streams_are_made_once_with_their_partitions_and_limits(desk: "Desk") -> None:
    stream = replace(desk.stream, partitions=5, retention_ms=3 * DAY_MS, max_bytes=123_456)
    assert ensure(desk.settings.kafka, (stream,)) == [stream.name]
    assert ensure(desk.settings.kafka, (stream,)) == []
    admin = KafkaAdminClient(**desk.settings.kafka.client_options())
    try:
        (topic,) = admin.describe_topics([stream.name])
        found = str(admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, stream.name)]))
    finally:
        admin.close()
    assert len(topic["partitions"]) == 5
    assert str(3 * DAY_MS) in found
    assert "123456" in found


def test_every_message_is_acknowledged_and_can_be_read(desk: "Desk") -> None:
    ensure(desk.settings.kafka, (desk.stream,))
    sent = [article(number) for number in range(300)]
    with Publisher(desk.settings.kafka) as publisher:
        receipt = publisher.send(desk.stream, sent)
    assert set(receipt.acked) == {one.article_id for one in sent}
    assert receipt.refused == {}
    assert desk.published() == sent


def test_readings_of_one_piece_stay_in_order(desk: "Desk") -> None:
    ensure(desk.settings.kafka, (desk.stream,))
    readings = [article(7, f"text {number}").model_copy(update={"observed_at_ms": number}) for number in range(50)]
    with Publisher(desk.settings.kafka) as publisher:
        for one in readings:
            publisher.send(desk.stream, [one])
    assert [one.text for one in desk.published()] == [one.text for one in readings]


def test_a_message_that_is_too_big_is_refused_with_the_reason_and_the_rest_goes_on(desk: "Desk") -> None:
    stream = replace(desk.stream, max_bytes=20_000)
    ensure(desk.settings.kafka, (stream,))
    small, big = article(1), article(2, "x " * 20_000)
    with Publisher(desk.settings.kafka) as publisher:
        receipt = publisher.send(stream, [big, small])
    assert receipt.acked == (small.article_id,)
    assert "over the 20000" in receipt.refused[big.article_id]


def test_what_only_the_broker_finds_too_big_is_refused_too(desk: "Desk") -> None:
    ensure(desk.settings.kafka, (replace(desk.stream, max_bytes=2_000),))
    noise = random.Random(1).randbytes(20_000).hex()
    with Publisher(desk.settings.kafka) as publisher:
        receipt = publisher.send(desk.stream, [article(1, noise), article(2)])
    assert set(receipt.refused) == {article(1).article_id}
    assert receipt.acked == (article(2).article_id,)


def test_a_broker_that_is_away_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "CONNECT_MS", 500)
    with pytest.raises(Unavailable, match=r"kafka is unavailable: .*127\.0\.0\.1:1"):
        ensure(NOBODY, ())
    with pytest.raises(Unavailable), Publisher(NOBODY):
        pass


def test_a_missing_stream_is_unavailable_and_later_sends_fail_at_once(
    desk: "Desk", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "CONNECT_MS", 500)
    with Publisher(desk.settings.kafka) as publisher:
        for _ in range(2):
            with pytest.raises(Unavailable, match="kafka is unavailable"):
                publisher.send(desk.stream, [article(1)])
        ensure(desk.settings.kafka, (desk.stream,))
        publisher.open()
        assert publisher.send(desk.stream, [article(1)]).acked == (article(1).article_id,)


def test_a_closed_publisher_says_so(desk: "Desk") -> None:
    with pytest.raises(Unavailable, match="not open"):
        Publisher(desk.settings.kafka).send(desk.stream, [article(1)])


def test_the_producer_is_safe_whatever_its_library_would_do(desk: "Desk") -> None:
    with Publisher(desk.settings.kafka) as publisher:
        producer = publisher._producer
        assert isinstance(producer, KafkaProducer)
        config = producer.config
    assert (config["acks"], config["enable_idempotence"], config["allow_auto_create_topics"]) == (-1, True, False)
