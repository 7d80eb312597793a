"""Apprise, in its own process: guarded, told apart by what the service answered, its text without marks."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from consumers.channels.compose import of_alert
from consumers.channels.services import check
from schemas.alert import Alert
from schemas.channel import AppriseChannel
from schemas.errors import ConfigError, DeliveryRefused, Unavailable

Make = Callable[..., Any]


def channel(url: str) -> AppriseChannel:
    return AppriseChannel(name="app", kind="apprise", url=SecretStr(url))


def test_it_arrives_as_text_without_marks(alert: Callable[..., Alert], service: Make, deliver: Make) -> None:
    server = service(lambda *_: (200, {}, b""))
    deliver(
        of_alert(alert(title="@everyone <!channel> [x](http://evil) **b** `c`")),
        channel(f"json://127.0.0.1:{server.port}"),
    )
    said = json.loads(server.took[0][1])
    assert said["title"].startswith("HIGH")
    assert "aberración jurídica" in said["message"]
    assert "https://news.example/no-son-paquetes" in said["message"]
    assert not set("<>[]`*") & set(said["message"])
    assert "@everyone" not in said["message"]


def test_what_the_service_answers_decides_whether_it_is_tried_again(
    alert: Callable[..., Alert], service: Make, deliver: Make
) -> None:
    answers: list[tuple[int, dict[str, str]]] = [(429, {"retry-after": "7"}), (403, {})]
    server = service(lambda *_: (*answers.pop(0), b""))
    to = channel(f"json://127.0.0.1:{server.port}/canary-token")
    with pytest.raises(Unavailable, match="answered 429") as caught:
        deliver(of_alert(alert()), to)
    assert caught.value.after == 7
    with pytest.raises(DeliveryRefused, match="answered 403") as refused:
        deliver(of_alert(alert()), to)
    assert "canary" not in str(refused.value)


def test_neither_an_address_inside_nor_a_redirect_is_followed(
    alert: Callable[..., Alert], service: Make, deliver: Make
) -> None:
    canary = service(lambda *_: (200, {}, b""))
    with pytest.raises(DeliveryRefused, match="loopback"):
        deliver(of_alert(alert()), channel(f"json://localhost:{canary.port}/"), allowed=())
    server = service(lambda *_: (307, {"location": f"{canary.url}/"}, b""))
    with pytest.raises(DeliveryRefused, match="answered 307"):
        deliver(of_alert(alert()), channel(f"json://127.0.0.1:{server.port}/"))
    assert canary.asked == []


def test_a_url_that_apprise_does_not_know_is_told_and_not_quoted() -> None:
    with pytest.raises(ConfigError, match="none that Apprise knows") as caught:
        check(channel("canary://token"))
    assert "canary" not in str(caught.value)
