"""Slack, Teams, Discord and Telegram: what their servers would take, from hostile text, through their troubles."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from consumers.channels import discord, slack, teams, telegram
from consumers.channels.compose import of_alert
from consumers.channels.pace import Pace
from schemas.alert import Alert, Evidence
from schemas.channel import ChannelSettings, DiscordChannel, SlackChannel, TeamsChannel, TelegramChannel
from schemas.errors import DeliveryRefused, Unavailable
from schemas.message import Language

Make = Callable[..., Any]
KINDS = ("slack", "teams", "discord", "telegram")
TOKEN = "12345:canary-token"  # noqa: S105 - no real one


def channel_of(kind: str, url: str) -> ChannelSettings:
    match kind:
        case "slack":
            return SlackChannel(name="c", kind="slack", url=SecretStr(f"{url}/services/T0/B0/canary-token"))
        case "teams":
            return TeamsChannel(name="c", kind="teams", url=SecretStr(f"{url}/workflows/canary-token"))
        case "discord":
            return DiscordChannel(name="c", kind="discord", url=SecretStr(f"{url}/api/webhooks/1/canary-token"))
        case _:
            return TelegramChannel(name="c", kind="telegram", token=SecretStr(TOKEN), chat="-100", url=url)


def bodies(kind: str, alert: Alert, language: Language = Language.ENGLISH) -> list[dict[str, Any]]:
    message = of_alert(alert, language)
    channel = channel_of("telegram", "https://t.example")
    assert isinstance(channel, TelegramChannel)
    made = {
        "slack": lambda: slack.bodies(message),
        "teams": lambda: teams.bodies(message),
        "discord": lambda: discord.bodies(message),
        "telegram": lambda: telegram.bodies(message, channel),
    }[kind]()
    return [json.loads(body) for body in made]


def fault(kind: str, path: str, raw: bytes) -> str | None:
    """What the service would find wrong with the body, by its documented limits."""
    body = json.loads(raw)
    match kind:
        case "slack":
            if not body.get("text") or len(body["text"]) > 4000 or len(body.get("blocks", [])) > 50:
                return "invalid_payload"
            runs = [e for b in body.get("blocks", []) for section in b["elements"] for e in section["elements"]]
            return "invalid_blocks" if any(not run["text"] or len(run["text"]) > 3000 for run in runs) else None
        case "teams":
            card = body["attachments"][0]["content"]
            good = card["type"] == "AdaptiveCard" and card["body"] and len(raw) <= 28 * 1024
            return None if good and body["type"] == "message" else "Bad card"
        case "discord":
            embeds = body.get("embeds", [])
            total = sum(len(e["title"]) + len(e["description"]) for e in embeds)
            long = any(len(e["title"]) > 256 or len(e["description"]) > 4096 for e in embeds)
            asked = path.endswith("?wait=true")
            return (
                "Invalid Form Body"
                if long or total > 6000 or len(body.get("content", "")) > 2000 or not asked
                else None
            )
        case _:
            if path != f"/bot{TOKEN}/sendMessage" or body["chat_id"] != "-100":
                return "Bad Request: chat not found"
            units = body["text"].encode("utf-16-le")
            ends = [e["offset"] + e["length"] for e in body.get("entities", [])]
            inside = all(end <= len(units) // 2 for end in ends)
            return None if 0 < len(units) // 2 <= 4096 and inside else "Bad Request: message is too long"


def strict(kind: str) -> Callable[[str, bytes], tuple[int, dict[str, str], bytes]]:
    def judge(path: str, raw: bytes) -> tuple[int, dict[str, str], bytes]:
        found = fault(kind, path, raw)
        return (400, {}, found.encode()) if found else (200, {}, b"ok")

    return judge


def shown(kind: str, body: dict[str, Any]) -> str:
    """All that a reader sees of it."""
    match kind:
        case "slack":
            return json.dumps(body.get("blocks", body["text"]), ensure_ascii=False)
        case "teams":
            return json.dumps(body["attachments"][0]["content"]["body"], ensure_ascii=False)
        case "discord":
            return json.dumps(body.get("embeds", body.get("content")), ensure_ascii=False).replace("\\", "")
        case _:
            return str(body["text"])


@pytest.mark.parametrize("kind", KINDS)
def test_an_alert_arrives_with_its_sentence_its_sides_and_its_link(
    kind: str, alert: Callable[..., Alert], service: Make, deliver: Make
) -> None:
    server = service(strict(kind))
    assert not deliver(of_alert(alert(), Language.SPANISH), channel_of(kind, server.url)).plain
    ((_, raw),) = server.took
    text = shown(kind, json.loads(raw))
    for word in ("ALTA", "No son paquetes", "aberración jurídica", "Una abogada", "en contra", "95 %", "El Farol"):
        assert word in text
    assert "https://news.example/no-son-paquetes" in raw.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_finds_fault_with_the_message_gets_it_as_plain_text(
    kind: str, alert: Callable[..., Alert], service: Make, deliver: Make
) -> None:
    answers = [lambda *_: (400, {}, b"can't parse"), strict(kind)]
    server = service(lambda path, raw: answers.pop(0)(path, raw))
    assert deliver(of_alert(alert()), channel_of(kind, server.url)).plain
    assert len(server.asked) == 2
    assert "aberración jurídica" in shown(kind, json.loads(server.took[0][1]))
    assert "https://news.example/no-son-paquetes" in server.took[0][1].decode()


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_finds_fault_with_everything_has_refused_it(
    kind: str, alert: Callable[..., Alert], service: Make, deliver: Make
) -> None:
    server = service(lambda *_: (400, {}, b"no"))
    with pytest.raises(DeliveryRefused, match="answered 400") as caught:
        deliver(of_alert(alert()), channel_of(kind, server.url))
    assert "canary" not in str(caught.value)
    assert len(server.asked) == 2


WAITS: dict[str, tuple[dict[str, str], bytes]] = {
    "slack": ({"retry-after": "30"}, b""),
    "teams": ({"retry-after": "30"}, b""),
    "discord": ({}, b'{"message": "You are being rate limited.", "retry_after": 30.0, "global": false}'),
    "telegram": ({}, b'{"ok": false, "error_code": 429, "parameters": {"retry_after": 30}}'),
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_asks_to_wait_is_left_alone_so_long(
    kind: str, alert: Callable[..., Alert], service: Make, deliver: Make
) -> None:
    headers, said = WAITS[kind]
    server = service(lambda *_: (429, headers, said))
    pace = Pace()
    channel, message = channel_of(kind, server.url), of_alert(alert())
    with pytest.raises(Unavailable) as caught:
        deliver(message, channel, pace=pace)
    assert caught.value.after == 30
    with pytest.raises(Unavailable, match="in 30 s"):
        deliver(message, channel, pace=pace)
    assert len(server.asked) == 1
    server.judge = strict(kind)
    pace.silent_until["c"] = time.monotonic()
    deliver(message, channel, pace=pace)
    assert len(server.took) == 1


@pytest.mark.parametrize(("status", "error"), [(503, Unavailable), (404, DeliveryRefused), (302, DeliveryRefused)])
@pytest.mark.parametrize("kind", KINDS)
def test_an_outage_may_pass_and_a_dead_address_will_not(
    kind: str, status: int, error: type[Exception], alert: Callable[..., Alert], service: Make, deliver: Make
) -> None:
    server = service(lambda *_: (status, {"location": "http://127.0.0.1:1/"}, b""))
    with pytest.raises(error, match=f"answered {status}"):
        deliver(of_alert(alert()), channel_of(kind, server.url))
    assert len(server.asked) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_slow_answer_is_an_outage(kind: str, alert: Callable[..., Alert], service: Make, deliver: Make) -> None:
    def slow(*_: Any) -> tuple[int, dict[str, str], bytes]:
        time.sleep(1)
        return 200, {}, b""

    with pytest.raises(Unavailable):
        deliver(of_alert(alert()), channel_of(kind, service(slow).url), timeout_s=0.4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_message_that_is_too_long_is_cut_and_says_where_to_read_on(kind: str, alert: Callable[..., Alert]) -> None:
    endless = tuple(Evidence(text="palabra 🛬 " * 900, confidence=0.9, speaker="x" * 300) for _ in range(9))
    for number, body in enumerate(bodies(kind, alert(evidence=endless, title="t" * 3000), Language.SPANISH)):
        path = f"/bot{TOKEN}/sendMessage" if kind == "telegram" else "?wait=true"
        assert fault(kind, path, json.dumps(body, ensure_ascii=False).encode()) is None
        assert "Abreviado" in shown(kind, body)
        if number == 0:
            assert json.dumps(body).count("https://news.example/no-son-paquetes") >= 2


@settings(max_examples=30, deadline=None)
@given(text=st.text(max_size=600), url=st.text(max_size=80))
def test_no_text_makes_a_message_that_a_service_would_not_take(text: str, url: str) -> None:
    for kind in KINDS:
        hostile = HOSTILE.model_copy(
            update={
                "title": text or "x",
                "outlet": text,
                "url": f"https://h.example/{url}",
                "evidence": (Evidence(text=text * 9, confidence=0.5, speaker=text),),
            }
        )
        for body in bodies(kind, hostile):
            path = f"/bot{TOKEN}/sendMessage" if kind == "telegram" else "?wait=true"
            assert fault(kind, path, json.dumps(body, ensure_ascii=False).encode()) is None


HOSTILE = Alert.model_validate(
    {
        "alert_id": "b" * 32,
        "rule_id": "r",
        "rule_name": "R",
        "severity": "low",
        "story_id": "s",
        "article_id": "0" * 32,
        "title": "t",
        "url": "https://h.example/",
        "outlet": "o",
        "language": "en",
        "published_at": "2026-11-24T00:00:00Z",
        "observed_at_ms": 1,
        "created_at_ms": 1,
        "relevance": 0.5,
    }
)
