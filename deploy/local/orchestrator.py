"""The Prefect server, with its SQLite database in the home, and what its API says of our runner."""

import http.client
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from deploy.local.home import Home

_HISTORY_LIMIT: Final = 200
_HISTORY_DAYS: Final = 14


def command(port: int) -> tuple[str, ...]:
    """The server's command line."""
    return (sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))


def environment(home: Home) -> dict[str, str]:
    """Prefect's settings: everything under the home, nothing sent anywhere, warnings only in the log."""
    folder = home.data / "prefect"
    return {
        "PREFECT_HOME": str(folder),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder / 'prefect.db'}",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
        # old runs, and the tables and log lines that they left, are of no use and fill the disk
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(_HISTORY_DAYS * 86_400),
        "PREFECT_CLI_COLORS": "false",
    }


def answers(port: int, *, timeout_s: float = 2) -> bool:
    """Whether the server's API is up."""
    return _ask(port, "GET", "/api/health", None, timeout_s) is True


def unserved(port: int, since: datetime, *, timeout_s: float = 2) -> str | None:
    """Why no runner serves the flows; None when one has asked for work after `since`.

    That deployments are there says nothing: they may be a past run's.
    """
    found = _ask(port, "POST", "/api/deployments/filter", {"limit": _HISTORY_LIMIT}, timeout_s)
    if not isinstance(found, list):
        return "the Prefect server does not answer"
    polled = [deployment.get("last_polled") for deployment in found]
    served = any(datetime.fromisoformat(at) >= since for at in polled if at)
    return None if served else "has not asked for work yet"


def _ask(port: int, method: str, path: str, body: Mapping[str, object] | None, timeout_s: float) -> object:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        content = None if body is None else json.dumps(body)
        link.request(method, path, content, {"Content-Type": "application/json"})
        answer = link.getresponse()
        return json.loads(answer.read()) if answer.status == 200 else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        link.close()
