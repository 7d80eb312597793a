"""Whether messages written under an old JSON Schema still parse under a new one. Pure; after Confluent’s BACKWARD."""

from typing import Any

Schema = dict[str, Any]

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


def breaks(old: Schema, new: Schema) -> list[str]:
    """What an old message could hold that the new schema refuses, each as `path: reason`; empty when compatible."""
    return _compare(old, new, old, new, "message", frozenset())


def _resolve(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def _alternatives(schema: Schema, root: Schema) -> list[Schema]:
    schema = _resolve(schema, root)
    found = schema.get("anyOf") or schema.get("oneOf")
    return [a for s in found for a in _alternatives(s, root)] if found else [schema]


def _compare(
    old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str, seen: frozenset[tuple[str, str]]
) -> list[str]:
    step = (str(old.get("$ref")), str(new.get("$ref")))
    if "$ref" in old and step in seen:
        return []
    seen |= {step}
    found: list[str] = []
    targets = _alternatives(new, new_root)
    for alternative in _alternatives(old, old_root):
        attempts = [_one(alternative, target, old_root, new_root, path, seen) for target in targets]
        attempts.sort(key=len)  # the alternative that comes nearest says what is wrong
        found += attempts[0]
    return found


def _one(
    old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str, seen: frozenset[tuple[str, str]]
) -> list[str]:
    if old.get("type") != new.get("type") and not (old.get("type") == "integer" and new.get("type") == "number"):
        return [f"{path}: was {old.get('type', 'anything')}, is {new.get('type', 'anything')}"] if "type" in new else []
    found = _values(old, new, path) + _bounds(old, new, path)
    old_fields: dict[str, Schema] = old.get("properties", {})
    new_fields: dict[str, Schema] = new.get("properties", {})
    closed = new.get("additionalProperties") is False
    found += [f"{path}.{name}: was removed" for name in old_fields if name not in new_fields and closed]
    for name in new.get("required", []):
        if name not in old.get("required", []):
            found.append(f"{path}.{name}: is now required")
    for name in old_fields.keys() & new_fields.keys():
        found += _compare(old_fields[name], new_fields[name], old_root, new_root, f"{path}.{name}", seen)
    for inner in ("items", "additionalProperties"):
        a, b = old.get(inner), new.get(inner)
        if isinstance(a, dict) and isinstance(b, dict):
            found += _compare(a, b, old_root, new_root, f"{path}[]", seen)
    return found


def _values(old: Schema, new: Schema, path: str) -> list[str]:
    def allowed(schema: Schema) -> set[str] | None:
        if "const" in schema:
            return {repr(schema["const"])}
        return {repr(v) for v in schema["enum"]} if "enum" in schema else None

    before, after = allowed(old), allowed(new)
    if after is None:
        return []
    if before is None:
        return [f"{path}: took any value, takes only {', '.join(sorted(after))}"]
    lost = sorted(before - after)
    return [f"{path}: no longer takes {', '.join(lost)}"] if lost else []


def _bounds(old: Schema, new: Schema, path: str) -> list[str]:
    tighter = [(k, k not in old or new[k] > old[k]) for k in _LOWER if k in new]
    tighter += [(k, k not in old or new[k] < old[k]) for k in _UPPER if k in new]
    tighter += [("pattern", new["pattern"] != old.get("pattern"))] if "pattern" in new else []
    return [f"{path}: {key} was {old.get(key, 'free')}, is {new[key]}" for key, yes in tighter if yes]
