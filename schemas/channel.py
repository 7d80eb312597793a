"""The settings of one way out, told apart by `kind`; secrets are `SecretStr`, and there is no default that works."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, SecretStr, Tag, model_validator

from schemas.message import Language
from schemas.secret_files import filled

ADDRESS = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"
"""A mail address without a display name, in ASCII."""

Address = Annotated[str, Field(pattern=ADDRESS)]
PerMinute = Annotated[float, Field(gt=0, le=60_000)]


class _Channel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    language: Language = Field(default=Language.ENGLISH, description="of readers of whom no language is known: en, es")

    @model_validator(mode="before")
    @classmethod
    def _secrets(cls, given: Any) -> Any:
        return filled(cls, given)


class WebhookChannel(_Channel):
    """A POST of JSON, signed after Standard Webhooks when there is a secret."""

    kind: Literal["webhook"] = "webhook"
    url: SecretStr
    url_file: Path | None = Field(default=None, description="the file that holds the URL")
    secret: SecretStr | None = Field(default=None, description="whsec_… (base64)")
    secret_file: Path | None = Field(default=None, description="the file that holds the secret")
    retiring_secrets: tuple[SecretStr, ...] = Field(
        default=(), max_length=4, description="sign as well, until every receiver knows the new secret"
    )
    per_minute: PerMinute | None = Field(default=None, description="messages a minute; none: no limit")


class SlackChannel(_Channel):
    """An incoming webhook of Slack."""

    kind: Literal["slack"]
    url: SecretStr
    url_file: Path | None = Field(default=None, description="the file that holds the URL")
    per_minute: PerMinute = 60


class TeamsChannel(_Channel):
    """A webhook of a Teams workflow ("Post to a channel when a webhook request is received")."""

    kind: Literal["teams"]
    url: SecretStr
    url_file: Path | None = Field(default=None, description="the file that holds the URL")
    per_minute: PerMinute = 60


class DiscordChannel(_Channel):
    """A webhook of a Discord channel."""

    kind: Literal["discord"]
    url: SecretStr
    url_file: Path | None = Field(default=None, description="the file that holds the URL")
    per_minute: PerMinute = 30


class TelegramChannel(_Channel):
    """A bot that writes to a chat."""

    kind: Literal["telegram"]
    token: SecretStr
    token_file: Path | None = Field(default=None, description="the file that holds the token")
    chat: str = Field(pattern=r"^(-?\d{1,20}|@[A-Za-z0-9_]{1,64})$", description="a chat's number, or @its_name")
    url: str = Field(default="https://api.telegram.org", description="another Bot API server", pattern=r"^https?://")
    per_minute: PerMinute = 20


class EmailChannel(_Channel):
    """Mail by SMTP, one to each address."""

    kind: Literal["email"]
    host: str
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = Field(default=None, description="the file that holds the password")
    ca_file: Path | None = Field(
        default=None, description="the authority of the server's certificate; none: public ones"
    )
    sender: Address
    to: tuple[Address, ...] = Field(min_length=1)
    per_minute: PerMinute = 60


class AppriseChannel(_Channel):
    """One of the services that the library Apprise knows, by its URL; the text goes without any marks."""

    kind: Literal["apprise"]
    url: SecretStr
    url_file: Path | None = Field(default=None, description="the file that holds the URL")
    per_minute: PerMinute = 30


class AtomChannel(_Channel):
    """An Atom feed per rule, as files in a folder."""

    kind: Literal["atom"]
    folder: Path
    keep: int = Field(default=100, ge=1, le=1000, description="entries of one feed")
    per_minute: PerMinute | None = None


def _kind(value: Any) -> str:
    kind = value.get("kind", "webhook") if isinstance(value, dict) else getattr(value, "kind", None)
    return str(kind)


ChannelSettings = Annotated[
    Annotated[WebhookChannel, Tag("webhook")]
    | Annotated[SlackChannel, Tag("slack")]
    | Annotated[TeamsChannel, Tag("teams")]
    | Annotated[DiscordChannel, Tag("discord")]
    | Annotated[TelegramChannel, Tag("telegram")]
    | Annotated[EmailChannel, Tag("email")]
    | Annotated[AppriseChannel, Tag("apprise")]
    | Annotated[AtomChannel, Tag("atom")],
    Discriminator(_kind),
]
"""A channel of any kind; one that names none is a webhook."""
