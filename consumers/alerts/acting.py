"""What people do with alerts, written so that two who act at once lose nothing: the Python API of `vigia alerts`.

Each write holds only if the document is still as it was read (Elasticsearch's sequence numbers); else it is read again,
and the action is applied to what is there now.
"""

from collections.abc import Sequence
from datetime import datetime

from pydantic_core import to_jsonable_python

from consumers.alerts.notes import record_of
from consumers.alerts.states import apply
from consumers.archive import Client, read_held, refresh, search, update_if
from schemas.alert import Action, AlertRecord, AlertState, Event, Severity, Verdict
from schemas.alert_queries import alerts_by, alerts_named
from schemas.errors import Unavailable, VigiaError

TRIES = 20
"""How often an action is applied anew because somebody else was faster."""


class NoSuchAlert(VigiaError):
    """No alert, or more than one, has an id that begins so."""

    def __init__(self, named: str, found: int) -> None:
        self.named, self.found = named, found
        remedy = "write more of it" if found else "`vigia alerts list` shows them"
        super().__init__(f"{found or 'no'} alert{'s' if found else ''} with an id that begins with {named!r}: {remedy}")


def read(
    es: Client,
    *,
    since: datetime | None = None,
    states: Sequence[AlertState] = (),
    rules: Sequence[str] = (),
    severities: Sequence[Severity] = (),
    size: int = 20,
) -> list[AlertRecord]:
    """The alerts of which all that is asked for holds, the newest first. Raises Unavailable."""
    since_ms = None if since is None else int(since.timestamp() * 1000)
    refresh(es, es.indices.alerts)
    body = alerts_by(size, since_ms=since_ms, states=states, rules=rules, severities=severities)
    return [record_of(hit["_source"]) for hit in search(es, body, index=es.indices.alerts)["hits"]["hits"]]


def show(es: Client, named: str) -> AlertRecord:
    """The one alert whose id is, or begins with, `named`. Raises NoSuchAlert, Unavailable."""
    refresh(es, es.indices.alerts)
    hits = search(es, alerts_named(named, 10), index=es.indices.alerts)["hits"]["hits"]
    if len(hits) != 1:
        raise NoSuchAlert(named, len(hits))
    return record_of(hits[0]["_source"])


def act(
    es: Client, named: str, action: Action, *, who: str, at: datetime, note: str = "", verdict: Verdict | None = None
) -> AlertRecord:
    """Do something with the alert, and return it as it then is.

    Raises NotPossible when its state doesn't allow that, NoSuchAlert, Unavailable.
    """
    event = Event(at=at, who=who, action=action, note=note, verdict=verdict)
    alert_id = show(es, named).alert_id
    index = es.indices.alerts
    for _ in range(TRIES):
        held = read_held(es, index, alert_id)
        if held is None:
            raise NoSuchAlert(named, 0)
        record = record_of(held.source)
        changes = to_jsonable_python(apply(record, event))
        if update_if(es, index, alert_id, changes, held):
            return record_of(held.source | changes)
    raise Unavailable("elasticsearch", f"{TRIES} others changed the alert {alert_id[:12]} meanwhile")
