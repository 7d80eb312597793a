"""Lens charts: columns of a layer, and the charts that show them; pure.

A column is an operation over a field. Lens works with what it finds stored: also the parts of a formula, which its
editor writes beside the formula itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.kibana.objects import Panel, query

RECORDS = "___records___"
Column = dict[str, Any]


@dataclass(frozen=True)
class Metric:
    """A figure: `column` as Lens has it, and the parts that it is worked out from."""

    column: Column
    parts: Mapping[str, Column] = field(default_factory=dict)


def count(label: str, kql: str = "") -> Metric:
    """How many documents; only those that the query finds, when there is one."""
    made = _metric(label, "count", RECORDS, params={"emptyAsNull": True})
    return Metric(made | ({"filter": query(kql)} if kql else {}))


def distinct(label: str, of: str) -> Metric:
    """How many different values of a field."""
    return Metric(_metric(label, "unique_count", of, params={"emptyAsNull": True}))


def average(label: str, of: str) -> Metric:
    """The mean of a field, with two decimals."""
    return Metric(_metric(label, "average", of, params=_decimals(2)))


def percentile(label: str, of: str, share: int) -> Metric:
    """The value of a field that `share` per cent stay under."""
    return Metric(_metric(label, "percentile", of, params={"percentile": share, **_decimals(1)}))


def latest(label: str, of: str) -> Metric:
    """The latest of a date field."""
    return Metric(_metric(label, "max", of, params={}) | {"dataType": "date"})


def share(label: str, part: str, whole: str) -> Metric:
    """How many of those that the query `whole` finds are found by `part` too, in per cent; both are KQL."""
    formula = f"count(kql='{part}') / count(kql='{whole}')"
    at = {"min": 0, "max": len(formula)}
    divided = {"type": "function", "name": "divide", "args": ["{id}X0", "{id}X1"], "location": at, "text": formula}
    parts: dict[str, Column] = {}
    for number, kql in enumerate((part, whole)):
        made = _metric(f"Part of {label}", "count", RECORDS, params={"emptyAsNull": False})
        parts[f"{{id}}X{number}"] = made | {"filter": query(kql)}
    parts["{id}X2"] = {
        **_metric(f"Part of {label}", "math", None, params={"tinymathAst": divided}),
        "references": ["{id}X0", "{id}X1"],
    }
    column = {
        **_metric(label, "formula", None, params={"formula": formula, "isFormulaBroken": False, **_percent()}),
        "references": ["{id}X2"],
    }
    return Metric(column, parts)


def over_time(time: str) -> Column:
    """A field's dates, in steps that fit the time shown."""
    params = {"interval": "auto", "includeEmptyRows": True, "dropPartials": False}
    return _bucket(time, "date_histogram", time, "date", "interval", params)


def top(of: str, label: str, size: int, *, other: bool = False, kind: str = "string") -> Column:
    """A field's most frequent values, by the chart's first figure."""
    params = {
        "size": size,
        "orderBy": {"type": "column", "columnId": "m1"},
        "orderDirection": "desc",
        "otherBucket": other,
        "missingBucket": False,
        "parentFormat": {"id": "terms"},
    }
    return _bucket(label, "terms", of, kind, "ordinal", params)


def lines(title: str, view: str, time: str, metrics: Sequence[Metric], *, width: int = 24, height: int = 12) -> Panel:
    """Figures over time."""
    return _xy(title, view, [over_time(time)], metrics, "line", width, height)


def stacked(
    title: str, view: str, time: str, split: Column, metric: Metric, *, share: bool = False, width: int = 24
) -> Panel:
    """A figure over time, split by a field; each bar to 100 % when `share` is set."""
    shape = "bar_percentage_stacked" if share else "bar_stacked"
    return _xy(title, view, [over_time(time), split], [metric], shape, width, 12)


def bars(title: str, view: str, by: Column, metrics: Sequence[Metric], *, width: int = 24, height: int = 12) -> Panel:
    """Figures by a field, one row a value."""
    return _xy(title, view, [by], metrics, "bar_horizontal", width, height)


def table(title: str, view: str, by: Sequence[Column], metrics: Sequence[Metric], *, width: int = 24) -> Panel:
    """Figures by fields, as a table."""
    columns, buckets, figures = _columns(by, metrics)
    shown = [{"columnId": name, "isTransposed": False} for name in (*buckets, *figures)]
    chart = {"layerId": "main", "layerType": "data", "columns": shown, "rowHeight": "single", "rowHeightLines": 1}
    return _panel(title, view, "lnsDatatable", columns, chart, width, 14)


def figure(title: str, view: str, metric: Metric, *, width: int = 12) -> Panel:
    """One figure."""
    columns, _, _ = _columns((), [metric])
    chart = {"layerId": "main", "layerType": "data", "metricAccessor": "m1"}
    return _panel(title, view, "lnsMetric", columns, chart, width, 6)


def _xy(
    title: str, view: str, by: Sequence[Column], metrics: Sequence[Metric], shape: str, width: int, height: int
) -> Panel:
    columns, buckets, figures = _columns(by, metrics)
    layer = {"layerId": "main", "layerType": "data", "seriesType": shape, "xAccessor": buckets[0], "accessors": figures}
    chart = {
        "legend": {"isVisible": True, "position": "right"},
        "valueLabels": "hide",
        "fittingFunction": "None",
        "preferredSeriesType": shape,
        "layers": [layer | ({"splitAccessor": buckets[1]} if len(buckets) > 1 else {})],
        "axisTitlesVisibilitySettings": {"x": False, "yLeft": True, "yRight": True},
        "yLeftExtent": {"mode": "full"},
        "yRightExtent": {"mode": "full"},
    }
    return _panel(title, view, "lnsXY", columns, chart, width, height)


def _panel(
    title: str, view: str, chart: str, columns: Mapping[str, Column], shown: Mapping[str, Any], width: int, height: int
) -> Panel:
    layer = {"columns": dict(columns), "columnOrder": list(columns), "incompleteColumns": {}}
    state = {
        "visualization": shown,
        "query": query(""),
        "filters": [],
        "datasourceStates": {"formBased": {"layers": {"main": layer}}, "textBased": {"layers": {}}},
        "internalReferences": [],
        "adHocDataViews": {},
    }
    return Panel(title, width, height, lens={"visualizationType": chart, "state": state}, views={"main": view})


def _columns(by: Sequence[Column], metrics: Sequence[Metric]) -> tuple[dict[str, Column], list[str], list[str]]:
    buckets = [f"b{number}" for number in range(1, len(by) + 1)]
    figures = [f"m{number}" for number in range(1, len(metrics) + 1)]
    columns = dict(zip(buckets, by, strict=True))
    for name, metric in zip(figures, metrics, strict=True):
        columns[name] = _filled(metric.column, name)
        columns |= {_filled(part, name): _filled(column, name) for part, column in metric.parts.items()}
    return columns, buckets, figures


def _filled(value: Any, name: str) -> Any:
    """The value with the column's own name where `{id}` stands."""
    match value:
        case str():
            return value.replace("{id}", name)
        case dict():
            return {key: _filled(one, name) for key, one in value.items()}
        case list():
            return [_filled(one, name) for one in value]
        case _:
            return value


def _metric(label: str, operation: str, of: str | None, *, params: Mapping[str, Any]) -> Column:
    made: Column = {
        "label": label,
        "customLabel": True,
        "dataType": "number",
        "operationType": operation,
        "isBucketed": False,
        "scale": "ratio",
        "params": dict(params),
    }
    return made | ({"sourceField": of} if of else {})


def _bucket(label: str, operation: str, of: str, kind: str, scale: str, params: Mapping[str, Any]) -> Column:
    return {
        "label": label,
        "customLabel": True,
        "dataType": kind,
        "operationType": operation,
        "isBucketed": True,
        "scale": scale,
        "sourceField": of,
        "params": dict(params),
    }


def _decimals(number: int) -> Column:
    return {"format": {"id": "number", "params": {"decimals": number}}}


def _percent() -> Column:
    return {"format": {"id": "percent", "params": {"decimals": 0}}}
