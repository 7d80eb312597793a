"""Mail handed to a server by SMTP, over a connection to an address that was checked."""

import smtplib
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from threading import Timer
from typing import Any

from consumers.channels.guarded import checked
from schemas.channel import EmailChannel
from schemas.errors import DeliveryRefused, Unavailable
from schemas.inert import plain

REMEMBERED = 10_000
"""How many deliveries are remembered, so that one address's trouble repeats nothing to the others."""

READY = 220


@dataclass
class Taken:
    """Which addresses have taken which mail already, in this process."""

    pairs: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)

    def add(self, mail_id: str, address: str) -> None:
        """The address has it."""
        self.pairs[mail_id, address] = None
        while len(self.pairs) > REMEMBERED:
            self.pairs.popitem(last=False)


def deliver(
    mails: Sequence[tuple[str, EmailMessage]],
    channel: EmailChannel,
    *,
    timeout_s: float,
    allowed: Sequence[str],
    taken: Taken,
) -> None:
    """Hand each mail to the channel's server, for its one address.

    Raises Unavailable when a try later may help one of them (4xx, no connection, wrong credentials), else
    DeliveryRefused when the server will never take one (5xx). Those that were taken are not repeated by the next call.
    """
    left = [(address, mail) for address, mail in mails if (str(mail["Message-ID"]), address) not in taken.pairs]
    later: list[str] = []
    never: list[str] = []
    with _server(channel, timeout_s=timeout_s, allowed=allowed) as server:
        for address, mail in left:
            try:
                server.send_message(mail, channel.sender, [address])
            except smtplib.SMTPRecipientsRefused as error:
                code, reply = next(iter(error.recipients.values()))
                (later if code < 500 else never).append(_said(address, code, reply))
            except smtplib.SMTPResponseException as error:
                (later if error.smtp_code < 500 else never).append(_said(address, error.smtp_code, error.smtp_error))
            else:
                taken.add(str(mail["Message-ID"]), address)
    if later:
        raise Unavailable(f"channel {channel.name}", "; ".join(later))
    if never:
        raise DeliveryRefused(channel.name, "; ".join(never))


@contextmanager
def _server(channel: EmailChannel, *, timeout_s: float, allowed: Sequence[str]) -> Iterator[smtplib.SMTP]:
    sink = f"channel {channel.name}"
    deadline = time.monotonic() + timeout_s
    greeted = False
    try:
        server = _Guarded(channel, deadline, allowed)
        # a server that drips bytes never meets a timeout of one read: at the deadline the connection is cut
        timer = Timer(max(0.0, deadline - time.monotonic()), server.cut)
        timer.daemon = True
        timer.start()
        try:
            server.greet()
            greeted = True
            yield server
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            timer.cancel()
            server.close()
    except smtplib.SMTPAuthenticationError as error:
        # somebody has to mend the settings; nothing is wrong with the mail
        raise Unavailable(sink, f"answered {error.smtp_code} to its user name and password") from None
    except smtplib.SMTPNotSupportedError as error:
        raise DeliveryRefused(channel.name, f"its server lacks what security = {channel.security!r} needs") from error
    except smtplib.SMTPResponseException as error:
        raise Unavailable(sink, f"answered {error.smtp_code}") from error
    except ssl.SSLCertVerificationError as error:
        raise Unavailable(sink, f"its certificate is not trusted ({error.verify_message})") from error
    except (smtplib.SMTPException, OSError) as error:
        raise Unavailable(sink, type(error).__name__, unsure=greeted) from error


class _Guarded(smtplib.SMTP):
    """smtplib with its one way to a socket replaced by a checked one."""

    def __init__(self, channel: EmailChannel, deadline: float, allowed: Sequence[str]) -> None:
        self._channel, self._deadline, self._allowed = channel, deadline, allowed
        self._context = ssl.create_default_context(cafile=channel.ca_file)
        super().__init__(timeout=self._left(), local_hostname=channel.sender.rpartition("@")[2])
        self._host = channel.host  # the name that the certificate must bear

    def greet(self) -> None:
        """Connect, secure the connection, log in."""
        code, reply = self.connect(self._channel.host, self._channel.port)
        if code != READY:
            raise smtplib.SMTPConnectError(code, reply)
        if self._channel.security == "starttls":
            self.starttls(context=self._context)
        self.ehlo_or_helo_if_needed()
        if self._channel.username is not None and self._channel.password is not None:
            self.login(self._channel.username, self._channel.password.get_secret_value())

    def cut(self) -> None:
        """End the connection, whatever waits for it."""
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)

    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:
        trouble: OSError = OSError("no address")
        for address in checked(self._channel.name, host, port, self._allowed):
            try:
                connected = socket.create_connection((address, port), timeout=self._left())
            except OSError as error:
                trouble = error
                continue
            if self._channel.security != "tls":
                return connected
            return self._context.wrap_socket(connected, server_hostname=host)
        raise trouble

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _said(address: str, code: int, reply: bytes | str) -> str:
    """What the server answered; of the address only the first letter and the domain, since it names a person."""
    local, _, domain = address.rpartition("@")
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return f"{local[:1]}…@{domain}: {code} {plain(text.replace(address, '…'), limit=120)}"
