"""/healthz and /readyz over HTTP."""

import json
import time
import urllib.error
import urllib.request

from consumers.health import STUCK_S, Health, serve
from schemas.errors import Unavailable


def get(port: int | None, path: str) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
        return error.code, json.loads(body) if body.startswith(b"{") else {}


def test_a_worker_is_ready_when_it_has_joined_and_its_sink_answers() -> None:
    health = Health()
    with serve(health, 0) as port:
        assert get(port, "/healthz") == (200, {"ok": True, "reason": None})
        assert get(port, "/readyz")[0] == 503
        health.turn(joined=True)
        assert get(port, "/readyz") == (200, {"ok": True, "reason": None})
        health.trouble = "elasticsearch is unavailable: 503"
        assert get(port, "/readyz") == (503, {"ok": False, "reason": "elasticsearch is unavailable: 503"})
        health.trouble = None

        def away() -> None:
            raise Unavailable("elasticsearch", "no answer")

        health.probe = away
        assert get(port, "/readyz")[0] == 503
        assert get(port, "/healthz")[0] == 200
        assert get(port, "/else")[0] == 404


def test_a_loop_that_stands_still_is_not_alive() -> None:
    health = Health()
    health.turn(joined=True)
    health.turned_at = time.monotonic() - STUCK_S - 1
    with serve(health, 0) as port:
        assert get(port, "/healthz")[0] == 503
        assert get(port, "/readyz")[0] == 503


def test_without_a_port_nothing_listens() -> None:
    with serve(Health(), None) as port:
        assert port is None
