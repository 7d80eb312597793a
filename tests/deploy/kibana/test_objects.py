"""What is imported into Kibana is current, refers to what is there, and shows fields that the index has."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from deploy.kibana.build import FILE, ndjson, objects
from deploy.kibana.objects import WIDTH
from deploy.local.supervise import RunningStack
from schemas.indices import Indices, template

OBJECTS = objects()
VIEWS = {one["id"]: one["attributes"] for one in OBJECTS if one["type"] == "index-pattern"}
INDEX = {id_: view["title"] for id_, view in VIEWS.items()}
CHARTABLE = {"keyword", "date", "boolean", "float", "integer", "long"}


def fields(index: str) -> dict[str, dict[str, Any]]:
    """Each field of a template by its dotted name, with whether it is `nested` and its type."""
    return dict(_fields(template(index)["template"]["mappings"]["properties"], "", None))


def _fields(properties: dict[str, Any], before: str, nested: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, body in properties.items():
        path = before + name
        within = path if body.get("type") == "nested" else nested
        yield path, body | {"nested": within}
        yield from _fields(body.get("properties", {}), f"{path}.", within)
        yield from _fields(body.get("fields", {}), f"{path}.", within)


FIELDS = {id_: fields(index) for id_, index in INDEX.items()}
RUNTIME = {id_: json.loads(view["runtimeFieldMap"]) for id_, view in VIEWS.items()}


def panels() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each dashboard with each of its panels."""
    for one in OBJECTS:
        if one["type"] == "dashboard":
            for panel in json.loads(one["attributes"]["panelsJSON"]):
                yield one, panel


def layers() -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Of each Lens chart its title, its data view, its columns and its picture."""
    for _, panel in panels():
        if panel["type"] == "lens":
            made = panel["embeddableConfig"]["attributes"]
            views = {one["name"].rpartition("layer-")[2]: one["id"] for one in made["references"]}
            for name, layer in made["state"]["datasourceStates"]["formBased"]["layers"].items():
                yield panel["title"], views[name], layer["columns"], made["state"]["visualization"]


def asked_in(kql: str) -> set[str]:
    """The fields that a query in Kibana's language names, those of nested documents with their path."""
    found: set[str] = set()
    for path, inside in re.findall(r"([\w.]+)\s*:\s*\{([^}]*)\}", kql):
        found |= {f"{path}.{name}" for name in asked_in(inside)}
    outside = re.sub(r"[\w.]+\s*:\s*\{[^}]*\}", "", kql)
    return found | set(re.findall(r"([\w.]+)\s*(?::|>=|<=|>|<)", outside))


def queries() -> Iterator[tuple[str, str, str]]:
    """Every query of a search or a chart: whose it is, over which data view, and the query."""
    for one in OBJECTS:
        if one["type"] == "search":
            source = json.loads(one["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
            yield one["id"], one["references"][0]["id"], source["query"]["query"]
    for title, view, columns, _ in layers():
        for column in columns.values():
            if "filter" in column:
                yield title, view, column["filter"]["query"]


def test_the_committed_file_is_what_the_script_writes() -> None:
    assert FILE.read_text(encoding="utf-8") == ndjson(), "run python -m deploy.kibana.build"


def test_every_reference_resolves_and_is_used() -> None:
    there = {(one["type"], one["id"]) for one in OBJECTS}
    assert len(there) == len(OBJECTS)
    for one in OBJECTS:
        for refers in one["references"]:
            assert (refers["type"], refers["id"]) in there, refers
    for board, panel in panels():
        names = {refers["name"] for refers in board["references"]}
        key = panel["panelIndex"]
        if "panelRefName" in panel:
            assert f"{key}:{panel['panelRefName']}" in names
        else:
            own = {f"{key}:{one['name']}" for one in panel["embeddableConfig"]["attributes"]["references"]}
            assert own
            assert own <= names


def test_a_search_names_its_data_view_as_its_source_does() -> None:
    for one in OBJECTS:
        if one["type"] == "search":
            source = json.loads(one["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
            assert [refers["name"] for refers in one["references"]] == [source["indexRefName"]]


def test_data_views_look_at_indices_that_are_there_by_a_date_that_they_have() -> None:
    aliases = {Indices().news, Indices().alerts}
    for id_, view in VIEWS.items():
        assert view["title"] in aliases
        assert FIELDS[id_][view["timeFieldName"]]["type"] == "date"


def test_charts_count_fields_that_the_index_has_in_a_form_that_can_be_charted() -> None:
    seen = 0
    for title, view, columns, _ in layers():
        for column in columns.values():
            name = column.get("sourceField")
            if name is None or name == "___records___" or name in RUNTIME[view]:
                continue
            found = FIELDS[view].get(name)
            assert found is not None, f"{title}: {name} is in no mapping"
            assert found.get("type") in CHARTABLE, f"{title}: {name} is {found.get('type')}"
            assert found.get("doc_values", True), f"{title}: {name} can't be aggregated"
            assert found["nested"] is None, f"{title}: Lens can't count the nested {name}"
            seen += 1
    assert seen > 80


def test_runtime_fields_read_dates_that_the_index_has() -> None:
    for view, made in RUNTIME.items():
        for name, body in made.items():
            assert name not in FIELDS[view]
            read = set(re.findall(r"doc\['([^']+)'\]", body["script"]["source"]))
            assert len(read) == 2
            assert {FIELDS[view][one]["type"] for one in read} == {"date"}


def test_columns_of_searches_and_what_queries_ask_for_are_in_the_mapping() -> None:
    for one in OBJECTS:
        if one["type"] == "search":
            assert set(one["attributes"]["columns"]) <= set(FIELDS[one["references"][0]["id"]]), one["id"]
    asked = [(whose, view, name) for whose, view, kql in queries() for name in asked_in(kql)]
    assert [(whose, name) for whose, view, name in asked if name not in FIELDS[view]] == []
    assert ("vigia-search-aid-critics", "vigia-news", "voices.stance") in asked


def test_every_column_of_a_picture_is_in_its_layer_and_a_formula_has_its_parts() -> None:
    for title, _, columns, picture in layers():
        named = {picture["metricAccessor"]} if "metricAccessor" in picture else set()
        named |= {column["columnId"] for column in picture.get("columns", ())}
        for layer in picture.get("layers", ()):
            named |= {*layer["accessors"], layer["xAccessor"], *filter(None, [layer.get("splitAccessor")])}
        assert named, title
        assert named <= set(columns), title
        for column in columns.values():
            assert set(column.get("references", ())) <= set(columns), title
            order = column.get("params", {}).get("orderBy", {})
            assert order.get("columnId", "m1") in columns, title
            for part in column.get("params", {}).get("tinymathAst", {}).get("args", ()):
                assert part in columns, title


def test_panels_lie_within_the_grid_and_cover_each_other_nowhere() -> None:
    taken: dict[str, set[tuple[int, int]]] = {}
    for board, panel in panels():
        at = panel["gridData"]
        assert at["x"] + at["w"] <= WIDTH
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        before = taken.setdefault(board["id"], set())
        assert not cells & before
        before |= cells


VEGA = {
    one["id"]: json.loads(json.loads(one["attributes"]["visState"])["params"]["spec"])
    for one in OBJECTS
    if one["type"] == "visualization"
}


@pytest.mark.parametrize("id_", VEGA)
def test_a_chart_of_voices_asks_what_elasticsearch_answers(stack: RunningStack, id_: str) -> None:
    spec = VEGA[id_]
    quote = {"speaker": "Defensoría", "quote": "No.", "named": True, "stance": "against"}
    quotes = [quote | {"target": target} for target in ("us_aid", "deportation_deal")]
    quotes += [quote | {"speaker": "una madre", "named": False, "target": "us_crackdown"}]
    piece = {"title": "Una", "voices": quotes}
    index = f"kibana-test-{id_}"
    with Elasticsearch(stack.endpoints.elasticsearch) as es:
        inner = template("news")["template"]
        es.indices.create(index=index, settings=inner["settings"], mappings=inner["mappings"])
        try:
            es.index(index=index, document=piece, refresh=True)
            found: Any = es.search(index=index, body=spec["data"]["url"]["body"]).body
        finally:
            es.indices.delete(index=index)
    for step in spec["data"]["format"]["property"].split("."):
        found = found[step]
    told = {bucket["key"]: bucket["sides"]["buckets"] for bucket in found}
    assert spec["transform"][0] == {"flatten": ["sides.buckets"], "as": ["side"]}
    if id_ == "vigia-vega-targets":
        assert set(told) == {"us_aid", "deportation_deal", "us_crackdown"}
    elif id_ in {"vigia-vega-speakers", "vigia-vega-us-aid", "vigia-vega-deportation-deal"}:
        times = 2 if id_ == "vigia-vega-speakers" else 1
        assert told == {"Defensoría": [{"key": "against", "doc_count": times}]}
    else:
        assert told == {}


def test_the_handbook_names_every_dashboard_and_search() -> None:
    handbook = (FILE.parents[2] / "docs/kibana.md").read_text(encoding="utf-8")
    for one in OBJECTS:
        if one["type"] in {"dashboard", "search"}:
            assert one["attributes"]["title"].removeprefix("[Vigía] ") in handbook, one["id"]


def test_queries_of_the_handbook_ask_for_fields_that_there_are() -> None:
    handbook = (FILE.parents[2] / "docs/kibana.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"```kql (\w+)\n(.*?)```", handbook, re.DOTALL))
    assert set(blocks) == {"pieces", "alerts"}
    for name, view in (("pieces", "vigia-news"), ("alerts", "vigia-alerts")):
        known = set(FIELDS[view]) | set(RUNTIME[view])
        asked = {field for line in blocks[name].splitlines() for field in asked_in(line.partition("//")[0])}
        assert asked
        assert asked <= known
