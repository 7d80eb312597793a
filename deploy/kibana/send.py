"""Kibana's import of saved objects, asked for over HTTP: POST /api/saved_objects/_import."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from pydantic import SecretStr

from schemas.errors import ConfigError, Unavailable
from schemas.inert import plain

SINK = "kibana"
ANSWER_BYTES = 4_000_000
"""More than any answer to these objects; what is longer isn't Kibana's."""

REMEDIES = {
    400: "Is it Kibana 9, or newer than 8.11? An older one takes no objects of a newer one",
    401: "Give an API key (--api-key-file) or a user (--user)",
    403: "The key or user needs the Kibana privilege 'Saved Objects Management: all' in that space",
    404: "Is that Kibana, and is the space there? With a server.basePath, add it to --url",
    413: "Raise Kibana's savedObjects.maxImportPayloadBytes",
}


@dataclass(frozen=True)
class Login:
    """How to be let in: an API key, or a user and password; or neither."""

    api_key: SecretStr | None = None
    user: str | None = None
    password: SecretStr | None = None


@dataclass(frozen=True)
class Fault:
    """An object that Kibana did not take, and why."""

    kind: str
    id: str
    why: str


@dataclass(frozen=True)
class Imported:
    """How many objects Kibana took, and those that it didn't."""

    taken: int
    faults: tuple[Fault, ...] = ()


def send(
    ndjson: str,
    url: str,
    *,
    space: str | None = None,
    login: Login | None = None,
    ca_file: Path | None = None,
    timeout_s: float = 60,
) -> Imported:
    """Import the objects, over those of the same ids.

    No redirect is followed and no proxy of the environment is used: the key goes to that address alone, and over plain
    HTTP only to this machine. Raises ConfigError when the address, the login or the version is wrong, Unavailable when
    Kibana doesn't answer or isn't ready.
    """
    login = login or Login()
    address = _address(url, space, secret=login.api_key is not None or login.password is not None)
    headers = {"kbn-xsrf": "true", "Accept": "application/json"}
    if login.api_key is not None:
        headers["Authorization"] = f"ApiKey {login.api_key.get_secret_value()}"
    auth = None
    if login.user is not None and login.password is not None:
        auth = httpx.BasicAuth(login.user, login.password.get_secret_value())
    try:
        with (
            httpx.Client(
                verify=str(ca_file) if ca_file else True, trust_env=False, follow_redirects=False, timeout=timeout_s
            ) as client,
            client.stream(
                "POST",
                address,
                params={"overwrite": "true"},
                headers=headers,
                auth=auth,
                files={"file": ("vigia.ndjson", ndjson.encode(), "application/ndjson")},
            ) as response,
        ):
            return _outcome(response.status_code, _body(response), url)
    except httpx.HTTPError as error:
        raise Unavailable(SINK, f"{type(error).__name__} at {plain(url)}: {plain(str(error), limit=200)}") from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(str(ca_file), f"could not be read: {reason}") from None


def _address(url: str, space: str | None, *, secret: bool) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError("--url", "is no address of Kibana", remedy="Write it as https://kibana.example:5601")
    if "@" in parts.netloc:
        raise ConfigError("--url", "holds a user or password", remedy="Give them by --user or --api-key-file")
    if secret and parts.scheme == "http" and not _is_here(parts.hostname):
        raise ConfigError("--url", "would carry the key or password unencrypted", remedy="Use https")
    inside = f"/s/{quote(space, safe='')}" if space and space != "default" else ""
    return f"{url.rstrip('/')}{inside}/api/saved_objects/_import"


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _body(response: httpx.Response) -> bytes:
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > ANSWER_BYTES:
            raise Unavailable(SINK, f"answered more than {ANSWER_BYTES} bytes: is that Kibana?")
    return body


def _outcome(status: int, body: bytes, url: str) -> Imported:
    said = _json(body)
    if status == 200 and isinstance(said.get("successCount"), int):
        return Imported(said["successCount"], tuple(_fault(one) for one in said.get("errors") or ()))
    reason = plain(str(said.get("message") or body[:200].decode("utf-8", "replace")), limit=300)
    if status == 200:
        raise ConfigError(plain(url), "answers, but not as Kibana does", remedy=REMEDIES[404])
    if 300 <= status < 400:
        raise ConfigError(plain(url), f"sends elsewhere ({status})", remedy="Give the address where Kibana itself is")
    if status in REMEDIES:
        raise ConfigError(plain(url), f"answers {status}: {reason}", remedy=REMEDIES[status])
    raise Unavailable(SINK, f"answers {status}: {reason}")


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _fault(error: Mapping[str, Any]) -> Fault:
    why = error.get("error") or {}
    missing = ", ".join(f"{one.get('type')} {one.get('id')}" for one in why.get("references") or ())
    said = " ".join(str(part) for part in (why.get("type"), why.get("message"), missing) if part)
    return Fault(
        plain(str(error.get("type")), limit=60), plain(str(error.get("id")), limit=120), plain(said, limit=300)
    )
