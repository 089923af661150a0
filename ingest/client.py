"""Who sent a request: the socket's peer, or what trusted proxies say of it; pure."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final

_FORWARDED: Final = b"x-forwarded-for"


class Proxies:
    """The proxies whose ``X-Forwarded-For`` is believed.

    Args:
        networks: addresses or networks in CIDR notation; none means that nobody is believed.

    Raises:
        ValueError: one of them is neither.
    """

    def __init__(self, networks: Iterable[str]) -> None:
        trusted = [ip_network(network.strip(), strict=False) for network in networks]

        @lru_cache(maxsize=1024)
        def trusts(address: str) -> bool:
            found = ip_address(address)
            return any(found in network for network in trusted)

        self._any = bool(trusted)
        self._trusts = trusts

    def client(self, peer: str, headers: Sequence[tuple[bytes, bytes]]) -> str:
        """Name the client's address.

        Every proxy appends the peer it saw, so the list is read from its end, and the first
        address that is no trusted proxy is the client; what stands before it anybody can write.

        Args:
            peer: address of the socket's other end, "" when it has none.
            headers: of the request, names in lower case; the header may be repeated.
        """
        if not self._any or not _is_address(peer) or not self._trusts(peer):
            return peer
        client = peer
        for hop in reversed(_hops(headers)):
            address = _without_port(hop)
            if not _is_address(address):
                break
            client = address
            if not self._trusts(address):
                break
        return client


def _hops(headers: Sequence[tuple[bytes, bytes]]) -> list[str]:
    joined = b",".join(value for name, value in headers if name == _FORWARDED)
    return [hop.strip() for hop in joined.decode("latin-1").split(",") if hop.strip()]


def _without_port(hop: str) -> str:
    """Some load balancers write ``1.2.3.4:567`` and ``[2001:db8::1]:567``."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
