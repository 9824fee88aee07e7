"""Addresses of people and of their machines, brought into one form each."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

type Network = IPv4Network | IPv6Network

_LOCAL_PART = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# Who holds one address of IPv6 usually holds all of its /64.
_IPV6_PREFIX = 64


def normalise_email(text: str) -> str:
    """Bring an e-mail address into the form in which it is stored.

    Raises:
        ValueError: It is none that mail could be sent to.
    """
    local, at, domain = text.strip().lower().rpartition("@")
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:
        at = ""
    labels = domain.split(".")
    fits = len(local) <= 64 and len(local) + len(domain) < 254
    if not (
        at
        and fits
        and _LOCAL_PART.fullmatch(local)
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    ):
        raise ValueError("this is not an e-mail address, such as name@example.com")
    return f"{local}@{domain}"


def client_network(
    source: str, forwarded_for: str, trusted_proxies: Sequence[Network]
) -> Network | None:
    """Find who calls: a machine, or the network that it can move about in.

    Args:
        source: Who opened the connection to API Gateway.
        forwarded_for: The header, which anyone can write; believed only as far as it was
            written by ``trusted_proxies``.
        trusted_proxies: Our own front ends, which speak for many people.
    """
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    if source in hops:
        # What API Gateway and its own machines have added says nothing new.
        hops = hops[: len(hops) - 1 - hops[::-1].index(source)]
    client = source
    while hops and _is_in(client, trusted_proxies):
        client = hops.pop()
    return _network_of(client)


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def _network_of(address: str) -> Network | None:
    try:
        version = ip_address(address).version
        return ip_network(f"{address}/{_IPV6_PREFIX if version == 6 else 32}", strict=False)
    except ValueError:
        return None
