"""rules.toml, changed as its owner would: comments, order and layout stay. Pure; the result is checked."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import tomlkit

from schemas.errors import ConfigError

ORDER = ("kind", "id", "name", "severity", "tags", "query", "topics", "stances", "voices", "entities")
"""The fields that come first in a rule that is added; the others follow."""


def added(text: str, rule: Mapping[str, Any]) -> str:
    """The file with a rule at its end. Raises ConfigError when its id is taken."""
    if any(other.get("id") == rule.get("id") for other in tomllib.loads(text).get("rules", [])):
        raise ConfigError(
            str(rule.get("id")), "a rule has this id already", remedy="Choose another, or change that one"
        )
    table = tomlkit.table()
    for key in sorted(rule, key=lambda key: (ORDER.index(key) if key in ORDER else len(ORDER), key)):
        value = rule[key]
        if isinstance(value, Mapping):
            inline = tomlkit.inline_table()
            inline.update(value)
            value = inline
        table.add(key, value)
    block = "[[rules]]\n" + tomlkit.dumps(table)
    return _checked(text, (text.rstrip("\n") + "\n\n" if text.strip() else "") + block, str(rule.get("id")), rule)


def changed(text: str, rule_id: str, key: str, value: Any) -> str:
    """The file with one field of a rule set. Raises ConfigError when no rule has that id."""
    rules = tomllib.loads(text).get("rules", [])
    number = next((n for n, rule in enumerate(rules) if rule.get("id") == rule_id), None)
    if number is None:
        raise no_such_rule(rule_id, [str(rule.get("id")) for rule in rules])
    if key in rules[number]:
        document = tomlkit.parse(text)
        entry: Any = document["rules"]
        entry[number][key] = value
        result = tomlkit.dumps(document)
    else:
        # tomlkit puts a new key behind the comment that belongs to the next rule
        result = _inserted(text, number, f"{key} = {tomlkit.item(value).as_string()}")
    return _checked(text, result, rule_id, {**rules[number], key: value})


def removed(text: str, rule_id: str, key: str) -> str:
    """The file without one field of a rule."""
    document = tomlkit.parse(text)
    rules: Any = document.get("rules", [])
    for rule in rules:
        if rule.get("id") == rule_id:
            rule.pop(key, None)
            return tomlkit.dumps(document)
    raise no_such_rule(rule_id, [str(rule.get("id")) for rule in rules])


def no_such_rule(rule_id: str, there: list[str]) -> ConfigError:
    """What to say when a rule is asked for that isn't there."""
    return ConfigError(rule_id, "no rule has this id", remedy=f"There are: {', '.join(there) or 'none'}")


def _inserted(text: str, number: int, line: str) -> str:
    """The line after the `id` of the rule with that number."""
    lines = text.splitlines(keepends=True)
    heads = [n for n, found in enumerate(lines) if found.strip().startswith("[[rules]]")]
    if number < len(heads):
        end = heads[number + 1] if number + 1 < len(heads) else len(lines)
        for n in range(heads[number] + 1, end):
            if re.match(r"\s*id\s*=", lines[n]):
                lines[n] = lines[n].rstrip("\n") + "\n"
                return "".join([*lines[: n + 1], line + "\n", *lines[n + 1 :]])
    raise ConfigError("rules.toml", "is not written as [[rules]] tables", remedy="Change it by hand")


def _checked(before: str, after: str, rule_id: str, rule: Mapping[str, Any]) -> str:
    """`after`, if it differs from `before` by this rule alone."""
    try:
        old, new = tomllib.loads(before), tomllib.loads(after)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("rules.toml", f"can't be changed: {error}", remedy="Change it by hand") from None
    others = [r for r in old.get("rules", []) if r.get("id") != rule_id]
    found = [r for r in new.get("rules", []) if r.get("id") == rule_id]
    if [r for r in new.get("rules", []) if r.get("id") != rule_id] != others or found != [dict(rule)]:
        raise ConfigError("rules.toml", "can't be changed without harm to the rest", remedy="Change it by hand")
    return after
