"""Which addresses a script may reach: public ones, and those that its task allows."""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from schemas.errors import Malformed
from schemas.tasks import wrong

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NEVER: Final[tuple[Network, ...]] = tuple(
    ip_network(text)
    for text in (
        # beyond what the registries of IANA call not global, whatever this Python knows of them
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/3",
        "168.63.129.16/32",  # Azure's platform, which answers every machine of its own
        "::/8",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fc00::/7",
        "fe80::/9",
        "ff00::/8",
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Read networks, such as ``10.1.0.0/16`` or a single address.

    Raises:
        Malformed: ``task-invalid``.
    """
    found = []
    for text in texts:
        try:
            found.append(ip_network(text, strict=False))
        except ValueError as error:
            message = f"{text[:60]!r} is no network: write one such as 10.1.0.0/16"
            raise wrong("allow", message) from error
    return tuple(found)


def permit(text: str, allowed: Sequence[Network]) -> None:
    """Let an address pass, as the resolver gave it.

    An address of version 4 inside one of version 6 (mapped, compatible, 6to4, Teredo, NAT64) is
    looked at as well: behind a gateway it is where the connection ends.

    Raises:
        Malformed: ``address-refused``.
    """
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    shown = mapped or address
    if any(shown.version == each.version and shown in each for each in allowed):
        return
    if not all(_is_public(each) for each in (shown, *_inside(shown))):
        message = f"{shown} is not a public address: a task reaches it where `allow` names it"
        raise Malformed("address-refused", message, status=403)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address in _NAT64:
        return True  # what is inside decides
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or any(address.version == each.version and address in each for each in _NEVER)
    )


def _inside(address: Address) -> tuple[Address, ...]:
    if isinstance(address, IPv4Address):
        return ()
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFF_FFFF),)
    if address in _LOCAL_NAT64:
        return (IPv4Address("127.0.0.1"),)  # nobody knows where such a prefix leads
    found = [address.sixtofour, *(address.teredo or ())]
    return tuple(each for each in found if each is not None)
