"""What kafka-python's log says becomes a reason with the setting to look at."""

import logging
import threading
from collections.abc import Sequence

import pytest

from schemas.brokerlog import explained, why

LOST = (
    "<KafkaConnection node_id=bootstrap-0 broker_version={} (disconnected)>: Connection lost: KafkaConnectionError: {}"
)


@pytest.mark.parametrize(
    ("line", "tls", "sasl", "reason"),
    [
        (LOST.format("(4, 1)", "socket disconnected"), True, True, "kafka.password"),
        (LOST.format("(4, 1)", "socket disconnected"), True, False, "it may want a login"),
        (LOST.format("unknown", "socket disconnected"), False, False, "it may want TLS"),
        (LOST.format("unknown", "socket disconnected"), True, True, None),
        ("Connection lost: InvalidReceiveError: Invalid frame length: 352518912", False, True, "speaks TLS there"),
        (
            "Handshake failed: [SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)",
            True,
            False,
            "not speak TLS",
        ),
        ("[Error 58] SaslAuthenticationFailedError: refused", True, True, "refuses the login"),
        ("UnsupportedSaslMechanismError: no such", True, True, "kafka.mechanism"),
        ("Connect attempt returned error 111. Disconnecting.", False, False, None),
    ],
)
def test_each_line_gives_its_reason(line: str, tls: bool, sasl: bool, reason: str | None) -> None:
    found = why([line], tls=tls, sasl=sasl)
    assert found is None if reason is None else reason in str(found)


def test_an_error_is_told_what_its_own_client_logged_and_no_other() -> None:
    log = logging.getLogger("kafka.net.manager")
    go, gone = threading.Event(), threading.Event()

    def other_client() -> None:
        go.wait(10)
        log.error("[Error 58] SaslAuthenticationFailedError: another's")
        gone.set()

    def connect(*, lines: Sequence[str]) -> None:
        with explained(tls=True, sasl=True):
            go.set()
            gone.wait(10)
            for line in lines:
                log.error(line)
            raise TimeoutError("no broker")

    thread = threading.Thread(target=other_client)
    thread.start()
    with pytest.raises(TimeoutError, match=r"^no broker$"):
        connect(lines=())
    with pytest.raises(TimeoutError, match=r"^no broker: the broker refuses the login"):
        connect(lines=["[Error 58] SaslAuthenticationFailedError: ours"])
    thread.join()
