"""Addresses of visitors as a source's policy lets them be kept."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

from schemas.sources import IpPolicy

_BITS: Final = {4: 24, 6: 48}
_LONGEST: Final = 64


@lru_cache(maxsize=4096)
def anonymise(ip: str, policy: IpPolicy) -> str:
    """Write an address as it may be stored.

    ``truncate`` keeps the network: /24 of IPv4 (also where it is written as IPv6), /48 of IPv6;
    what is no address cannot be truncated and is dropped.
    """
    if policy == "keep" or not ip:
        return ip
    if policy == "drop" or len(ip) > _LONGEST:
        return ""
    try:
        address = ip_address(ip.strip())
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    network = ip_network((address.packed, _BITS[address.version]), strict=False)
    return str(network.network_address)


def without(value: Any, hidden: dict[str, str]) -> Any:
    """Replace texts wherever a JSON value holds them, whole; its depth is bounded by the reader."""
    if type(value) is str:
        return hidden.get(value, value)
    if type(value) is dict:
        return {name: without(item, hidden) for name, item in value.items()}
    if type(value) is list:
        return [without(item, hidden) for item in value]
    return value
