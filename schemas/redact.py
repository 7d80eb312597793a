"""Secrets taken out of texts that leave a process: logs, dead letters, health answers. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, SecretStr

MASK = "***"

SHORTEST = 4
"""Characters of a secret below which it is not looked for: it would be found in every text."""

_USERINFO = re.compile(r"(?<=://)[^/?#\s@]+:[^/?#\s@]*(?=@)")


@dataclass(frozen=True)
class Redactor:
    """Knows the values that must not be seen. `Redactor()` knows none, and still masks `user:password@` of a URL."""

    secrets: tuple[str, ...] = field(default=(), repr=False)

    def clean(self, text: str) -> str:
        """The text without them."""
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return _USERINFO.sub(MASK, text)


def redactor_of(settings: BaseModel) -> Redactor:
    """A redactor of every secret setting, as it is, as a URL quotes it, and of a secret URL what follows its host."""
    found = {form for secret in _secrets(settings) for form in _forms(secret) if len(form) >= SHORTEST}
    return Redactor(tuple(sorted(found, key=lambda form: (-len(form), form))))


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _secrets(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _secrets(inner)


def _forms(secret: str) -> Iterator[str]:
    yield from (secret, quote(secret, safe=""))
    if "://" not in secret:
        return
    try:
        parts = urlsplit(secret)
    except ValueError:
        return
    yield from (part for part in (parts.username, parts.password, parts.path.strip("/"), parts.query) if part)
