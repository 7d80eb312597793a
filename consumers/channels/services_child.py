"""The process in which Apprise runs: one order on standard input, one answer on standard output, both JSON.

An audit hook, which nothing can take off again, refuses to connect to any address that the guard refuses, whatever
library asks, and to start programs. Redirects are not followed.
"""

import json
import logging
import sys
from typing import Any

from schemas.addresses import refusal

FORBIDDEN = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"})


class Refused(Exception):
    """The guard said no; a class of its own, so that no library takes it for an outage."""


def guard(allowed: tuple[str, ...], said: dict[str, Any]) -> None:
    """Check every connection of this process from now on; what is refused is noted in `said`."""

    def check(event: str, arguments: tuple[Any, ...]) -> None:
        if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) and address else None
            if address is None:
                return
            reason = "no address of the internet" if host is None else refusal(str(host), allowed)
            if reason is not None:
                said["refused"] = reason
                raise Refused(reason)
        elif event in FORBIDDEN:
            raise Refused(event)

    sys.addaudithook(check)


def carry_out(order: dict[str, Any], said: dict[str, Any]) -> None:
    """Send what is ordered, and note in `said` how it went; without a body, say only whether Apprise knows the URL."""
    import apprise
    import requests

    guard(tuple(order.get("allowed", ())), said)
    asset = apprise.AppriseAsset(
        app_id="Vigia", app_desc="Vigia", app_url="", storage_mode=apprise.PersistentStoreMode.MEMORY
    )
    service = apprise.Apprise.instantiate(order["url"], asset=asset, suppress_exceptions=True)
    said["known"] = service is not None
    if service is None or "body" not in order:
        return
    timeout = float(order["timeout_s"])
    service.socket_connect_timeout = service.socket_read_timeout = timeout
    real = requests.Session.send

    def send(session: Any, request: Any, **options: Any) -> Any:
        options["allow_redirects"] = False
        try:
            response = real(session, request, **options)
        except requests.RequestException as error:
            said.pop("status", None)
            said["trouble"] = type(error).__name__
            raise
        said["status"], said["after"] = response.status_code, _after(response)
        if response.is_redirect:
            # not followed, and no success either, whatever a service's own code makes of it
            response._content = b""
        return response

    setattr(requests.Session, "send", send)  # noqa: B010 - the type of a method can't be assigned
    said["sent"] = bool(service.notify(body=order["body"], title=order["title"], body_format=apprise.NotifyFormat.TEXT))
    if 300 <= said.get("status", 200) < 400:
        said["sent"] = False


def _after(response: Any) -> float | None:
    header = response.headers.get("retry-after")
    try:
        return None if header is None else max(0.0, float(header))
    except ValueError:
        return None


def main() -> None:
    """One order, one answer."""
    logging.disable(logging.CRITICAL)  # a log of Apprise's may quote the URL
    order = json.loads(sys.stdin.read())
    said: dict[str, Any] = {}
    try:
        carry_out(order, said)
    except Exception as error:  # noqa: BLE001 - a service's own code may raise anything; its text may quote the URL
        said |= {"trouble": type(error).__name__, "sent": False}
    sys.stdout.write("\n" + json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
