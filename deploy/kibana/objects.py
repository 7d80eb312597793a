"""Kibana's saved objects as Kibana 9's own sample data has them (data views, searches, Vega charts, dashboards); pure.

Each carries the version of its shape (`typeMigrationVersion`), from which Kibana brings it up to its own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

CORE = "8.8.0"
SHAPES = {"index-pattern": "7.11.0", "search": "7.9.3", "visualization": "8.0.0", "dashboard": "8.7.0"}
"""As the sample data that ships with Kibana 9 states them."""

PANEL = "8.11.0"
OPTIONS = {"useMargins": True, "syncColors": True, "syncCursor": True, "syncTooltips": False, "hidePanelTitles": False}
WIDTH = 48
"""Columns of a dashboard's grid."""

SOURCE = "kibanaSavedObjectMeta.searchSourceJSON.index"


@dataclass(frozen=True)
class Panel:
    """One panel: a Lens chart by value (`lens`, its `views` by layer), or a saved object by reference (`shown`)."""

    title: str
    width: int
    height: int
    lens: Mapping[str, Any] | None = None
    views: Mapping[str, str] | None = None
    shown: tuple[str, str] | None = None


def data_view(id_: str, title: str, name: str, *, time: str, runtime: Mapping[str, str]) -> Object:
    """An index or alias to look at; `runtime`: fields worked out when they are asked for, by their Painless source."""
    fields = {field: {"type": "double", "script": {"source": source}} for field, source in runtime.items()}
    attributes = {
        "title": title,
        "name": name,
        "timeFieldName": time,
        "fields": "[]",
        "fieldAttrs": "{}",
        "fieldFormatMap": "{}",
        "runtimeFieldMap": _json(fields),
        "sourceFilters": "[]",
        "typeMeta": "{}",
    }
    return _object("index-pattern", id_, attributes, [])


def search(id_: str, title: str, description: str, view: str, *, kql: str, columns: Sequence[str], time: str) -> Object:
    """A saved search, the newest first."""
    source = {"highlightAll": True, "version": True, "query": query(kql), "filter": [], "indexRefName": SOURCE}
    attributes = {
        "title": title,
        "description": description,
        "columns": list(columns),
        "sort": [[time, "desc"]],
        "grid": {},
        "hideChart": False,
        "kibanaSavedObjectMeta": {"searchSourceJSON": _json(source)},
    }
    return _object("search", id_, attributes, [reference("index-pattern", view, SOURCE)])


def visualization(id_: str, title: str, description: str, kind: str, params: Mapping[str, Any]) -> Object:
    """A chart of another kind than Lens: `vega` or `markdown`."""
    attributes = {
        "title": title,
        "description": description,
        "visState": _json({"title": title, "type": kind, "aggs": [], "params": params}),
        "uiStateJSON": "{}",
        "version": 1,
        "kibanaSavedObjectMeta": {"searchSourceJSON": _json({"query": query(""), "filter": []})},
    }
    return _object("visualization", id_, attributes, [])


def dashboard(id_: str, title: str, description: str, panels: Sequence[Panel], *, since: str) -> Object:
    """Panels side by side, row after row as they fit, over the time from `since` to now."""
    shown, references = [], []
    x = y = row = 0
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > WIDTH:
            x, y, row = 0, y + row, 0
        key = f"{id_}-{number}"
        grid = {"x": x, "y": y, "w": panel.width, "h": panel.height, "i": key}
        made, refers = _panel(panel, key)
        shown.append({"version": PANEL, "gridData": grid, "panelIndex": key, **made})
        references += refers
        x, row = x + panel.width, max(row, panel.height)
    attributes = {
        "title": title,
        "description": description,
        "panelsJSON": _json(shown),
        "optionsJSON": _json(OPTIONS),
        "timeRestore": True,
        "timeFrom": since,
        "timeTo": "now",
        "refreshInterval": {"pause": True, "value": 60_000},
        "version": 1,
        "kibanaSavedObjectMeta": {"searchSourceJSON": _json({"query": query(""), "filter": []})},
    }
    return _object("dashboard", id_, attributes, references)


def _panel(panel: Panel, key: str) -> tuple[Object, list[Object]]:
    if panel.shown is not None:
        kind, id_ = panel.shown
        name = f"panel_{key}"
        made = {"type": kind, "title": panel.title, "embeddableConfig": {"enhancements": {}}, "panelRefName": name}
        return made, [reference(kind, id_, f"{key}:{name}")]
    views = panel.views or {}
    own = [reference("index-pattern", view, f"indexpattern-datasource-layer-{layer}") for layer, view in views.items()]
    attributes = {"title": panel.title, "description": "", "type": "lens", **(panel.lens or {}), "references": own}
    made = {"type": "lens", "title": panel.title, "embeddableConfig": {"attributes": attributes, "enhancements": {}}}
    return made, [one | {"name": f"{key}:{one['name']}"} for one in own]


def query(kql: str) -> Object:
    """A query in Kibana's own language."""
    return {"query": kql, "language": "kuery"}


def reference(kind: str, id_: str, name: str) -> Object:
    """That one object shows another."""
    return {"type": kind, "id": id_, "name": name}


def _object(kind: str, id_: str, attributes: Object, references: list[Object]) -> Object:
    return {
        "type": kind,
        "id": id_,
        "attributes": attributes,
        "references": references,
        "coreMigrationVersion": CORE,
        "typeMigrationVersion": SHAPES[kind],
        "managed": False,
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
