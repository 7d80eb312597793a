"""Parts of a Grafana dashboard as plain dicts; pure."""

from collections.abc import Sequence
from typing import Any

Panel = dict[str, Any]

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
"""Whichever Prometheus the reader chooses: no dashboard names one."""

ACROSS = 24
"""Columns of Grafana's grid."""


def _panel(
    kind: str, title: str, what: str, queries: Sequence[tuple[str, str]], unit: str, size: tuple[int, int]
) -> Panel:
    return {
        "type": kind,
        "title": title,
        "description": what,
        "datasource": SOURCE,
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": query, "legendFormat": legend}
            for number, (query, legend) in enumerate(queries)
        ],
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "gridPos": {"w": size[0], "h": size[1]},
    }


def lines(title: str, what: str, *queries: tuple[str, str], unit: str = "short") -> Panel:
    """A line for each series; each query comes with its legend."""
    return _panel("timeseries", title, what, queries, unit, (8, 8))


def figure(title: str, what: str, query: str, *, unit: str = "short", red_from: float | None = None) -> Panel:
    """One number, red from that value on."""
    panel = _panel("stat", title, what, [(query, "")], unit, (6, 4))
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if red_from is not None:
        steps.append({"color": "red", "value": red_from})
    panel["fieldConfig"]["defaults"]["thresholds"] = {"mode": "absolute", "steps": steps}
    panel["options"] = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    return panel


def rows(title: str, what: str, query: str) -> Panel:
    """A table of the series that are there now."""
    panel = _panel("table", title, what, [(query, "")], "short", (ACROSS, 8))
    panel["targets"][0] |= {"instant": True, "format": "table"}
    return panel


def dashboard(uid: str, title: str, what: str, panels: Sequence[Panel], *, since: str = "now-6h") -> dict[str, Any]:
    """The panels from left to right, row by row, in the order given."""
    x, y, tallest, placed = 0, 0, 0, []
    for number, panel in enumerate(panels, start=1):
        place = panel["gridPos"]
        if x + place["w"] > ACROSS:
            x, y, tallest = 0, y + tallest, 0
        placed.append({**panel, "id": number, "gridPos": {**place, "x": x, "y": y}})
        x, tallest = x + place["w"], max(tallest, place["h"])
    return {
        "uid": uid,
        "title": title,
        "description": what,
        "tags": ["vigia"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": since, "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]
        },
        "links": [{"type": "dashboards", "title": "Vigía", "tags": ["vigia"], "asDropdown": True}],
        "panels": placed,
    }
