"""Every setting, as small values; read once at the edge (the command line, a flow's head), passed down in parts.

Sources, the first that speaks wins: environment (`VIGIA_KAFKA__SERVERS`), then one TOML file (`VIGIA_CONFIG`, else
`vigia.toml` in the working directory). Secrets are `SecretStr` and have no default that works; each can lie in a file
of its own (`password_file`), and a TOML file that holds one must be its owner's alone.
"""

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from schemas.channel import ChannelSettings
from schemas.connection import Connection, is_loopback
from schemas.errors import ConfigError
from schemas.redact import redactor_of


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(Connection):
    """How to reach the broker; what is done with it lives elsewhere."""

    SETTING: ClassVar[str] = "kafka"

    servers: tuple[str, ...] = ("127.0.0.1:9092",)
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="how a login is proved; PLAIN hands the password to the broker"
    )
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = Field(default=None, description="the file that holds the password")
    check_hostname: bool = Field(default=True, description="false: any name will do in a certificate of the authority")
    replication: int = Field(default=1, ge=1, description="copies of each stream that Vigía creates")

    @property
    def is_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.security in {"SSL", "SASL_SSL"}

    @property
    def is_sasl(self) -> bool:
        """Whether we log in."""
        return self.security.startswith("SASL_")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.is_sasl and (self.username is None or self.password is None):
            raise ValueError(f"security {self.security} needs username, and password or password_file")
        if not self.is_sasl and (self.username is not None or self.password is not None):
            raise ValueError(f"username and password are not used with security {self.security}: SASL_SSL uses them")
        if not self.is_tls and (self.has_tls_settings() or not self.check_hostname):
            raise ValueError(f"ca_file, certificate_file and check_hostname need SSL or SASL_SSL, not {self.security}")
        away = [server for server in self.servers if not is_loopback(server.rpartition(":")[0])]
        if away and self.security == "SASL_PLAINTEXT" and self.mechanism == "PLAIN":
            raise ValueError(f"PLAIN would send the password readable to {away[0]}: take SASL_SSL, or SCRAM-SHA-512")
        return self

    def client_options(self) -> dict[str, Any]:
        """Options that every kafka-python client takes. Raises ConfigError when a file of TLS's can't be used."""
        options: dict[str, Any] = {"bootstrap_servers": list(self.servers), "security_protocol": self.security}
        if self.is_tls:
            options["ssl_context"] = self.tls(check_hostname=self.check_hostname)
        if self.is_sasl and self.password is not None:
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password.get_secret_value(),
            }
        return options


class ElasticsearchSettings(Connection):
    """How to reach Elasticsearch."""

    SETTING: ClassVar[str] = "elasticsearch"

    url: str = "http://127.0.0.1:9200"
    api_key: SecretStr | None = Field(default=None, description="encoded, as Elasticsearch gives it (id:key in base64)")
    api_key_file: Path | None = Field(default=None, description="the file that holds the API key")
    timeout_s: float = Field(default=30, gt=0, description="of one request")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port is None:
            raise ValueError("url must be http or https with a host and a port, such as https://es.example:9200")
        if parts.username is not None or parts.password is not None:
            raise ValueError("url holds a login, and a URL is shown in logs: take api_key or api_key_file")
        if parts.scheme == "http" and self.has_tls_settings():
            raise ValueError("ca_file and certificate_file need an https url")
        if parts.scheme == "http" and self.api_key is not None and not is_loopback(parts.hostname):
            raise ValueError(f"the API key would go readable to {parts.hostname}: take an https url")
        return self

    def client_options(self) -> dict[str, Any]:
        """Options of an Elasticsearch client. Raises ConfigError when a file of TLS's can't be used."""
        options: dict[str, Any] = {"hosts": self.url, "request_timeout": self.timeout_s}
        if self.api_key is not None:
            options["api_key"] = self.api_key.get_secret_value()
        if self.url.startswith("https:"):
            options["ssl_context"] = self.tls()
        return options


class PrefectSettings(_Part):
    """Where the flows report and are scheduled."""

    api_url: str | None = Field(default=None, description="none: the embedded stack's server")


class PollSettings(_Part):
    """How sources are read."""

    feeds_file: Path = Path("feeds.toml")
    tick_s: float = Field(default=60, ge=5, description="how often the poll flow takes the sources that are due")
    run_s: float = Field(default=900, ge=5, description="how long one run of the poll flow goes on, tick after tick")
    interval_s: float = Field(
        default=600, ge=5, description="between two polls of a source of which nothing is known yet"
    )
    concurrency: int = Field(default=32, ge=1, description="fetches under way at once")
    per_host: int = Field(default=2, ge=1, description="fetches under way at once at one host")
    connect_s: float = Field(default=10, gt=0)
    total_s: float = Field(default=30, gt=0, description="of one fetch, redirects included")
    max_wire_bytes: int = Field(default=8_000_000, ge=1)
    max_body_bytes: int = Field(default=32_000_000, ge=1, description="after decompression")
    max_entries: int = Field(default=500, ge=1, description="new entries taken from one source in one poll")
    max_entries_day: int = Field(default=2000, ge=1, description="and in one day (UTC); the rest is held back")
    max_held: int = Field(default=5000, ge=0, description="of those held back, how many are kept of one source")
    pause_after: int = Field(default=15, ge=1, description="failures in a row, over days, that pause a source")
    max_lag: int = Field(
        default=100_000, ge=1, description="pieces waiting to be classified from which on sources are read less often"
    )
    lag_group: str = Field(default="vigia-classify", description="whose lag that is: a consumer group of news.articles")
    min_free_disk: float = Field(
        default=0.25, ge=0, lt=1, description="free share of the home's disk under which sources are read less often"
    )
    websub_callback: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#\s]+[^?#\s]*$",
        max_length=1000,
        description="public URL by which WebSub hubs reach `websub_listen`, its host name passed on; none: unused",
    )
    websub_listen: str = Field(default="127.0.0.1:9620", pattern=r"^.+:\d{1,5}$", description="host:port")
    contact: str = Field(default="", description="an address or page named in the User-Agent")
    allow_networks: tuple[str, ...] = Field(
        default=(), description="private networks or addresses that may be fetched from, such as 127.0.0.1/32"
    )


class HubSettings(_Part):
    """A model of the Hugging Face hub, for the backend `hub` (see docs/models.md)."""

    name: str = Field(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$", description="owner/model")
    commit: str = Field(description="the commit it is pinned to: 40 hex digits")
    kind: Literal["nli", "labels"] = Field(
        default="nli", description="nli: zero-shot by entailment; labels: fine-tuned, its labels mapped by `labels`"
    )
    labels: dict[str, str] = Field(
        default={}, description="the model's label to relevant, topic:NAME, stance:TARGET:SIDE or ignore"
    )
    activation: Literal["sigmoid", "softmax"] = Field(
        default="sigmoid", description="of the kind `labels`: sigmoid when several labels may hold at once"
    )
    languages: tuple[Literal["en", "es"], ...] = Field(default=("en", "es"), description="those that the model reads")
    threshold: float = Field(default=0.5, ge=0, le=1, description="probability from which a label holds")
    gate: float = Field(
        default=0.0, ge=0, le=1, description="relevance of headline and lead under which the rest is not read; 0: off"
    )
    generation: int = Field(
        default=100, ge=0, lt=1000, description="part of a document's version: above those of the models before it"
    )
    batch: int = Field(default=16, ge=1, description="passages, or passages with a hypothesis, at once")
    cache: Path | None = Field(default=None, description="where models are kept; none: where Hugging Face keeps them")
    download: bool = Field(default=True, description="false: only what is in the cache already")

    @field_validator("commit")
    @classmethod
    def _pinned(cls, commit: str) -> str:
        if not re.fullmatch(r"[0-9a-f]{40}", commit):
            raise ValueError("is no pinned commit (40 hex digits): a branch or a tag can change under you")
        return commit


class ClassifySettings(_Part):
    """How pieces are read by the model."""

    backend: Literal["shipped", "hub"] = Field(
        default="shipped", description="shipped: Vigía's own model or the folder `model`; hub: the model of `hub`"
    )
    model: Path | None = Field(default=None, description="a model's folder; none: the one that is shipped")
    threads: int = Field(default=2, ge=1)
    token_budget: int = Field(default=4096, ge=512, description="tokens of one forward pass, padding included")
    targets_file: Path = Field(
        default=Path("targets.toml"), description="targets described in words (`vigia model target`), if it is there"
    )
    hub: HubSettings | None = None

    @model_validator(mode="after")
    def _named(self) -> "ClassifySettings":
        if self.backend == "hub" and self.hub is None:
            raise ValueError("the backend is hub, but hub.name and hub.commit say no model")
        return self


class AlertSettings(_Part):
    """Which rules run."""

    rules_file: Path = Path("rules.toml")


class ThrottleSettings(_Part):
    """How many alerts one reader is told at once by one channel within the window; the rest comes in one message."""

    window_s: float = Field(default=3600, gt=0)
    per_rule: int | None = Field(default=60, ge=1, description="of one rule; null: no limit")
    per_source: int | None = Field(default=60, ge=1, description="of one outlet")
    overall: int | None = Field(default=200, ge=1)


class NotifySettings(_Part):
    """Where alerts go."""

    channels: tuple[ChannelSettings, ...] = ()
    timeout_s: float = Field(default=10, gt=0)
    allow_networks: tuple[str, ...] = Field(default=(), description="private networks that alerts may be sent to")
    teams_file: Path = Field(default=Path("teams.toml"), description="who is told of what; absent: every channel")
    throttle: ThrottleSettings = ThrottleSettings()
    digest_items: int = Field(
        default=20, ge=1, le=100, description="alerts that one message lists, the rest is counted"
    )


class OpsSettings(_Part):
    """Where those who run Vigía are told of trouble."""

    channel: str | None = Field(default=None, description="a name of notify.channels; none: the log of the worker ops")


class WorkerSettings(_Part):
    """How a consumer reads."""

    batch_messages: int = Field(default=200, ge=1)
    batch_bytes: int = Field(default=4_000_000, ge=1)
    linger_s: float = Field(default=0.2, ge=0, description="how long a batch waits to fill")
    retry_s: float = Field(default=1.0, gt=0, description="first wait before a message is tried again; doubles")
    retry_max_s: float = Field(default=30.0, gt=0)
    health_port: int | None = Field(
        default=None, ge=1, le=65535, description="/healthz, /readyz and /metrics; none: off"
    )
    health_host: str = Field(default="127.0.0.1", description="the address that they listen on")
    health_names: tuple[str, ...] = Field(
        default=(), description="names beside this machine's own by which probes and Prometheus may call it"
    )
    log: Literal["json", "text"] = Field(default="json", description="form of a worker's log on stderr")


class Settings(BaseSettings):
    """All of them."""

    model_config = SettingsConfigDict(
        env_prefix="VIGIA_", env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    home: Path = Field(
        default_factory=lambda: Path.home() / ".local/share/vigia", description="data, logs and state of this Vigía"
    )
    kafka: KafkaSettings = KafkaSettings()
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    prefect: PrefectSettings = PrefectSettings()
    poll: PollSettings = PollSettings()
    classify: ClassifySettings = ClassifySettings()
    alert: AlertSettings = AlertSettings()
    notify: NotifySettings = NotifySettings()
    ops: OpsSettings = OpsSettings()
    worker: WorkerSettings = WorkerSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the TOML file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())


def config_file() -> Path:
    """The TOML file in force, whether or not it exists."""
    return Path(os.environ.get("VIGIA_CONFIG", "vigia.toml"))


def load_settings(**overrides: Any) -> Settings:
    """The settings in force. Raises ConfigError naming the setting and the reason."""
    named = os.environ.get("VIGIA_CONFIG")
    if named is not None and not Path(named).is_file():
        raise ConfigError(named, "no such file", remedy="Correct or unset VIGIA_CONFIG")
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        setting = ".".join(str(part) for part in first["loc"])
        raise ConfigError(setting, first["msg"], remedy=_remedy(setting)) from None
    except SettingsError as error:
        raise ConfigError("environment", str(error), remedy="Lists and tables are written as JSON") from None
    except ValueError as error:
        raise ConfigError(str(config_file()), f"is not TOML: {error}") from None
    _require_private(config_file(), settings)
    return settings


def _require_private(file: Path, settings: Settings) -> None:
    """Raise ConfigError when the file holds one of the secrets in force and others than its owner may read it."""
    if not file.is_file() or not file.stat().st_mode & 0o077:
        return
    secrets = frozenset(redactor_of(settings).secrets)
    for setting, value in _strings(tomllib.loads(file.read_text(encoding="utf-8"))):
        if value in secrets:
            raise ConfigError(
                str(file),
                f"holds a secret ({setting}) and others than you may read it",
                remedy=f"chmod 600 {file}, or give it by the environment or by a file of its own ({setting}_file)",
            )


def _strings(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, name)


def _remedy(setting: str) -> str:
    variable = "VIGIA_" + setting.upper().replace(".", "__")
    return f"Set it in {config_file()} or by {variable}; `vigia config show` prints what is in force"
