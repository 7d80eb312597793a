"""Secrets that lie in files of their own, as orchestrators mount them: the setting `password_file` fills `password`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

ENDING = "_file"

LARGEST = 65_536
"""Bytes; what is larger is no secret."""


def filled(model: type[BaseModel], given: Any) -> Any:
    """What was given to a model, each secret that is named by its file read. Raises ValueError naming the setting."""
    if not isinstance(given, Mapping):
        return given
    known = {
        name.removesuffix(ENDING): given[name]
        for name in model.model_fields
        if name.endswith(ENDING) and name.removesuffix(ENDING) in model.model_fields and given.get(name) is not None
    }
    return dict(given) | {name: _read(name, Path(file), given.get(name)) for name, file in known.items()}


def _read(name: str, file: Path, other: Any) -> SecretStr:
    setting = name + ENDING
    try:
        raw = file.expanduser().read_bytes()
    except OSError as error:
        raise ValueError(f"{setting}: {file}: {error.strerror}") from None
    if len(raw) > LARGEST:
        raise ValueError(f"{setting}: {file} has {len(raw)} bytes: that is no secret")
    try:
        secret = raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"{setting}: {file} is not UTF-8") from None
    if not secret:
        raise ValueError(f"{setting}: {file} is empty")
    given = other.get_secret_value() if isinstance(other, SecretStr) else other
    if given is not None and given != secret:
        raise ValueError(f"{name} and {setting} say different things: give one of them")
    return SecretStr(secret)
