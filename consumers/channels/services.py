"""The services that Apprise knows, each message sent by a process of its own that connects to checked addresses only.

Apprise brings its own HTTP, follows redirects, and says of a failure only that there was one. So it runs in a child
whose every connection is checked by an audit hook (services_child.py), without redirects, and which tells what status
the service answered. The URL goes to the child by its standard input: it is not in the list of processes.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from consumers.channels import escape
from consumers.channels.guarded import LONGEST_WAIT_S, Answer, judge
from schemas.channel import AppriseChannel
from schemas.errors import ConfigError, DeliveryRefused, Unavailable
from schemas.message import Message
from schemas.rendering.outline import outline

BUDGET = 1800
"""Characters; what a service takes less of, Apprise cuts."""

START_S = 60.0
"""How long the child may take to load Apprise, besides the time for the delivery."""


def check(channel: AppriseChannel) -> None:
    """Raise ConfigError when Apprise knows no such URL; it is not quoted."""
    # a child that gave no answer says nothing about the URL
    if _ask({"url": channel.url.get_secret_value()}, within_s=START_S).get("known") is False:
        raise ConfigError(
            f"notify.channels, {channel.name}",
            "url is none that Apprise knows",
            remedy="https://appriseit.com/services/ lists them",
        )


def send(message: Message, channel: AppriseChannel, *, timeout_s: float, allowed: Sequence[str]) -> None:
    """Send it as text, whose marks are replaced by look-alikes, as each service has its own.

    Raises Unavailable when another try may help, DeliveryRefused when none will.
    """
    head, *rest = outline(message, budget=BUDGET)
    lines = [escape.unmarked(line.text) + (f"\n{line.url}" if line.url else "") for line in rest]
    order = {
        "url": channel.url.get_secret_value(),
        "title": escape.unmarked(head.text),
        "body": "\n".join(lines),
        "allowed": list(allowed),
        "timeout_s": timeout_s,
    }
    said = _ask(order, within_s=START_S + 2 * timeout_s)
    if said.get("sent"):
        return
    if said.get("refused"):
        raise DeliveryRefused(channel.name, f"its address is {said['refused']}; see notify.allow_networks")
    if not said.get("known", True):
        raise DeliveryRefused(channel.name, "its url is none that Apprise knows")
    if (status := said.get("status")) is None:
        raise Unavailable(
            f"channel {channel.name}", str(said.get("trouble") or "the service gave no answer"), unsure=True
        )
    after = said.get("after")
    if 200 <= status < 300:
        raise Unavailable(f"channel {channel.name}", f"answered {status}, which Apprise takes for a failure")
    judge(channel.name, Answer(status, None if after is None else min(float(after), LONGEST_WAIT_S)))


def _ask(order: dict[str, Any], *, within_s: float) -> dict[str, Any]:
    # an empty home and environment: no proxy, no .netrc, no configuration of Apprise's own is read
    with tempfile.TemporaryDirectory() as home:
        try:
            ended = subprocess.run(
                [sys.executable, "-I", "-m", "consumers.channels.services_child"],
                input=json.dumps(order),
                env={"HOME": home, "PATH": "", "LANG": "C.UTF-8"},
                cwd=home,
                capture_output=True,
                text=True,
                timeout=within_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return {"trouble": "the service took too long"}
    last = ended.stdout.strip().rpartition("\n")[2]
    try:
        said = json.loads(last)
    except ValueError:
        return {"trouble": f"the process that sends ended with {ended.returncode}"}
    return said if isinstance(said, dict) else {}
