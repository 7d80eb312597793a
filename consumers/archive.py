"""The consumers' only door to Elasticsearch. Everything here may raise Unavailable: nothing is wrong with the items."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog
from elasticsearch import ApiError, ConflictError, Elasticsearch, NotFoundError, TransportError

from consumers.documents import (
    AWAY,
    Action,
    Document,
    Key,
    Lines,
    Older,
    Put,
    Refused,
    Stored,
    requests,
    rounds,
)
from schemas.alert import Alert, Handover
from schemas.errors import ConfigError, Unavailable, VigiaError
from schemas.indices import INDICES, Indices
from schemas.settings import ElasticsearchSettings

log = structlog.get_logger()

SINK = "elasticsearch"

CLOSED = "index_closed_exception"
"""Somebody closed an index: answered with 400, although nothing is wrong with the item."""

TAKEN = frozenset({"resource_already_exists_exception", "invalid_index_name_exception"})
"""The name is an index's, or an alias's."""


@dataclass(frozen=True)
class Client:
    """An open connection, and the names of the indices behind it."""

    es: Elasticsearch
    indices: Indices = INDICES

    def close(self) -> None:
        """Close the connection; a second time does nothing."""
        self.es.close()


class Rejected(VigiaError):
    """An entry of a map or of the outbox that Elasticsearch will never take."""

    def __init__(self, index: str, doc_id: str, reason: str) -> None:
        self.index, self.doc_id, self.reason = index, doc_id, reason
        super().__init__(f"{index} refuses {doc_id}: {reason}")


def open_archive(settings: ElasticsearchSettings, indices: Indices = INDICES) -> Client:
    """A connection that tries a request twice at most: the worker's loop knows better when to try again."""
    es = Elasticsearch(**settings.client_options(), max_retries=1, retry_on_timeout=False, retry_on_status=())
    return Client(es, indices)


def ping(client: Client) -> None:
    """Return when Elasticsearch answers; raise Unavailable when it doesn't."""
    with _answered():
        client.es.options(request_timeout=3).cluster.health(timeout="2s")


def ensure(client: Client) -> None:
    """Bring the templates and the indices `alerts` and `stories` to what this version ships; safe to repeat.

    Raises ConfigError when one of the names is taken by something else.
    """
    with _answered():
        for name, body in client.indices.templates().items():
            _ensure_template(client, name, body)
        for index in (client.indices.alerts, client.indices.stories):
            _ensure_index(client, index)


def _ensure_template(client: Client, name: str, body: Mapping[str, Any]) -> None:
    try:
        template = client.es.indices.get_index_template(name=name)["index_templates"][0]["index_template"]
    except NotFoundError:
        template = {}
    if template.get("version", 0) >= body["version"]:
        return
    client.es.indices.put_index_template(name=name, **_arguments(body))
    held = client.es.indices.get(index=body["index_patterns"][0], ignore_unavailable=True, allow_no_indices=True)
    for index, found in held.items():
        if _is_ours(found["mappings"]):
            _add_fields(client, index, body["template"]["mappings"])


def _add_fields(client: Client, index: str, mappings: Mapping[str, Any]) -> None:
    """Give an index of an older version the fields that it lacks, so that today's documents fit.

    Its `_meta.version` stays: the older documents are indexed by these fields only once it is migrated. A field whose
    kind has changed stays as it is until then.
    """
    try:
        client.es.indices.put_mapping(index=index, dynamic="strict", properties=mappings["properties"])
    except ApiError as error:
        if error.status_code != 400:
            raise
        for field, kind in mappings["properties"].items():
            try:
                client.es.indices.put_mapping(index=index, properties={field: kind})
            except ApiError as refused:
                if refused.status_code != 400:
                    raise
                log.warning("index.field_kept", index=index, field=field, reason=str(refused.error))


def _arguments(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key.removeprefix("_"): value for key, value in body.items()}


def _ensure_index(client: Client, index: str) -> None:
    alias = client.indices.write(index)
    if client.es.indices.exists_alias(name=alias):
        return
    aliases = [alias, *client.indices.read_by(index)]
    try:
        client.es.indices.create(index=index, aliases={name: {} for name in aliases})
    except ApiError as error:
        if error.status_code != 400 or error.error not in TAKEN:
            raise
        for made, found in client.es.indices.get_mapping(index=index).items():
            if not _is_ours(found["mappings"]):
                raise ConfigError(index, "is an index that Vigía did not make", remedy="Rename or delete it") from None
            for name in aliases:
                client.es.indices.put_alias(index=made, name=name)


def _is_ours(mappings: Mapping[str, Any]) -> bool:
    return "version" in mappings.get("_meta", {})


def put(client: Client, docs: Iterable[Document]) -> dict[Key, Put]:
    """Store each document unless what is there is as new or newer; says what became of each.

    An id goes at most once into a request, the oldest version first. An index that is missing is made from its
    template. Raises Unavailable when Elasticsearch as a whole won't write (credentials, read-only, away).
    """
    results: dict[Key, Put] = {}
    for docs_of_round in rounds({(doc.id, doc.version): doc for doc in docs}.values()):
        actions = [
            Action(doc.index, doc.id, "index", doc.source, {"version": doc.version, "version_type": "external"})
            for doc in docs_of_round
        ]
        answers = _bulk(client, actions)
        results |= {(doc.id, doc.version): answers[doc.id] for doc in docs_of_round}
    return results


def claim(client: Client, index: str, docs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Create each document that isn't there yet; returns what now stands under each id, whoever wrote it."""
    answers = _bulk(client, [Action(index, doc_id, "create", source, {}) for doc_id, source in docs.items()])
    for doc_id, answer in answers.items():
        if isinstance(answer, Refused):
            raise _refusal(index, doc_id, answer)
    taken = [doc_id for doc_id, answer in answers.items() if isinstance(answer, Older)]
    return {doc_id: dict(source) for doc_id, source in docs.items()} | get_many(client, [(index, i) for i in taken])


def _bulk(client: Client, actions: Sequence[Action]) -> dict[str, Put]:
    answers = _send(client, actions)
    lost = [action for action in actions if answers[action.id] == Refused(404, "index_not_found_exception")]
    if lost:
        ensure(client)
        with _answered():
            for index in {action.index for action in lost}:
                _ensure_index(client, index)
        answers |= _send(client, lost)
    return answers


def _send(client: Client, actions: Sequence[Action]) -> dict[str, Put]:
    answers: dict[str, Put] = {}
    for request in requests(actions):
        answers |= _send_one(client, request)
    return answers


def _send_one(client: Client, request: Lines) -> dict[str, Put]:
    try:
        with _answered():
            lines: list[Any] = [line for _, data in request for line in data.split(b"\n")[:2]]
            response = client.es.bulk(operations=lines)
    except ApiError as error:
        if error.status_code != 413:
            raise
        if len(request) == 1:
            return {request[0][0]: Refused(413, "the document is larger than Elasticsearch takes")}
        half = len(request) // 2
        return _send_one(client, request[:half]) | _send_one(client, request[half:])
    answers = {}
    for item in response["items"]:
        (result,) = item.values()
        answers[result["_id"]] = _answer(result["status"], result.get("error"))
    return answers


def _answer(status: int, error: Mapping[str, Any] | None) -> Put:
    if status in {200, 201}:
        return Stored()
    if status == 409:
        return Older()
    kind, reason = (error or {}).get("type", "no error given"), (error or {}).get("reason", "")
    if status in {401, 403} or kind == CLOSED:
        raise Unavailable(SINK, f"{status} {kind}: {reason}")
    return Refused(status, kind if status == 404 else f"{kind}: {reason}"[:1000])


@dataclass(frozen=True)
class Created:
    """The alert is new: it now waits in the outbox."""


@dataclass(frozen=True)
class There:
    """The alert was made before: by an earlier message, or by a request of this very call whose answer was lost."""


def create(client: Client, alerts: Sequence[Alert]) -> dict[str, Created | There]:
    """Put alerts into the outbox, each once ever; whether one is still to be handed over, `search` says."""
    index = client.indices.alerts
    actions = [Action(index, alert.alert_id, "create", alert.model_dump(mode="json"), {}) for alert in alerts]
    made: dict[str, Created | There] = {}
    for alert_id, answer in _bulk(client, actions).items():
        if isinstance(answer, Refused):
            raise _refusal(index, alert_id, answer)
        made[alert_id] = Created() if isinstance(answer, Stored) else There()
    return made


def _refusal(index: str, doc_id: str, answer: Refused) -> VigiaError:
    reason = f"{answer.status} {answer.error}"
    return Rejected(index, doc_id, reason) if answer.lasting else Unavailable(SINK, reason)


def update(client: Client, index: str, doc_id: str, fields: Mapping[str, Any]) -> bool:
    """Set fields of a document; false when it is gone."""
    try:
        with _answered():
            client.es.update(
                index=client.indices.write(index), id=doc_id, doc=fields, retry_on_conflict=5, require_alias=True
            )
    except NotFoundError:
        return False
    return True


@dataclass(frozen=True)
class Held:
    """A document as it was read, and the marks by which a write finds out whether it still is so."""

    source: dict[str, Any]
    seq_no: int
    primary_term: int


def read_held(client: Client, index: str, doc_id: str) -> Held | None:
    """The document as it stands this moment; None when there is none."""
    try:
        with _answered():
            found = client.es.get(index=index, id=doc_id)
    except NotFoundError:
        return None
    return Held(found["_source"], found["_seq_no"], found["_primary_term"])


def update_if(client: Client, index: str, doc_id: str, fields: Mapping[str, Any], held: Held) -> bool:
    """Set fields of a document if it still is as it was read; false when somebody changed it meanwhile."""
    try:
        with _answered():
            client.es.update(
                index=client.indices.write(index),
                id=doc_id,
                doc=fields,
                if_seq_no=held.seq_no,
                if_primary_term=held.primary_term,
                require_alias=True,
            )
    except ConflictError:
        return False
    return True


def update_many(client: Client, index: str, changes: Mapping[str, Mapping[str, Any]]) -> None:
    """Set fields of each document; one that is gone needs none."""
    actions = [Action(index, i, "update", {"doc": fields}, {"retry_on_conflict": 5}) for i, fields in changes.items()]
    for doc_id, answer in _bulk(client, actions).items():
        if isinstance(answer, Refused) and answer.status != 404:
            raise _refusal(index, doc_id, answer)


def mark_handed_over(client: Client, alert_ids: Sequence[str]) -> None:
    """The alerts' messages are acknowledged: out of the outbox. One that was deleted meanwhile is out already."""
    done = {"doc": {"handover": Handover.DONE.value}}
    index = client.indices.alerts
    answers = _bulk(client, [Action(index, i, "update", done, {"retry_on_conflict": 5}) for i in alert_ids])
    for alert_id, answer in answers.items():
        if isinstance(answer, Refused) and answer.status != 404:
            raise _refusal(index, alert_id, answer)


def refresh(client: Client, *indices: str) -> None:
    """Make what was written visible to searches."""
    with _answered():
        client.es.indices.refresh(index=",".join(indices), ignore_unavailable=True, allow_no_indices=True)


def search(client: Client, body: Mapping[str, Any], *, index: str | None = None) -> dict[str, Any]:
    """Run a body of `schemas.queries` over the articles, or over `index`; a missing index holds nothing.

    All shards answer or none: a partial answer would lose alerts without a word.
    """
    with _answered():
        response = client.es.search(
            index=index or client.indices.news,
            body=dict(body),
            ignore_unavailable=True,
            allow_no_indices=True,
            allow_partial_search_results=False,
        )
    return dict(response.body)


def scan(client: Client, body: Mapping[str, Any], *, index: str | None = None) -> Iterator[list[dict[str, Any]]]:
    """All hits of a body that is sorted, page by page, as the index stood when the first was asked for."""
    with _answered():
        index = index or client.indices.news
        if not client.es.indices.exists(index=index):
            return
        pit = client.es.open_point_in_time(index=index, keep_alive="5m")["id"]
    try:
        after: list[Any] | None = None
        while True:
            with _answered():
                point = {"pit": {"id": pit, "keep_alive": "5m"}}
                asked = dict(body) | point | ({"search_after": after} if after else {})
                found = client.es.search(body=asked, allow_partial_search_results=False)
            hits = found["hits"]["hits"]
            if not hits:
                return
            pit, after = found["pit_id"], hits[-1]["sort"]
            yield [dict(hit) for hit in hits]
    finally:
        with suppress(ApiError, TransportError):  # it ends by itself soon
            client.es.close_point_in_time(id=pit)


def search_each(client: Client, bodies: Sequence[Mapping[str, Any]], *, index: str) -> list[list[dict[str, Any]]]:
    """The hits of each body, in one request."""
    if not bodies:
        return []
    lines = [line for body in bodies for line in ({"index": index, "ignore_unavailable": True}, body)]
    with _answered():
        responses = client.es.msearch(searches=lines)["responses"]
    for response in responses:
        if "error" in response or response["timed_out"] or response["_shards"]["failed"]:
            raise Unavailable(SINK, f"a search of {index} failed: {response.get('error', response.get('_shards'))}")
    return [response["hits"]["hits"] for response in responses]


def get_many(
    client: Client, keys: Sequence[tuple[str, str]], *, fields: Sequence[str] | None = None
) -> dict[str, dict[str, Any]]:
    """What stands under each (index, id) this moment, unrefreshed writes included; absent ones are left out."""
    if not keys:
        return {}
    docs = [{"_index": index, "_id": doc_id} for index, doc_id in keys]
    with _answered():
        response = client.es.mget(docs=docs, source=list(fields) if fields is not None else None)
    found = {}
    for doc in response["docs"]:
        if doc.get("error", {}).get("type", "index_not_found_exception") != "index_not_found_exception":
            raise Unavailable(SINK, f"could not read {doc['_index']}: {doc['error'].get('reason')}")
        if doc.get("found"):
            found[doc["_id"]] = doc["_source"]
    return found


@contextmanager
def _answered() -> Iterator[None]:
    try:
        yield
    except TransportError as error:
        raise Unavailable(SINK, f"{type(error).__name__}: {error.message}") from error
    except ApiError as error:
        if error.status_code in AWAY or error.error == CLOSED:
            raise Unavailable(SINK, f"{error.status_code} {error.error}") from error
        raise
