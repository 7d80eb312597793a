"""Mail: the same bytes on every try, to a real SMTP server, through its troubles."""

import email
import email.policy
import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from email.message import EmailMessage
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from consumers.channels.compose import of_alert, of_test
from consumers.channels.mail import mail
from consumers.channels.send import check_channel
from consumers.channels.smtp import Taken
from consumers.channels.smtp import deliver as hand_over
from schemas.alert import Alert
from schemas.channel import EmailChannel
from schemas.errors import ConfigError, DeliveryRefused, Unavailable
from schemas.message import Language

Make = Callable[..., Any]
READERS = ("ana@desk.example", "bea@desk.example", "caro@desk.example")


def channel(port: int, **changes: Any) -> EmailChannel:
    fields = {
        "name": "mail",
        "kind": "email",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "vigia@desk.example",
        "to": READERS[:1],
    }
    return EmailChannel.model_validate(fields | changes)


def parsed(raw: bytes) -> EmailMessage:
    made = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(made, EmailMessage)
    return made


def part(made: EmailMessage, kind: str) -> str:
    found = made.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_a_mail_has_text_and_html_in_the_reader_s_language(
    alert: Callable[..., Alert], mailbox: Any, deliver: Make
) -> None:
    deliver(of_alert(alert(), Language.SPANISH), channel(mailbox.port))
    ((recipients, raw),) = mailbox.got
    made = parsed(raw)
    assert recipients == [READERS[0]]
    assert made["subject"].startswith("[ALTA · The deportation deal is criticised] «No son paquetes»")
    assert (made["auto-submitted"], made["content-language"]) == ("auto-generated", "es")
    text, html = part(made, "plain"), part(made, "html")
    for shown in (text, html):
        assert "en contra: las deportaciones y traslados de EE. UU." in " ".join(shown.split())
        assert "https://news.example/no-son-paquetes" in shown
    assert "> “Una abogada calificó el convenio de aberración jurídica.” — Una abogada" in text
    assert re.search(r"calificó el <mark[^>]*>convenio</mark> de", html)
    assert max(len(line) for line in text.splitlines()) <= 90


def test_nothing_in_the_html_is_fetched_or_run(alert: Callable[..., Alert], mailbox: Any, deliver: Make) -> None:
    deliver(of_alert(alert()), channel(mailbox.port))
    html = part(parsed(mailbox.got[0][1]), "html")
    assert not re.search(r"<(script|img|link|iframe|object|svg|form)|\bon\w+=|src=|@import|url\(", html, re.IGNORECASE)


def test_a_repeat_is_the_same_mail_and_one_that_may_be_one_says_so(alert: Callable[..., Alert]) -> None:
    to = channel(25)
    first, again = (mail(of_alert(alert()), to, READERS[0]) for _ in range(2))
    assert bytes(first) == bytes(again)
    marked = mail(of_alert(alert(), may_repeat=True), to, READERS[0])
    assert marked["message-id"] == first["message-id"]
    assert marked["x-vigia-may-repeat"] == "yes"
    assert "You may have had this message already." in part(marked, "plain")
    assert first["message-id"] != mail(of_alert(alert()), channel(25, name="other"), READERS[0])["message-id"]


def test_an_update_is_a_mail_of_its_own_in_the_alert_s_thread(alert: Callable[..., Alert]) -> None:
    first, update = (mail(of_alert(alert(edition=n)), channel(25), READERS[0]) for n in (1, 2))
    assert first["message-id"] != update["message-id"]
    assert update["references"] == update["in-reply-to"] == first["message-id"]


def test_each_address_gets_its_own_and_one_that_must_wait_repeats_nothing_to_the_others(
    alert: Callable[..., Alert], mailbox: Any
) -> None:
    to, taken = channel(mailbox.port, to=READERS), Taken()
    mailbox.answers = {READERS[1]: ["450 greylisted"], READERS[2]: ["550 bea@desk.example is unknown", "550 no"]}
    mails = [(reader, mail(of_alert(alert()), to, reader)) for reader in READERS]

    def run() -> None:
        hand_over(mails, to, timeout_s=5, allowed=("127.0.0.1/32",), taken=taken)

    with pytest.raises(Unavailable, match=r"b…@desk\.example: 450"):
        run()
    with pytest.raises(DeliveryRefused, match=r"c…@desk\.example: 550"):
        run()
    assert [recipients for recipients, _ in mailbox.got] == [[READERS[0]], [READERS[1]]]


@pytest.mark.parametrize(("answer", "error"), [("451 later", Unavailable), ("554 never", DeliveryRefused)])
def test_what_the_server_says_of_the_text_counts(
    answer: str, error: type[Exception], alert: Callable[..., Alert], mailbox: Any, deliver: Make
) -> None:
    mailbox.data_answers = [answer]
    with pytest.raises(error, match=answer[:3]):
        deliver(of_alert(alert()), channel(mailbox.port))
    deliver(of_alert(alert()), channel(mailbox.port))
    assert len(mailbox.got) == 1


def test_an_address_inside_is_never_connected_to(alert: Callable[..., Alert], mailbox: Any, deliver: Make) -> None:
    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(DeliveryRefused, match="allow_networks"):
            deliver(of_alert(alert()), channel(mailbox.port, host=host), allowed=())
    assert mailbox.got == []


def test_a_server_that_drips_is_cut_at_the_deadline(alert: Callable[..., Alert], deliver: Make) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                for letter in b"220 welcome to a very slow server" * 9:
                    try:
                        connection.sendall(bytes([letter]))
                    except OSError:
                        return
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        with pytest.raises(Unavailable):
            deliver(of_alert(alert()), channel(listening.getsockname()[1]), timeout_s=0.8)


def test_a_server_without_the_encryption_asked_for_gets_nothing(
    alert: Callable[..., Alert], mailbox: Any, deliver: Make
) -> None:
    with pytest.raises(DeliveryRefused, match="starttls"):
        deliver(of_alert(alert()), channel(mailbox.port, security="starttls"))
    with pytest.raises(Unavailable):
        deliver(of_alert(alert()), channel(mailbox.port, security="tls"), timeout_s=1)
    assert mailbox.got == []


def test_settings_that_can_not_work_are_told() -> None:
    for changes, said in (
        ({"username": "u", "security": "tls"}, "go together"),
        ({"username": "u", "password": SecretStr("canary"), "security": "none"}, "unencrypted"),
    ):
        with pytest.raises(ConfigError, match=said):
            check_channel(channel(25, **changes))
    for address in ("a@b\r\nBcc: c@d.example", "Ana <a@b.example>", "a@-x", "añ@b.example", "a b@c.example"):
        with pytest.raises(ValidationError):
            channel(25, to=(address,))


def test_a_test_message_is_a_mail_like_any_other(mailbox: Any, deliver: Make, alert: Callable[..., Alert]) -> None:
    message = of_test("mail", Language.SPANISH, of_alert(alert()).at)
    deliver(message, channel(mailbox.port))
    assert "<b>" in part(parsed(mailbox.got[0][1]), "plain")
    assert "&lt;b&gt;" in part(parsed(mailbox.got[0][1]), "html")
