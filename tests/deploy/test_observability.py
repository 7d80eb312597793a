"""Rules, their cases, runbooks and dashboards name what the workers measure: what can be said without promtool."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from consumers import metrics
from consumers.stages import STAGES
from deploy.grafana.build import files
from deploy.grafana.panels import ACROSS
from deploy.local.ports import USUAL
from schemas.streams import STREAMS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/prometheus"
RUNBOOKS = ROOT / "docs/runbooks"


def groups(name: str) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load((FOLDER / name).read_text())["groups"] for rule in group["rules"]]


RECORDED = {rule["record"]: rule["expr"] for rule in groups("recording.rules.yml")}
ALERTS = {rule["alert"]: rule for rule in groups("alerting.rules.yml")}
CASES = [
    (test, case)
    for file in sorted((FOLDER / "tests").glob("*.yml"))
    for test in yaml.safe_load(file.read_text())["tests"]
    for case in test["alert_rule_test"]
]
BOARDS: dict[str, dict[str, Any]] = {file.stem: json.loads(file.read_text()) for file in files()}

TARGET = {"job", "instance", "worker"}
FAMILIES = {family.name: family for family in metrics.REGISTRY.collect()}
LABELS = {
    "stage": set(STAGES),
    "stream": {stream.name for stream in STREAMS},
    "outcome": {"done", "dead"},
    "step": {"gather", "handle", "effect", "commit", "tick"},
}
"""The values that a label can have, where they are few."""

KEYWORDS = {"and", "or", "unless", "on", "ignoring", "by", "without", "offset", "bool", "group_left", "group_right"}


def series() -> dict[str, set[str]]:
    """Every series that can be asked for, and its labels."""
    known = {"up": TARGET, "ALERTS": {"alertname", "alertstate"}}
    for metric, labels in vars_of_metrics():
        for family in metric.describe():
            ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
            for end in ends:
                known[family.name + end] = TARGET | set(labels) | ({"le"} if end == "_bucket" else set())
    for family in FAMILIES.values():
        if family.name.startswith("process_"):
            known |= {sample.name: TARGET for sample in family.samples}
    for name in RECORDED:
        known[name] = {name.split(":")[0]}
    return known


def vars_of_metrics() -> Iterator[tuple[Any, tuple[str, ...]]]:
    for one in vars(metrics).values():
        if hasattr(one, "_labelnames") and hasattr(one, "describe"):
            yield one, tuple(one._labelnames)


def selectors(query: str) -> Iterator[tuple[str, str]]:
    """Each name that a query asks for, and what stands in its braces."""
    bare = re.sub(r"\[[^]]*\]|\b(by|without|on|ignoring)\s*\([^)]*\)|\boffset\s+\w+", " ", query)
    for found in re.finditer(r'([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|\()?|"[^"]*"', bare):
        name, after = found.group(1), found.group(2) or ""
        if name and after != "(" and name not in KEYWORDS:
            yield name, after


QUERIES = [
    *((f"record {name}", expr) for name, expr in RECORDED.items()),
    *((f"alert {name}", rule["expr"]) for name, rule in ALERTS.items()),
    *(
        (f"{board} {panel['title']}", target["expr"])
        for board, one in BOARDS.items()
        for panel in one["panels"]
        for target in panel["targets"]
    ),
    *((f"case {test['name']}", one["series"]) for test, _ in CASES for one in test["input_series"]),
]


def test_every_query_asks_for_series_labels_and_values_that_there_are() -> None:
    known = series()
    for where, query in QUERIES:
        asked = list(selectors(query))
        assert asked, where
        for name, braces in asked:
            assert name in known, f"{where}: {name}"
            for label, like, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"', braces):
                assert label in known[name], f"{where}: {name}{{{label}}}"
                if label in LABELS:
                    assert set(value.split("|") if "~" in like else [value]) <= LABELS[label], f"{where}: {value}"


def test_a_misspelt_series_would_be_found() -> None:
    assert list(selectors('sum by (stage) (rate(vigia_lagg{stage="x"}[5m] offset 5m)) > 3 or on () up')) == [
        ("vigia_lagg", '{stage="x"}'),
        ("up", ""),
    ]
    assert "vigia_lagg" not in series()


def test_every_metric_of_ours_is_on_a_dashboard() -> None:
    asked = " ".join([query for where, query in QUERIES if where.split()[0] in (*BOARDS, "record")])
    assert [name for name in metrics.names() if name not in asked] == []


def test_what_runbooks_name_exists() -> None:
    for file in RUNBOOKS.glob("*.md"):
        named = set(re.findall(r"(?<![\w:])vigia_\w+", file.read_text()))
        assert named <= set(metrics.names()), file.name
        assert set(re.findall(r"\bVigia[A-Z]\w+", file.read_text())) <= set(ALERTS), file.name


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert {file.stem for file in RUNBOOKS.glob("*.md")} - {"README"} == set(ALERTS)
    index = (RUNBOOKS / "README.md").read_text()
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook_url"].endswith(f"/{name}.md")
        assert f"[{name}]({name}.md) | {rule['labels']['severity']} |" in index
        text = (RUNBOOKS / f"{name}.md").read_text()
        assert re.findall("^## (.+)$", text, re.MULTILINE) == ["What it means", "What to look at", "What to do"]
        assert "vigia " in text


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    assert {case["alertname"] for _, case in CASES if case["exp_alerts"]} == set(ALERTS)
    assert {case["alertname"] for _, case in CASES if not case["exp_alerts"]} == set(ALERTS)


def test_prometheus_reads_these_rules_and_every_worker_at_its_usual_port() -> None:
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    assert {FOLDER / name for name in config["rule_files"]} == set(FOLDER.glob("*.rules.yml"))
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "vigia"
    read = {one["labels"]["worker"]: one["targets"] for one in job["static_configs"]}
    assert read == {name: [f"127.0.0.1:{USUAL[name]}"] for name in STAGES}
    (alertmanager,) = config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    assert int(alertmanager.split(":")[1]) not in USUAL.values()


def test_the_route_sends_to_a_receiver_and_names_alerts_that_there_are() -> None:
    text = (FOLDER / "alertmanager.yml").read_text()
    config = yaml.safe_load(text)
    routes = [config["route"], *config["route"]["routes"]]
    assert {route["receiver"] for route in routes} == {receiver["name"] for receiver in config["receivers"]}
    assert set(re.findall(r"\bVigia[A-Z]\w+", text)) <= set(ALERTS)


def test_the_committed_dashboards_are_what_the_script_writes() -> None:
    for file, text in files().items():
        assert file.read_text(encoding="utf-8") == text, "run python -m deploy.grafana.build"
    assert set(BOARDS) == {"pipeline", "feeds", "model", "alerts"}


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_a_dashboards_panels_fit_and_ask_the_chosen_source(board: dict[str, Any]) -> None:
    assert [one["type"] for one in board["templating"]["list"]] == ["datasource"]
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= ACROSS
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
        for one in (panel, *panel["targets"]):
            assert one["datasource"]["uid"] == "${datasource}"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
