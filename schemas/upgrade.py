"""A document of the news index as an older version left it, with the fields that can be told from its others; pure."""

from collections.abc import Mapping
from typing import Any


def upgraded(source: Mapping[str, Any]) -> dict[str, Any]:
    """The document as today's mapping has it. What only the model can tell, such as an embedding, stays away."""
    return {**source, **({} if "stances" in source else {"stances": _stances(source)})}


def _stances(source: Mapping[str, Any]) -> list[dict[str, Any]]:
    scores, sure = source.get("stance_score", {}), source.get("stance_confidence", {})
    return [
        {
            "target": target,
            "stance": side,
            "score": scores.get(target),
            "confidence": sure.get(target),
            "contested": target in source.get("contested", ()),
        }
        for target, side in source.get("stance", {}).items()
    ]
