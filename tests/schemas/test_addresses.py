import socket

import pytest

from schemas.addresses import refusal
from schemas.errors import ConfigError

REFUSED = [
    ("127.0.0.1", "loopback"),
    ("127.255.255.254", "loopback"),
    ("2130706433", "loopback"),
    ("0x7f000001", "loopback"),
    ("0177.0.0.1", "loopback"),
    ("0x7f.1", "loopback"),
    ("127.1", "loopback"),
    ("017700000001", "loopback"),
    ("::1", "loopback"),
    ("::ffff:127.0.0.1", "loopback"),
    ("::ffff:7f00:1", "loopback"),
    ("::127.0.0.1", "loopback"),
    ("::ffff:0:127.0.0.1", "loopback"),
    ("64:ff9b::7f00:1", "loopback"),
    ("64:ff9b:1::a00:1", "private"),
    ("2002:7f00:1::", "loopback"),
    ("2002:c0a8:0101::1", "private"),
    ("2002:a9fe:a9fe::", "link-local"),
    ("64:ff9b::a9fe:a9fe", "link-local"),
    ("0.0.0.0", "unspecified"),  # noqa: S104, nothing is bound
    ("0", "unspecified"),
    ("0.1.2.3", "unspecified"),
    ("::", "unspecified"),
    ("10.0.0.1", "private"),
    ("172.16.0.1", "private"),
    ("172.31.255.255", "private"),
    ("192.168.1.1", "private"),
    ("3232235777", "private"),
    ("100.64.0.1", "carrier-grade"),
    ("100.127.255.255", "carrier-grade"),
    ("169.254.169.254", "link-local"),
    ("0xa9fea9fe", "link-local"),
    ("2852039166", "link-local"),
    ("fe80::1", "link-local"),
    ("fc00::1", "unique local"),
    ("fd12:3456::1", "unique local"),
    ("fec0::1", "site-local"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.250", "multicast"),
    ("ff02::1", "multicast"),
    ("240.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("192.0.2.7", "not a public"),
    ("198.18.0.1", "not a public"),
    ("2001:db8::1", "not a public"),
    ("2001::7f00:1", "Teredo"),
    ("168.63.129.16", "cloud"),
]
ALLOWED = ["8.8.8.8", "134744072", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


def as_resolved(host: str) -> list[str]:
    """What the resolver makes of a numeric host, as a URL may hold it; no name is looked up."""
    found = socket.getaddrinfo(host, 80, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(info[4][0]) for info in found]


@pytest.mark.parametrize(("host", "reason"), REFUSED)
def test_an_address_that_is_not_public_is_refused_by_name(host: str, reason: str) -> None:
    for address in as_resolved(host):
        assert reason in (refusal(address) or "allowed")


@pytest.mark.parametrize("host", ALLOWED)
def test_a_public_address_is_allowed_however_it_is_written(host: str) -> None:
    assert [refusal(address) for address in as_resolved(host)] == [None]


@pytest.mark.parametrize("text", ["localhost", "", "127.0.0.1:80", "127.0.0.1/8", "http://127.0.0.1"])
def test_what_is_not_an_address_is_refused(text: str) -> None:
    assert refusal(text) == "is not an IP address"


def test_an_allowed_network_lifts_the_refusal_and_nothing_beside_it() -> None:
    allowed = ("127.0.0.1/32", "fd00::/8")
    assert refusal("127.0.0.1", allowed) is None
    assert refusal("::ffff:127.0.0.1", allowed) is None
    assert refusal("fd00::7", allowed) is None
    assert refusal("127.0.0.2", allowed) == "loopback"
    assert refusal("::1", allowed) == "loopback"
    assert refusal("169.254.169.254", allowed) == "link-local"


def test_a_scope_does_not_hide_a_link_local_address() -> None:
    assert refusal("fe80::1%eth0") == "link-local"


def test_a_network_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match=r"allow_networks: .*'loopback'"):
        refusal("127.0.0.1", ("loopback",))
