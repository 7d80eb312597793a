"""Messages survive the way to bytes and back; yesterday's still parse; what is wrong is named."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import WireError
from schemas.streams import ALERTS, ARTICLES, CLASSIFIED, DEADLETTER, DEADMARKS, INDEXED, OPS, STREAMS, Stream
from schemas.wire import decode, encode

MESSAGES = Path(__file__).parent / "messages"
SHIPPED = sorted(MESSAGES.glob("v*/*.json"))
SEEN: tuple[Stream[Any], ...] = (ARTICLES, CLASSIFIED, INDEXED, ALERTS, OPS, DEADLETTER, DEADMARKS)
CARRIED = {s.model.__name__.lower(): s for s in SEEN}


@pytest.mark.parametrize("file", SHIPPED, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_a_message_of_every_kind_ever_shipped_still_parses(file: Path) -> None:
    stream = CARRIED[file.stem.split("-")[0]]
    message = decode(stream, file.read_bytes())
    assert decode(stream, encode(message)) == message


def test_every_stream_has_a_shipped_message() -> None:
    assert {f.stem.split("-")[0] for f in SHIPPED} == set(CARRIED)
    assert {s.model for s in STREAMS} == {s.model for s in CARRIED.values()}


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (None, "value"),
        (b"{", "value"),
        (b"[]", "value"),
        (b"\xff\xfe", "value"),
        (b"[" * 100_000, "value"),
        (b'{"schema_version": 99}', "schema_version"),
        (b'{"schema_version": true}', "schema_version"),
        (b'{"schema_version": "1"}', "schema_version"),
        (b"{}", "article_id"),
    ],
)
def test_what_does_not_decode_names_the_field(value: bytes | None, field: str) -> None:
    with pytest.raises(WireError) as caught:
        decode(ARTICLES, value)
    assert caught.value.field == field
    assert caught.value.stream == "news.articles"


def test_an_unknown_field_is_named() -> None:
    message = json.loads((MESSAGES / "v1/article.json").read_bytes())
    with pytest.raises(WireError, match=r"surprise"):
        decode(ARTICLES, json.dumps(message | {"surprise": 1}).encode())


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode) | st.from_type(dict).map(str).map(str.encode))
def test_no_bytes_raise_anything_but_a_wire_error(value: bytes) -> None:
    with pytest.raises(WireError):
        decode(ARTICLES, value)


@given(st.binary(max_size=2000))
def test_a_dead_letter_keeps_any_bytes_untouched(value: bytes) -> None:
    raw = json.loads((MESSAGES / "v1/deadletter.json").read_bytes())
    letter = DEADLETTER.model.model_validate(raw | {"value": value, "key": None})
    assert decode(DEADLETTER, encode(letter)).value == value
