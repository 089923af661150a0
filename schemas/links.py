"""What a URL tells: host, path and campaign."""

from typing import Final
from urllib.parse import unquote_plus

CAMPAIGN: Final = frozenset({"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"})


def host(url: str) -> str:
    """Host of a URL in lower case, without port and credentials; "" when it names none."""
    _, found, rest = url.partition("://")
    if not found:
        return ""
    authority = rest.partition("/")[0].partition("?")[0].partition("#")[0].rpartition("@")[2]
    name = (
        authority.partition("]")[0] + "]" if authority[:1] == "[" else authority.partition(":")[0]
    )
    return name.lower()


def path(url: str) -> str:
    """Path of a URL, as written; "" when it has none."""
    plain = url.partition("#")[0].partition("?")[0]
    _, found, rest = plain.partition("://")
    _, slash, tail = (rest if found else plain).partition("/")
    return slash + tail


def campaign(url: str) -> dict[str, str]:
    """The ``utm_`` parameters of a URL that have columns; of a repeated one the first."""
    if "utm_" not in url:
        return {}
    found: dict[str, str] = {}
    for pair in url.partition("#")[0].partition("?")[2].split("&"):
        name, _, value = pair.partition("=")
        if value and name in CAMPAIGN:
            found.setdefault(name, unquote_plus(value))
    return found
