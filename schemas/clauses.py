"""Conditions that searches and rules are made of; pure."""

from collections.abc import Sequence
from typing import Any

Body = dict[str, Any]

WORD_FIELDS = ("title^3", "title.en^3", "title.es^3", "summary", "text", "text.en", "text.es")
"""Where words are looked for: folded (no accents), and stemmed as English and as Spanish."""

FLAGS = "AND|OR|NOT|PHRASE|WHITESPACE"
"""What a query may use; prefixes, fuzziness and nesting, which cost the most, are plain characters."""

MARK_START, MARK_END = "\u27e6", "\u27e7"
"""Around each word found, in highlighted text."""


def words(query: str) -> Body:
    """The query's words, in simple query syntax, over headline and text."""
    return {
        "simple_query_string": {"query": query, "fields": list(WORD_FIELDS), "flags": FLAGS, "default_operator": "and"}
    }


def any_of(field: str, values: Sequence[str]) -> list[Body]:
    """That the field holds any of the values; no condition when there are none."""
    return [{"terms": {field: [str(value) for value in values]}}] if values else []


def every(*conditions: Body) -> Body:
    """That all of them hold."""
    return {"bool": {"filter": list(conditions)}}
