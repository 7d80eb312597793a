"""Documents on their way into Elasticsearch, and what it says of each. Pure; `archive` sends them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from schemas.indices import Indices

REQUEST_BYTES = 5_000_000
"""A bulk request is cut at about this size; Elasticsearch's own limit is 100 MB."""

AWAY = frozenset({401, 403, 408, 429, 502, 503, 504})
"""Answers that say nothing of the item: credentials, a read-only block, too much load, a node on its way."""


@dataclass(frozen=True)
class Document:
    """A document to store in `index`, unless one of the same `id` and an equal or higher `version` is there."""

    index: str
    id: str
    version: int
    source: Mapping[str, Any] = field(compare=False)


Key: TypeAlias = tuple[str, int]
"""A document's id and version: within one batch, an id alone may stand for two readings."""


@dataclass(frozen=True)
class Stored:
    """It is in the index now."""


@dataclass(frozen=True)
class Older:
    """What the index holds is as new or newer: nothing to do."""


@dataclass(frozen=True)
class Refused:
    """Elasticsearch will not take the document (`status` 400, 413), or gave no lasting answer (429, 5xx)."""

    status: int
    error: str

    @property
    def lasting(self) -> bool:
        """Whether the same document would be refused again."""
        return self.status not in AWAY and self.status != 404


Put: TypeAlias = Stored | Older | Refused


def rounds(docs: Iterable[Document]) -> Iterator[list[Document]]:
    """The documents in rounds that each hold an id once, its oldest version first."""
    left: dict[str, list[Document]] = {}
    for doc in sorted(docs, key=lambda d: d.version):
        left.setdefault(doc.id, []).append(doc)
    while left:
        yield [versions[0] for versions in left.values()]
        left = {doc_id: versions[1:] for doc_id, versions in left.items() if len(versions) > 1}


@dataclass(frozen=True)
class Action:
    """One entry of a bulk request: store, create unless the id is there, or update some fields (`source` has `doc`)."""

    index: str
    id: str
    op: Literal["index", "create", "update"]
    source: Mapping[str, Any]
    options: Mapping[str, Any]


Lines: TypeAlias = list[tuple[str, bytes]]
"""Of each action of a bulk request, its id and its lines."""


def requests(actions: Sequence[Action]) -> Iterator[Lines]:
    """The actions as bodies of bulk requests, each of about REQUEST_BYTES at most."""
    request: Lines = []
    size = 0
    for action in actions:
        target = {"_index": Indices.write(action.index), "_id": action.id, "require_alias": True}
        head = json.dumps({action.op: target | dict(action.options)})
        data = f"{head}\n{json.dumps(action.source, ensure_ascii=False)}\n".encode()
        if request and size + len(data) > REQUEST_BYTES:
            yield request
            request, size = [], 0
        request.append((action.id, data))
        size += len(data)
    if request:
        yield request
