"""`vigia flow run briefing`: told here, into files, and to a team's channels, on a real index."""

import json
import socketserver
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from typer.testing import CliRunner, Result

from deploy.cli.main import app
from deploy.local.supervise import RunningStack
from schemas.errors import ConfigError

Call = Callable[..., Result]

TEAMS = """
[[teams]]
id = "desk"
name = "La mesa"
language = "es"
zone = "America/El_Salvador"
channels = ["mail"]

[[teams]]
id = "quiet"
"""


class Mailbox:
    """A real SMTP server that keeps what it is given, or refuses it."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuses = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        if self.refuses:
            return "554 not here"
        mail = BytesParser(policy=default).parsebytes(envelope.content)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    made = Mailbox()
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as free:
        port = int(free.server_address[1])
    controller = Controller(made, hostname="127.0.0.1", port=port, enable_SMTPUTF8=False)
    controller.start()
    yield made, port
    controller.stop()


@pytest.fixture
def call(stack: RunningStack, tmp_path: Path, mailbox: tuple[Mailbox, int]) -> Call:
    teams = tmp_path / "teams.toml"
    teams.write_text(TEAMS)
    channel = {
        "kind": "email",
        "name": "mail",
        "host": "127.0.0.1",
        "port": mailbox[1],
        "security": "none",
        "sender": "vigia@news.example",
        "to": ["desk@news.example"],
    }
    env = {
        "VIGIA_HOME": str(tmp_path / "home"),
        "VIGIA_ELASTICSEARCH__URL": stack.endpoints.elasticsearch or "",
        "VIGIA_NOTIFY__TEAMS_FILE": str(teams),
        "VIGIA_NOTIFY__CHANNELS": json.dumps([channel]),
        "VIGIA_NOTIFY__ALLOW_NETWORKS": '["127.0.0.1/32"]',
    }
    # a year of which the index of other tests holds nothing
    asked = ("flow", "run", "briefing", "--until", "2015-06-01")
    return lambda *words: CliRunner().invoke(app, [*asked, *words], env=env)


def test_a_team_is_told_in_its_language_by_mail_as_html_and_text(call: Call, mailbox: tuple[Mailbox, int]) -> None:
    result = call("--team", "desk", "--period", "week", "--send")
    assert result.exit_code == 0, result.output
    (mail,) = mailbox[0].mails
    assert mail["Subject"] == "[Informe semanal · La mesa] Nada sobre el tema en este periodo"
    assert mail["Content-Language"] == "es"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "no hay nada que contar" in " ".join(text.get_content().split())
    assert 'lang="es"' in html.get_content()


def test_a_channel_that_refuses_ends_with_1(call: Call, mailbox: tuple[Mailbox, int]) -> None:
    mailbox[0].refuses = True
    result = call("--team", "desk", "--send")
    assert result.exit_code == 1
    assert "mail" in result.stderr


def test_files_are_html_or_text_by_their_name(call: Call, tmp_path: Path) -> None:
    for name, begins in (("out/week.html", "<!DOCTYPE html>"), ("week.txt", "Weekly briefing\n")):
        assert call("--period", "week", "--to", str(tmp_path / name)).exit_code == 0
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(begins)
    here = call("--language", "es", "--zone", "America/El_Salvador")
    assert here.stdout.startswith("Informe diario\nNada sobre el tema")
    assert json.loads(call("--json").stdout)["kind"] == "briefing.day"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--period", "month"), "Choose day or week"),
        (("--language", "fr"), "Choose en or es"),
        (("--zone", "Nowhere"), "is no time zone"),
        (("--send",), "needs a --team"),
        (("--team", "other"), "teams.toml has desk, quiet"),
        (("--team", "quiet", "--send"), "has no channels"),
    ],
)
def test_a_mistake_is_told_with_what_there_is(call: Call, words: tuple[str, ...], told: str) -> None:
    result = call(*words)
    assert isinstance(result.exception, ConfigError)
    assert told in str(result.exception)
