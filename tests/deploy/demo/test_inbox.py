"""The demonstration's webhook takes what is signed, once, and refuses the rest."""

import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from deploy.demo.inbox import open_inbox

ALERT = (Path(__file__).parents[2] / "schemas/messages/v1/alert.json").read_text()
BODY = f'{{"type": "alert.created", "timestamp": "2026-11-24T06:00:00Z", "data": {ALERT}}}'


def post(url: str, headers: dict[str, str]) -> int:
    request = urllib.request.Request(url, data=BODY.encode(), headers=headers)  # noqa: S310  our own loopback server
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        return error.code


def signed(secret: str) -> dict[str, str]:
    now = datetime.now(UTC)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", now, BODY),
    }


def test_a_signed_alert_is_taken_once() -> None:
    with open_inbox() as inbox:
        headers = signed(inbox.secret)
        assert [post(inbox.url, headers) for _ in range(2)] == [204, 204]
        assert (len(inbox.received), inbox.repeats) == (1, 1)


@pytest.mark.parametrize("headers", [{}, signed("whsec_" + "A" * 44)], ids=["unsigned", "another's signature"])
def test_what_we_did_not_sign_is_refused(headers: dict[str, str]) -> None:
    with open_inbox() as inbox:
        assert post(inbox.url, headers) == 401
        assert (len(inbox.received), inbox.refused) == (0, 1)
