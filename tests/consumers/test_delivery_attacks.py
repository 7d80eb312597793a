"""Attacks 6 and 14 to 17 of the list of attacks, as far as they reach a channel, at real servers on the loopback."""

import email
import email.policy
import json
import re
import socketserver
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from lxml import etree, html

from consumers.channels.compose import of_alert
from consumers.channels.pace import Pace
from consumers.channels.send import send
from consumers.channels.smtp import Taken
from schemas.alert import Alert, Evidence, Severity
from schemas.errors import DeliveryRefused
from schemas.settings import NotifySettings

HOSTS = ("127.0.0.1", "localhost", "[::1]", "0.0.0.0", "127.1", "2130706433", "[::ffff:127.0.0.1]")  # noqa: S104
KINDS = ("webhook", "slack", "teams", "discord", "telegram", "email", "atom")

MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    '"><script>alert(1)</script>',
    "'><img src=http://127.0.0.1/x>",
    "</title><script>alert(1)</script>",
    "</h1></td></tr></table><form action=http://127.0.0.1/>",
    "<iframe src=http://127.0.0.1/>",
    "<a href=javascript:alert(1)>x</a>",
    "<style>@import 'http://127.0.0.1/c'</style>",
    "<link rel=stylesheet href=http://127.0.0.1/l>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1/'>",
    "<base href=http://127.0.0.1/>",
    "<object data=http://127.0.0.1/>",
    "<video src=http://127.0.0.1/ onerror=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)",
    "<!--><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<scr\u200bipt>alert(1)</scr\u200bipt>",
    "\u202e<script>alert(1)</script>",
    "<math><mi xlink:href=javascript:alert(1)>",
    "<x style=background:url(http://127.0.0.1/b)>",
    "⟧<b>⟦</b>",
)
LINKS = (
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "https://bank.example@evil.example/",
    " vbscript:x",
)
CALLS = (
    "<!channel> <!here> <!everyone> <@U012AB3CD> <#C012> <!subteam^S012>",
    "@everyone @here <@123> <@&456> <#789>",
    "[the bank](https://evil.example/) ![x](https://evil.example/p.png)",
    "<https://evil.example/|the bank>",
    "<at>Everyone</at> {{DATE(2017-02-14T06:08:39Z,SHORT)}}",
    "**bold** __under__ ~~strike~~ `code` ||spoiler|| > quote # head",
    "\u202egro.knab//:sptth\u202c \u2066hidden\u2069",
)


class Post:
    """A server for all shapes: what it took, and the statuses that it answers first."""

    def __init__(self) -> None:
        self.port = self.mail_port = 0
        self.took: list[dict[str, Any]] = []
        self.first: list[int] = []
        self.mails: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def post() -> Iterator[Post]:
    state = Post()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = state.first.pop(0) if state.first else 200
            state.took.append(json.loads(body))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as free:
        state.mail_port = int(free.server_address[1])
    mail = Controller(state, hostname="127.0.0.1", port=state.mail_port)
    mail.start()
    state.port = server.server_port
    yield state
    mail.stop()
    server.shutdown()
    server.server_close()


def settings(post: Any, folder: Path, *, host: str = "127.0.0.1", allowed: bool = True) -> NotifySettings:
    url = f"http://{host}:{post.port}/x"
    fields: dict[str, dict[str, Any]] = {
        **{kind: {"url": url} for kind in ("webhook", "slack", "teams", "discord")},
        "telegram": {"url": url, "token": "1:t", "chat": "-1"},
        "email": {
            "host": host.strip("[]"),
            "port": post.mail_port,
            "security": "none",
            "sender": "v@desk.example",
            "to": ["ana@desk.example"],
        },
        "atom": {"folder": folder},
    }
    channels = [{"name": kind, "kind": kind, "per_minute": 6000} | fields[kind] for kind in KINDS]
    networks = ["127.0.0.1/32"] if allowed else []
    return NotifySettings.model_validate({"channels": channels, "timeout_s": 5, "allow_networks": networks})


def hostile(text: str, url: str = "https://news.example/a") -> Alert:
    """An alert every text of which is the given one."""
    return Alert(
        alert_id="a" * 32,
        rule_id="r",
        rule_name=text,
        severity=Severity.HIGH,
        story_id="s",
        article_id="0" * 32,
        title=text,
        url=url,
        outlet=text,
        language="en",
        published_at=datetime(2026, 11, 24, tzinfo=UTC),
        observed_at_ms=1,
        created_at_ms=1,
        relevance=0.9,
        evidence=(Evidence(text=text, speaker=text, confidence=0.9),),
    )


def deliver(alert: Alert, given: NotifySettings, kind: str) -> bool:
    (channel,) = (channel for channel in given.channels if channel.kind == kind)
    now = datetime.now(tz=UTC)
    return send(of_alert(alert), channel, settings=given, now=now, pace=Pace(), taken=Taken()).plain


def html_of(mail: bytes) -> Any:
    part = email.message_from_bytes(mail, policy=email.policy.default).get_body(("html",))
    assert part is not None
    return html.document_fromstring(part.get_content())


@pytest.mark.parametrize("host", HOSTS)
def test_attack_6_no_channel_leads_inside_however_the_address_is_written(host: str, post: Post, tmp_path: Path) -> None:
    given = settings(post, tmp_path, host=host, allowed=False)
    for kind in KINDS[:-1]:
        with pytest.raises(DeliveryRefused, match="allow_networks"):
            deliver(hostile("x"), given, kind)
    assert (post.took, post.mails) == ([], [])


def test_attack_14_no_text_becomes_markup_in_a_mail_or_a_feed(post: Post, tmp_path: Path) -> None:
    given = settings(post, tmp_path)
    for number, text in enumerate(MARKUP):
        deliver(hostile(text, url=LINKS[number % len(LINKS)]), given, "email")
        deliver(hostile(text, url=LINKS[number % len(LINKS)]), given, "atom")
        feed = etree.fromstring((tmp_path / "r.xml").read_bytes())
        inside = feed.findtext(".//{*}content")
        for page in (html_of(post.mails[-1]), html.fragment_fromstring(str(inside), create_parent="div")):
            tags = {element.tag for element in page.iter() if isinstance(element.tag, str)}
            assert not tags & {
                "script",
                "img",
                "svg",
                "iframe",
                "form",
                "object",
                "video",
                "base",
                "style",
                "b",
                "math",
            }
            names = {name for element in page.iter() for name in element.attrib}
            assert not {name for name in names if name.startswith("on")} | (names & {"src", "action", "data"})
            assert not page.xpath(".//a")
        assert feed.findall(".//{*}link") == []


@pytest.mark.parametrize("text", CALLS)
def test_attack_15_no_headline_calls_anybody_or_hides_a_link(text: str, post: Post, tmp_path: Path) -> None:
    given = settings(post, tmp_path)
    for kind in ("slack", "teams", "discord", "telegram"):
        for statuses in ([], [400]):
            post.first = list(statuses)
            assert deliver(hostile(text), given, kind) is bool(statuses)
    for body in post.took:
        shown = json.dumps(body, ensure_ascii=False)
        assert (
            not re.search(r"@(?!\u2060)[a-z]", shown.replace('"type": "link"', ""), re.IGNORECASE) or "blocks" in body
        )
        assert not {"\u202e", "\u2066", "\u202c"} & set(shown)
    slack = [body for body in post.took if "mrkdwn" in body]
    assert len(slack) == 3  # the first as it is, then one refused and its plainer one
    for body in slack:
        assert not re.search(r"<[!@#h]", body["text"])
        runs = [run for block in body.get("blocks", ()) for part in block["elements"] for run in part["elements"]]
        assert {run["type"] for run in runs} <= {"text", "link"}
        assert {run["url"] for run in runs if run["type"] == "link"} <= {"https://news.example/a"}
    for body in (body for body in post.took if "allowed_mentions" in body):
        assert body["allowed_mentions"]["parse"] == []
        said = body.get("content") or json.dumps(body["embeds"])
        assert not re.search(r"(?<!\\)\[the bank\]|(?<!\\)<@", said)
    for body in (body for body in post.took if "attachments" in body):
        card = body["attachments"][0]["content"]
        assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    for body in (body for body in post.took if "chat_id" in body):
        assert "parse_mode" not in body
        assert {e["url"] for e in body.get("entities", ()) if "url" in e} <= {"https://news.example/a"}


@pytest.mark.parametrize("kind", ["slack", "teams", "discord", "telegram"])
def test_attack_16_what_a_service_can_not_parse_arrives_as_plain_text(kind: str, post: Post, tmp_path: Path) -> None:
    post.first = [400]
    assert deliver(hostile("A headline"), settings(post, tmp_path), kind)
    assert len(post.took) == 2
    assert "A headline" in json.dumps(post.took[-1])


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x85", "%0d%0a", "=0D=0A"])
def test_attack_17_no_title_adds_a_header(end: str, post: Post, tmp_path: Path) -> None:
    title = f"Flight{end}Bcc: evil@evil.example{end}{end}<script>alert(1)</script>"
    deliver(hostile(title), settings(post, tmp_path), "email")
    (raw,) = post.mails
    made = email.message_from_bytes(raw, policy=email.policy.default)
    assert len(made.get_all("subject", [])) == 1
    assert made["bcc"] is None
    assert made["to"] == "ana@desk.example"
    assert str(made["subject"]).startswith("[HIGH")
