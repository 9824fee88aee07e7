"""Addresses of people's machines, brought into one form."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

type Network = IPv4Network | IPv6Network

# Who holds one address of IPv6 usually holds all of its /64.
_IPV6_PREFIX = 64


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
