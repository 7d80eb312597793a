"""The environment wins over the file, a wrong setting is named with its remedy, secrets stay hidden."""

from pathlib import Path

import pytest

from schemas.errors import ConfigError
from schemas.settings import load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("VIGIA_CONFIG", "VIGIA_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("vigia.toml").write_text("[poll]\ntick_s = 30\nconcurrency = 8\n")
    monkeypatch.setenv("VIGIA_POLL__TICK_S", "90")
    poll = load_settings().poll
    assert (poll.tick_s, poll.concurrency) == (90, 8)


def test_an_unknown_setting_is_named_with_the_remedy() -> None:
    Path("vigia.toml").write_text("[poll]\nticks = 30\n")
    with pytest.raises(ConfigError, match=r"poll\.ticks.*VIGIA_POLL__TICKS"):
        load_settings()


def test_a_file_that_is_not_toml_is_named() -> None:
    Path("vigia.toml").write_text("poll = {")
    with pytest.raises(ConfigError, match=r"vigia\.toml: is not TOML"):
        load_settings()


def test_a_named_file_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIA_CONFIG", "elsewhere.toml")
    with pytest.raises(ConfigError, match="no such file"):
        load_settings()


def test_secrets_are_masked_and_never_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIA_ELASTICSEARCH__API_KEY", "canary-7315")
    settings = load_settings()
    assert "canary-7315" not in settings.model_dump_json()
    assert "canary-7315" not in repr(settings)
    assert settings.elasticsearch.client_options()["api_key"] == "canary-7315"
    monkeypatch.setenv("VIGIA_ELASTICSEARCH__TIMEOUT_S", "canary-7315")
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert "canary-7315" not in str(caught.value)
