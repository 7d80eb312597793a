"""What a stack needs before anything flows: the streams on the broker, the templates and indices in Elasticsearch."""

from contextlib import closing

from consumers import archive
from deploy.local.state import Endpoints
from flows import publish
from schemas.settings import ElasticsearchSettings, KafkaSettings
from schemas.streams import STREAMS


def prepare(kafka: KafkaSettings, elasticsearch: ElasticsearchSettings) -> None:
    """Make what is missing; safe to repeat. Raises Unavailable."""
    publish.ensure(kafka, STREAMS)
    with closing(archive.open_archive(elasticsearch)) as es:
        archive.ensure(es)


def prepare_stack(endpoints: Endpoints) -> None:
    """The same for the embedded stack: the hook that runs between its servers and its workers."""
    assert endpoints.kafka is not None  # noqa: S101  a stack without servers has no workers to prepare for
    assert endpoints.elasticsearch is not None  # noqa: S101
    prepare(KafkaSettings(servers=(endpoints.kafka,)), ElasticsearchSettings(url=endpoints.elasticsearch))
