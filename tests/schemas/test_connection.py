"""Secrets from files, TOML that others may read, and settings that contradict each other or would show a secret."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from schemas.channel import TelegramChannel
from schemas.errors import ConfigError
from schemas.settings import ElasticsearchSettings, KafkaSettings, load_settings

LOGIN: dict[str, Any] = {"security": "SASL_SSL", "username": "desk"}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIGIA_CONFIG", raising=False)


def test_a_secret_is_read_from_its_file_without_the_line_end() -> None:
    Path("secret").write_text("c4nary \n")
    kafka = KafkaSettings.model_validate(LOGIN | {"password_file": "secret"})
    assert kafka.password == SecretStr("c4nary ")
    assert ElasticsearchSettings.model_validate({"api_key_file": "secret"}).api_key == SecretStr("c4nary ")
    bot = TelegramChannel.model_validate({"name": "bot", "kind": "telegram", "chat": "1", "token_file": "secret"})
    assert bot.token == SecretStr("c4nary ")
    assert KafkaSettings.model_validate(kafka.model_dump()) == kafka


@pytest.mark.parametrize(
    ("content", "given", "reason"),
    [
        (None, None, "No such file"),
        (b"\n", None, "is empty"),
        (b"\xff\xfe", None, "is not UTF-8"),
        (b"a" * 70_000, None, "is no secret"),
        (b"c4nary", "0ther", "say different things"),
    ],
)
def test_a_file_that_holds_no_secret_is_named(content: bytes | None, given: str | None, reason: str) -> None:
    if content is not None:
        Path("secret").write_bytes(content)
    with pytest.raises(ValidationError, match=f"password.*{reason}") as caught:
        KafkaSettings.model_validate(LOGIN | {"password_file": "secret", "password": given})
    assert "c4nary" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {"security": "SASL_SSL", "username": "desk"},
        {"username": "desk", "password": "c4nary"},
        {"ca_file": "ca.pem"},
        {"check_hostname": False},
        LOGIN | {"password": "c4nary", "key_file": "key.pem"},
        LOGIN
        | {"password": "c4nary", "mechanism": "PLAIN", "security": "SASL_PLAINTEXT", "servers": ["far.example:9"]},
    ],
)
def test_settings_of_kafka_that_contradict_each_other_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        KafkaSettings.model_validate(given)
    assert "c4nary" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("es.example", {}),
        ("http://es.example", {}),
        ("https://desk:c4nary@es.example:9200", {}),
        ("http://es.example:9200", {"api_key": "c4nary"}),
        ("http://127.0.0.1:9200", {"ca_file": "ca.pem"}),
    ],
)
def test_a_url_that_would_show_a_secret_or_leads_nowhere_is_refused(url: str, more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        ElasticsearchSettings.model_validate({"url": url} | more)
    assert "c4nary" not in str(caught.value)


def test_a_toml_file_with_a_secret_must_be_its_owners_alone() -> None:
    file = Path("vigia.toml")
    file.write_text('[[notify.channels]]\nname = "desk"\nurl = "https://hooks.example/c4nary"\n')
    file.chmod(0o640)
    with pytest.raises(ConfigError, match=r"notify\.channels\.url.*chmod 600 vigia\.toml") as caught:
        load_settings()
    assert "c4nary" not in str(caught.value)
    file.chmod(0o600)
    assert load_settings().notify.channels[0].name == "desk"
    Path("hook").write_text("https://hooks.example/c4nary\n")
    file.write_text('[[notify.channels]]\nname = "desk"\nurl_file = "hook"\n')
    file.chmod(0o644)
    assert "c4nary" not in load_settings().model_dump_json()
