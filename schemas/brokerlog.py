"""Why a Kafka client found no broker: it says only that its time was up, and the reason is in its log."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

LOGGER = "kafka.net"

KEPT = 50
"""Lines; the newest count."""

TLS_ALERT = "Invalid frame length: 352518912"
"""The first four bytes of a TLS alert, taken for the size of an answer."""


class _Ear(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        # clients connect in the thread that makes them or in one that they start; the others serve other clients
        self._others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread not in self._others:
            self.said = [*self.said[1 - KEPT :], record.getMessage()]


@contextmanager
def explained(*, tls: bool, sasl: bool) -> Iterator[None]:
    """Add to an error that is raised while a client connects what its log knows of the reason."""
    ear, logger = _Ear(), logging.getLogger(LOGGER)
    logger.addHandler(ear)
    try:
        yield
    except Exception as error:
        reason = why(ear.said, tls=tls, sasl=sasl)
        if reason is not None:
            error.args = (f"{error.args[0] if error.args else type(error).__name__}: {reason}", *error.args[1:])
        raise
    finally:
        logger.removeHandler(ear)


def why(said: Sequence[str], *, tls: bool, sasl: bool) -> str | None:
    """The reason in one sentence with the setting to look at, from the lines of kafka-python's log; None when unclear.

    A broker that refuses a login answers and closes at once, and kafka-python 3.0 drops the answer when it sees both
    together: then all that is left is that the connection ended after the versions were agreed.
    """
    text = "\n".join(said)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        detail = text.split("certificate verify failed: ", 1)[-1].split(" (_ssl", 1)[0].split("\n", 1)[0]
        return f"the broker's certificate does not verify ({detail}): see kafka.ca_file and kafka.check_hostname"
    if "SaslAuthenticationFailedError" in text:
        return "the broker refuses the login: see kafka.username, kafka.password and kafka.mechanism"
    if "UnsupportedSaslMechanismError" in text:
        return "the broker does not take this kafka.mechanism"
    if tls and ("WRONG_VERSION_NUMBER" in text or "RECORD_LAYER_FAILURE" in text):
        return "the broker does not speak TLS there: see kafka.security"
    if "alert" in text and "certificate" in text.lower():
        return "the broker refuses our certificate: see kafka.certificate_file"
    if not tls and TLS_ALERT in text:
        return "the broker speaks TLS there: see kafka.security"
    ended = [line for line in said if "Connection lost" in line and "socket disconnected" in line]
    if not ended:
        return None
    if "broker_version=unknown" in ended[-1]:
        return None if tls else "the broker ends the connection at once: it may want TLS, see kafka.security"
    if sasl:
        return (
            "the broker ends the connection at the login, as one does that refuses it: see kafka.username, "
            "kafka.password and kafka.mechanism"
        )
    return "the broker ends the connection before the first answer: it may want a login, see kafka.security"
