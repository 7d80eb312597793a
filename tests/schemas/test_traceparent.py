"""The way of a message, and secrets that are taken out of texts."""

import pytest
from pydantic import BaseModel, SecretStr

from schemas.redact import Redactor, redactor_of
from schemas.traceparent import begin, follow


def test_a_step_follows_another_on_the_same_way() -> None:
    first = begin()
    second = follow([("other", b"x"), first.header()])
    assert second.trace_id == first.trace_id
    assert second.span_id != first.span_id
    assert first.header() == ("traceparent", f"00-{first.trace_id}-{first.span_id}-01".encode())


@pytest.mark.parametrize(
    "value",
    [None, b"", b"00-short-01", b"00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01", b"ff-" + b"1" * 32 + b"-" + b"1" * 16],
)
def test_an_unreadable_header_begins_a_new_way(value: bytes | None) -> None:
    assert len(follow([("traceparent", value)]).trace_id) == 32


class Channel(BaseModel):
    url: SecretStr


class Owner(BaseModel):
    password: SecretStr | None = None
    channels: tuple[Channel, ...] = ()
    more: dict[str, SecretStr] = {}


def test_a_redactor_finds_every_secret_of_the_settings_in_every_form() -> None:
    redactor = redactor_of(
        Owner(
            password=SecretStr("p@ss word"),
            channels=(Channel(url=SecretStr("https://api.example/bot123:ABC/send?key=zzzz")),),
            more={"a": SecretStr("inner-one")},
        )
    )
    text = "p@ss word p%40ss%20word https://api.example/bot123:ABC/send?key=zzzz /bot123:ABC/send inner-one fine"
    assert redactor.clean(text) == "*** *** *** /*** *** fine"
    assert "p@ss" not in repr(redactor)


def test_the_password_of_any_url_is_masked() -> None:
    assert (
        Redactor().clean("at https://a:b@host/x and https://host/y:z@w")
        == "at https://***@host/x and https://host/y:z@w"
    )
