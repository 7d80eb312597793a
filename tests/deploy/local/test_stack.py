import json
import stat
import subprocess
import sys
import uuid

import psutil
import pytest
from elasticsearch import Elasticsearch, NotFoundError
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from deploy.local import state
from deploy.local.supervise import RunningStack, start_stack
from schemas.errors import StackError


@pytest.fixture
def elasticsearch(stack: RunningStack) -> Elasticsearch:
    assert stack.endpoints.elasticsearch is not None
    return Elasticsearch(stack.endpoints.elasticsearch)


def test_what_is_produced_is_read_back_by_a_group_that_begins_at_the_start(stack: RunningStack) -> None:
    name = f"t-{uuid.uuid4().hex}"
    admin = KafkaAdminClient(bootstrap_servers=stack.endpoints.kafka)
    admin.create_topics([NewTopic(name, 2, 1)])
    producer = KafkaProducer(bootstrap_servers=stack.endpoints.kafka, acks="all", enable_idempotence=True)
    sent = [f"message {number}".encode() for number in range(20)]
    for value in sent:
        producer.send(name, value)
    producer.flush()
    consumer = KafkaConsumer(
        name,
        bootstrap_servers=stack.endpoints.kafka,
        group_id=name,
        auto_offset_reset="earliest",
        consumer_timeout_ms=20_000,
    )
    read = [next(consumer).value for _ in sent]
    for client in (consumer, producer, admin):
        client.close()
    assert sorted(read) == sorted(sent)


def test_the_broker_makes_no_topic_because_somebody_asks_for_it(stack: RunningStack) -> None:
    name = f"t-{uuid.uuid4().hex}"
    consumer = KafkaConsumer(bootstrap_servers=stack.endpoints.kafka)
    assert not consumer.partitions_for_topic(name)
    assert name not in consumer.topics()
    consumer.close()


def test_the_node_makes_no_index_because_somebody_writes_to_it(elasticsearch: Elasticsearch) -> None:
    with pytest.raises(NotFoundError, match="no such index"):
        elasticsearch.index(index=f"t-{uuid.uuid4().hex}", document={"a": 1})


@pytest.mark.parametrize(
    ("analyzer", "text", "tokens"),
    [
        ("english", "The deportation flights landed", ["deport", "flight", "land"]),
        ("spanish", "Los vuelos de deportación aterrizaron", ["vuel", "deportacion", "aterrizaron"]),
    ],
)
def test_the_node_knows_the_language(elasticsearch: Elasticsearch, analyzer: str, text: str, tokens: list[str]) -> None:
    found = elasticsearch.indices.analyze(analyzer=analyzer, text=text)
    assert [token["token"] for token in found["tokens"]] == tokens


def test_accents_can_be_folded_in_a_normalizer_too(elasticsearch: Elasticsearch) -> None:
    name = f"t-{uuid.uuid4().hex}"
    folding = {"plain": {"type": "custom", "filter": ["lowercase", "asciifolding"]}}
    elasticsearch.indices.create(
        index=name,
        settings={"analysis": {"normalizer": folding}},
        mappings={"properties": {"who": {"type": "keyword", "normalizer": "plain"}}},
    )
    elasticsearch.index(index=name, document={"who": "Núñez"}, refresh=True)
    assert elasticsearch.count(index=name, query={"term": {"who": "NUNEZ"}})["count"] == 1
    assert elasticsearch.count(index=name, query={"wildcard": {"who": "núñ*"}})["count"] == 1


def test_nothing_listens_beyond_this_machine(stack: RunningStack) -> None:
    listening = [
        connection.laddr.ip.removeprefix("::ffff:")
        for part in stack.parts()
        for connection in psutil.Process(part.pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 4
    assert set(listening) == {"127.0.0.1"}


def test_the_home_is_readable_by_its_owner_alone(stack: RunningStack) -> None:
    for folder in (stack.home.root, stack.home.data, stack.home.logs, stack.home.run):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((stack.home.run / "stack.json").stat().st_mode) == 0o600


def test_a_second_start_in_the_same_home_is_told_of_the_first(stack: RunningStack) -> None:
    with pytest.raises(StackError, match=r"already running in .*vigia down"):
        start_stack(stack.home, parts=("kafka",))
    assert stack.is_ready()


def test_a_second_start_by_another_process_is_told_of_the_first_and_disturbs_nothing(stack: RunningStack) -> None:
    script = "import sys; from pathlib import Path; from deploy.local.home import home_at\n"
    script += "from deploy.local.supervise import start_stack; start_stack(home_at(Path(sys.argv[1])))"
    second = subprocess.run(
        [sys.executable, "-c", script, stack.home.root], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert [part.restarts for part in stack.parts()] == [0, 0]
    assert stack.is_ready()


def test_any_process_can_find_the_running_stack(stack: RunningStack) -> None:
    assert state.endpoints(stack.home) == stack.endpoints
    known = state.read_state(stack.home)
    assert known is not None
    assert {part.name: (part.condition, part.pid) for part in known.parts} == {
        part.name: ("ready", part.pid) for part in stack.parts()
    }


def test_the_endpoints_are_settings_that_any_child_understands(stack: RunningStack) -> None:
    script = "from schemas.settings import load_settings; s = load_settings(); "
    script += "print(s.model_dump_json(include={'kafka': {'servers'}, 'elasticsearch': {'url'}}))"
    env = stack.endpoints.environment()
    said = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True).stdout
    assert json.loads(said) == {
        "kafka": {"servers": [stack.endpoints.kafka]},
        "elasticsearch": {"url": stack.endpoints.elasticsearch},
    }
