"""The import is asked for as Kibana wants it, and its answers are told with what to do."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from deploy.cli.main import app
from deploy.kibana.build import objects
from deploy.kibana.send import Fault, Imported, Login, send
from schemas.errors import ConfigError, Unavailable

LINE = '{"type": "index-pattern", "id": "a", "attributes": {}}\n'


@dataclass
class Kibana:
    """A server that keeps what it is sent, and by default counts it as Kibana's import does."""

    url: str = ""
    answer: tuple[int, bytes, dict[str, str]] | None = None
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def file(self) -> str:
        """The file of the last form sent."""
        _, headers, body = self.asked[-1]
        form = BytesParser().parsebytes(b"content-type: " + headers["content-type"].encode() + b"\r\n\r\n" + body)
        (part,) = [one for one in form.get_payload() if not isinstance(one, str)]
        assert part.get_param("name", header="content-disposition") == "file"
        assert str(part.get_filename()).endswith(".ndjson")
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        return content.decode()


@pytest.fixture
def kibana() -> Iterator[Kibana]:
    with serving() as made:
        yield made


@contextmanager
def serving() -> Iterator[Kibana]:
    made = Kibana()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            status, content, headers = made.answer or self.imported()
            self.send_response(status)
            for name, value in ({"content-length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def imported(self) -> tuple[int, bytes, dict[str, str]]:
            if "kbn-xsrf" not in self.headers:
                return refusal(400, "Request must contain a kbn-xsrf header.")
            count = len(made.file.splitlines())
            said = {"success": True, "successCount": count, "warnings": [], "successResults": []}
            return 200, json.dumps(said).encode(), {"content-type": "application/json", "kbn-name": "kibana"}

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


def refusal(status: int, message: str) -> tuple[int, bytes, dict[str, str]]:
    return status, json.dumps({"statusCode": status, "error": "x", "message": message}).encode(), {}


def test_everything_is_sent_as_one_file_over_what_is_there(kibana: Kibana) -> None:
    result = CliRunner().invoke(app, ["kibana", "import", "--url", f"{kibana.url}/base/"])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{len(objects())} objects imported, 0 refused\n"
    path, headers, _ = kibana.asked[0]
    assert path == "/base/api/saved_objects/_import?overwrite=true"
    assert headers["kbn-xsrf"] == "true"
    assert "authorization" not in headers
    assert [json.loads(line) for line in kibana.file.splitlines()] == objects()


def test_a_space_and_a_key_or_a_user_are_sent_along(kibana: Kibana, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("c2VjcmV0\n")
    words = ["kibana", "import", "--url", kibana.url, "--space", "desk"]
    assert CliRunner().invoke(app, [*words, "--api-key-file", str(key)]).exit_code == 0
    assert CliRunner().invoke(app, words, env={"VIGIA_KIBANA_API_KEY": "ZW52"}).exit_code == 0
    user = CliRunner().invoke(app, [*words, "--user", "desk"], env={"VIGIA_KIBANA_PASSWORD": "pw"})
    assert user.exit_code == 0
    assert {path for path, _, _ in kibana.asked} == {"/s/desk/api/saved_objects/_import?overwrite=true"}
    sent = [headers["authorization"] for _, headers, _ in kibana.asked]
    assert sent == ["ApiKey c2VjcmV0", "ApiKey ZW52", "Basic ZGVzazpwdw=="]


def test_what_kibana_refused_is_named_and_ends_with_1(kibana: Kibana) -> None:
    missing = {"type": "missing_references", "references": [{"type": "index-pattern", "id": "gone"}]}
    errors = [
        {"type": "search", "id": "s", "title": "S", "meta": {}, "error": missing},
        {"type": "dashboard", "id": "d", "error": {"type": "unknown", "message": "bad\u202e", "statusCode": 400}},
    ]
    said = {"success": False, "successCount": 3, "errors": errors}
    kibana.answer = (200, json.dumps(said).encode(), {})
    faults = (
        Fault("search", "s", "missing_references index-pattern gone"),
        Fault("dashboard", "d", "unknown bad"),
    )
    assert send(LINE, kibana.url) == Imported(3, faults)
    result = CliRunner().invoke(app, ["kibana", "import", "--url", kibana.url])
    assert result.exit_code == 1
    assert "search s: missing_references index-pattern gone" in result.stderr
    assert "3 objects imported, 2 refused" in result.stdout


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (refusal(401, "unable to authenticate"), ConfigError, "Give an API key"),
        (refusal(403, "Forbidden"), ConfigError, "Saved Objects Management: all"),
        (refusal(404, "Not Found"), ConfigError, "is the space there"),
        (refusal(413, "Payload too large"), ConfigError, "maxImportPayloadBytes"),
        (refusal(400, "newer"), ConfigError, "Is it Kibana 9"),
        ((503, b"Kibana server is not ready yet", {}), Unavailable, "503: Kibana server is not ready yet"),
        ((500, b"\xff\x1b[31m", {}), Unavailable, "answers 500"),
        ((200, b"<html>login</html>", {}), ConfigError, "not as Kibana does"),
        ((200, b"[1]", {}), ConfigError, "not as Kibana does"),
        ((200, b" " * 4_000_001, {}), Unavailable, "is that Kibana"),
        ((200, b"cut", {"content-length": "9"}), Unavailable, "RemoteProtocolError"),
    ],
)
def test_another_answer_is_told_with_what_to_do(kibana: Kibana, answer: Any, error: type[Exception], told: str) -> None:
    kibana.answer = answer
    with pytest.raises(error, match=told) as raised:
        send(LINE, kibana.url, login=Login(api_key=SecretStr("canary-key")))
    assert "canary-key" not in str(raised.value)
    assert "\x1b" not in str(raised.value)


def test_a_redirect_is_not_followed_with_the_key(kibana: Kibana) -> None:
    with serving() as other:
        kibana.answer = (307, b"", {"location": f"{other.url}/api/saved_objects/_import"})
        with pytest.raises(ConfigError, match="sends elsewhere"):
            send(LINE, kibana.url, login=Login(api_key=SecretStr("key")))
        assert other.asked == []


def test_a_proxy_of_the_environment_is_not_used(kibana: Kibana, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as other:
        monkeypatch.setenv("HTTP_PROXY", other.url)
        monkeypatch.setenv("ALL_PROXY", other.url)
        assert send(LINE, kibana.url) == Imported(1)
        assert other.asked == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://kibana.example", "is no address of Kibana"),
        ("kibana.example:5601", "is no address of Kibana"),
        ("https://kibana.example/?a=b", "is no address of Kibana"),
        ("https://desk:pw@kibana.example", "holds a user or password"),
        ("http://kibana.example:5601", "unencrypted"),
    ],
)
def test_an_address_that_is_wrong_or_would_give_the_key_away_is_refused(url: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        send(LINE, url, login=Login(api_key=SecretStr("key")))


def test_nobody_there_is_unavailable() -> None:
    with serving() as gone:
        url = gone.url
    with pytest.raises(Unavailable, match="ConnectError"):
        send(LINE, url)


def test_a_dry_run_lists_and_asks_nobody(kibana: Kibana) -> None:
    result = CliRunner().invoke(app, ["kibana", "import", "--url", kibana.url, "--dry-run"])
    assert result.exit_code == 0
    assert "dashboard      vigia-stance" in result.stdout
    assert len(result.stdout.splitlines()) == len(objects())
    assert kibana.asked == []


def test_a_missing_password_or_key_file_is_told(tmp_path: Path) -> None:
    words = ["kibana", "import", "--url", "http://127.0.0.1:9"]
    user = CliRunner().invoke(app, [*words, "--user", "desk"], env={"VIGIA_KIBANA_PASSWORD": ""})
    assert isinstance(user.exception, ConfigError)
    file = CliRunner().invoke(app, [*words, "--api-key-file", str(tmp_path / "none")])
    assert isinstance(file.exception, ConfigError)
