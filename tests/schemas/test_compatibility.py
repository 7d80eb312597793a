"""The JSON Schemas are current, and compatible with the release before; a breaking change would be seen."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

from deploy.cli.schema import MODELS, file_of, incompatibilities, rendered
from schemas.compatibility import breaks

RELEASE = Path(__file__).parent / "release"


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_the_committed_schema_is_the_one_the_model_gives(model: type[BaseModel]) -> None:
    assert file_of(model).read_text() == rendered(model)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_messages_of_the_last_release_still_parse(model: type[BaseModel]) -> None:
    assert (RELEASE / file_of(model).name).is_file()
    assert incompatibilities(model, RELEASE) == []


class Old(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=10)
    count: int = Field(default=0, ge=0)
    tags: list[str] = []


def changed(**fields: Any) -> dict[str, Any]:
    """The schema of `Old` with fields replaced, added or (None) taken away."""
    schema = Old.model_json_schema()
    for name, field in fields.items():
        if field is None:
            del schema["properties"][name]
        else:
            schema["properties"][name] = field
    return schema


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (changed(count=None), "count: was removed"),
        (changed(name={"type": "integer"}), "name: was string, is integer"),
        (changed(name={"type": "string", "maxLength": 5}), "name: maxLength was 10, is 5"),
        (changed(name={"type": "string", "maxLength": 10, "pattern": "^a"}), "name: pattern was free"),
        (changed(count={"type": "integer", "minimum": 1}), "count: minimum was 0, is 1"),
        (changed(name={"type": "string", "enum": ["a"]}), "name: took any value"),
        (changed(tags={"type": "array", "items": {"type": "integer"}}), "tags[]: was string, is integer"),
        (changed() | {"required": ["name", "count"]}, "count: is now required"),
    ],
)
def test_a_change_that_old_messages_would_not_survive_is_named(new: dict[str, Any], reason: str) -> None:
    assert any(reason in found for found in breaks(Old.model_json_schema(), new))


@pytest.mark.parametrize(
    "new",
    [
        changed(),
        changed(extra={"type": "string", "default": ""}),
        changed(name={"type": "string", "maxLength": 20}),
        changed(count={"type": "number", "minimum": 0}),
        changed(name={"anyOf": [{"type": "string", "maxLength": 10}, {"type": "null"}]}),
    ],
)
def test_a_change_that_old_messages_survive_is_let_through(new: dict[str, Any]) -> None:
    assert breaks(Old.model_json_schema(), new) == []
