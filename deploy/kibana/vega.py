"""Charts of voices in Vega-Lite: Lens can't count nested documents, an Elasticsearch aggregation can; pure."""

import json
from collections.abc import Mapping
from typing import Any

from deploy.kibana.objects import Object, visualization
from schemas.taxonomy import Stance, Target

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
"""Names the grammar; Kibana brings it along and fetches nothing."""

COLOURS = {Stance.FAVOR: "#2e7d4f", Stance.NEUTRAL: "#7b8794", Stance.AGAINST: "#b3261e"}
SPEAKERS = 25


def speakers(id_: str, index: str, target: Target | None = None) -> Object:
    """Who is quoted most by name, and with which side; on one target, or on all."""
    on = f" on {target.value}" if target else ""
    named: list[dict[str, Any]] = [{"term": {"voices.named": True}}]
    if target:
        named.append({"term": {"voices.target": target.value}})
    sides = {"terms": {"field": "voices.stance", "missing": "none", "size": len(Stance) + 1}}
    aggs = {
        "named": {
            "filter": {"bool": {"filter": named}},
            "aggs": {"who": {"terms": {"field": "voices.speaker.raw", "size": SPEAKERS}, "aggs": {"sides": sides}}},
        }
    }
    title = f"Voices{on}: who is quoted, and with which side"
    return _bars(id_, title, index, aggs, "aggregations.voices.named.who.buckets", "named speaker")


def targets(id_: str, index: str) -> Object:
    """Quotes by target and side."""
    sides = {"terms": {"field": "voices.stance", "size": len(Stance)}}
    aggs = {"who": {"terms": {"field": "voices.target", "size": len(Target)}, "aggs": {"sides": sides}}}
    return _bars(id_, "Quotes by target and side", index, aggs, "aggregations.voices.who.buckets", "target")


def _bars(id_: str, title: str, index: str, aggs: Mapping[str, Any], buckets: str, rows: str) -> Object:
    scale = {
        "domain": [*(side.value for side in COLOURS), "none"],
        "range": [*COLOURS.values(), "#d5dae1"],
    }
    spec = {
        "$schema": SCHEMA,
        "title": title,
        "data": {
            "url": {
                "%context%": True,
                "%timefield%": "published_at",
                "index": index,
                "body": {"size": 0, "aggs": {"voices": {"nested": {"path": "voices"}, "aggs": dict(aggs)}}},
            },
            "format": {"property": buckets},
        },
        "transform": [
            {"flatten": ["sides.buckets"], "as": ["side"]},
            {"calculate": "datum.side.key", "as": "stance"},
            {"calculate": "datum.side.doc_count", "as": "quotes"},
        ],
        "mark": {"type": "bar", "tooltip": True},
        "encoding": {
            "y": {
                "field": "key",
                "type": "nominal",
                "sort": {"field": "doc_count", "order": "descending"},
                "title": rows,
            },
            "x": {"field": "quotes", "type": "quantitative", "title": "quotes", "stack": "zero"},
            "color": {"field": "stance", "type": "nominal", "scale": scale, "title": "side"},
        },
    }
    params = {"spec": json.dumps(spec, ensure_ascii=False, indent=2)}
    return visualization(id_, f"[Vigía] {title}", "Counts quotes, not pieces", "vega", params)
