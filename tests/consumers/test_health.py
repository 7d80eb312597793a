"""/healthz and /readyz over HTTP."""

import json
import time
import urllib.error
import urllib.request
from contextlib import closing
from http.client import HTTPConnection

from prometheus_client.parser import text_string_to_metric_families

from consumers.health import STUCK_S, Health, serve
from consumers.metrics import MESSAGES, names
from schemas.errors import Unavailable
from schemas.redact import Redactor


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


def test_no_secret_is_told_of_what_went_wrong() -> None:
    def away() -> None:
        raise Unavailable("elasticsearch", "401 from https://u:p@es.example with key c4nary")

    health = Health(away, Redactor(("c4nary",)))
    health.turn(joined=True)
    with serve(health, 0) as port:
        assert "c4nary" not in str(told := get(port, "/readyz"))
        assert "https://***@es.example with key ***" in str(told[1]["reason"])
        health.trouble = "c4nary"
        assert get(port, "/readyz") == (503, {"ok": False, "reason": "***"})


def test_a_loop_that_stands_still_is_not_alive() -> None:
    health = Health()
    health.turn(joined=True)
    health.turned_at = time.monotonic() - STUCK_S - 1
    with serve(health, 0) as port:
        assert get(port, "/healthz")[0] == 503
        assert get(port, "/readyz")[0] == 503


def test_a_caller_who_knows_it_by_another_name_is_told_nothing() -> None:
    with serve(Health(), 0, names=("worker.internal",)) as port:
        for host, status in (("evil.example", 421), ("", 421), ("worker.internal:9", 200), ("LOCALHOST", 200)):
            with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as link:
                link.request("GET", "/metrics", headers={"Host": host})
                answer = link.getresponse()
                assert (answer.status, b"vigia_" in answer.read()) == (status, status == 200), host


def test_the_metrics_are_prometheus_text() -> None:
    MESSAGES.labels("test-health", "done").inc(3)
    with serve(Health(), 0) as port, urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        families = {f.name: f for f in text_string_to_metric_families(answer.read().decode())}
    assert {name.removesuffix("_total") for name in names()} <= set(families)
    (sample,) = [s for s in families["vigia_messages"].samples if s.labels.get("stage") == "test-health"]
    assert (sample.name, sample.labels["outcome"], sample.value) == ("vigia_messages_total", "done", 3)


def test_without_a_port_nothing_listens() -> None:
    with serve(Health(), None) as port:
        assert port is None
