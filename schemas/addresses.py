"""Which IP addresses may be connected to on behalf of someone outside: a feed's author, a redirect, a rule's webhook.

Pure policy; whoever resolves a name asks here about every address before connecting to it. Registries: IANA IPv4 and
IPv6 Special-Purpose Address Registries (RFC 6890), RFC 6052 (NAT64), RFC 3056 (6to4).
"""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from schemas.errors import ConfigError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

REFUSED: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "unspecified"),
        ("::/128", "unspecified"),
        ("127.0.0.0/8", "loopback"),
        ("::1/128", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("fe80::/10", "link-local"),
        ("10.0.0.0/8", "private"),
        ("172.16.0.0/12", "private"),
        ("192.168.0.0/16", "private"),
        ("fc00::/7", "private (unique local)"),
        ("fec0::/10", "private (site-local)"),
        ("100.64.0.0/10", "private (carrier-grade NAT)"),
        ("224.0.0.0/4", "multicast"),
        ("ff00::/8", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("192.88.99.0/24", "reserved (6to4 relay)"),
        ("168.63.129.16/32", "a cloud's own service"),
        ("2001::/32", "a Teredo tunnel"),
    )
)
"""Networks that are refused by name; what is left must still be globally reachable."""

CARRIERS: tuple[tuple[IPv6Network, int], ...] = (
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("::ffff:0:0:0/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("64:ff9b:1::/48"), 0),
    (IPv6Network("2002::/16"), 80),
    (IPv6Network("::/96"), 0),
)
"""IPv6 networks that carry an IPv4 address, and by how many bits to shift to find it: mapped, translated, NAT64,
NAT64 for local use, 6to4, compatible."""


def refusal(address: str, allowed: Sequence[str] = ()) -> str | None:
    """Why the IP address `address` may not be connected to; None when it may.

    `allowed` are networks (`127.0.0.1/32`, `10.1.0.0/16`) that lift a refusal; they hold for an IPv4 address inside an
    IPv6 one too. What is not an IP address is refused. Raises ConfigError when `allowed` holds something else.
    """
    try:
        found: Address = ip_address(address.partition("%")[0])
    except ValueError:
        return "is not an IP address"
    forms = [found]
    carried = _carried(found)
    if carried is not None:
        forms.append(carried)
    lifted = networks(tuple(allowed))
    if any(form in network for form in forms for network in lifted if form.version == network.version):
        return None
    if carried is not None:
        reason = _reason(carried)
        return f"{reason}, inside an IPv6 address" if reason else None
    return _reason(found)


@lru_cache(maxsize=32)
def networks(allowed: tuple[str, ...]) -> tuple[Network, ...]:
    """The networks that `allowed` names. Raises ConfigError naming the one that is not a network."""
    found: list[Network] = []
    for text in allowed:
        try:
            found.append(ip_network(text, strict=False))
        except ValueError as error:
            raise ConfigError("allow_networks", str(error), remedy="Write it like 10.0.0.0/8 or 127.0.0.1/32") from None
    return tuple(found)


def _carried(address: Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address) or int(address) <= 1:
        return None
    for network, shift in CARRIERS:
        if address in network:
            return IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
    return None


def _reason(address: Address) -> str | None:
    for network, reason in REFUSED:
        if address.version == network.version and address in network:
            return reason
    return None if address.is_global else "not a public address"
