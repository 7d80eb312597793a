"""What the settings of Kafka and of Elasticsearch have in common: secrets in files, and TLS with either side proved."""

import ipaddress
import ssl
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from schemas.errors import ConfigError
from schemas.secret_files import filled


class Connection(BaseModel):
    """TLS settings of a client. `SETTING` is the table they stand in, for errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    SETTING: ClassVar[str]

    ca_file: Path | None = Field(
        default=None, description="the authority of the server's certificate (PEM); none: the system's"
    )
    certificate_file: Path | None = Field(default=None, description="our own certificate (PEM), when one is asked for")
    key_file: Path | None = Field(default=None, description="its key (PEM); none: it is in certificate_file")
    key_password: SecretStr | None = Field(default=None, description="of the key, when it is encrypted")
    key_password_file: Path | None = Field(default=None, description="the file that holds it")

    @model_validator(mode="before")
    @classmethod
    def _secrets(cls, given: Any) -> Any:
        return filled(cls, given)

    @model_validator(mode="after")
    def _key_has_certificate(self) -> Self:
        if self.key_file is not None and self.certificate_file is None:
            raise ValueError("key_file is given without certificate_file")
        return self

    def has_tls_settings(self) -> bool:
        """Whether anything was set that only TLS uses."""
        return self.ca_file is not None or self.certificate_file is not None

    def tls(self, *, check_hostname: bool = True) -> ssl.SSLContext:
        """TLS 1.2 or later, the server always checked. Raises ConfigError when a file of ours can't be used.

        Source: https://docs.python.org/3/library/ssl.html#ssl.create_default_context
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"{self.SETTING}.ca_file", f"{self.ca_file}: {_reason(error)}") from None
        context.check_hostname = check_hostname
        if self.certificate_file is not None:
            # an empty password rather than none: OpenSSL would ask for it at the terminal
            password = self.key_password.get_secret_value() if self.key_password is not None else ""
            try:
                context.load_cert_chain(self.certificate_file, self.key_file, password)
            except (OSError, ssl.SSLError) as error:
                files = " and ".join(str(file) for file in (self.certificate_file, self.key_file) if file is not None)
                raise ConfigError(f"{self.SETTING}.certificate_file", f"{files}: {_reason(error)}") from None
        return context


def is_loopback(host: str) -> bool:
    """Whether what is sent there never leaves this machine."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"is not what it should be: {error.reason or error}"
    return error.strerror or str(error)
