"""What a URL tells: host, path and campaign."""

from typing import Final
from urllib.parse import quote, unquote_plus, urlsplit

CAMPAIGN: Final = frozenset({"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"})

_URL: Final = ":/?#[]@!$&'()*+,;=%~"
"""Kept as they are (RFC 3986, section 2.2); all else is percent-encoded for the header."""


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


def in_header(url: str) -> str:
    """Write a URL in ASCII without blanks and control characters, fit for ``Location``."""
    return quote(url, safe=_URL)


def why_no_target(url: str) -> str:
    """Say why nobody is to be sent to a URL; "" where it is an address of the web.

    What browsers read otherwise than people do is refused: control characters and blanks, which
    they take out, a backslash, which is a slash to them, and a user before the host.
    """
    if not url.isprintable() or " " in url or "\\" in url:
        return "has blanks, control characters or backslashes in it"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is no URL"
    if not url.lower().startswith(("http://", "https://")) or not parts.hostname:
        return "must begin with http:// or https:// and name a host"
    if "@" in parts.netloc:
        return "names a user before the host"
    return "is no URL" if port == 0 else ""
