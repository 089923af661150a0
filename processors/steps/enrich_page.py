"""What addresses tell: the page's host and click id, where the visitor came from."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote_plus

from schemas import links
from schemas.referrers import classify

CACHED: Final = 4096
LONGEST_CACHED: Final = 2048
"""Characters: a longer address is understood, too, and each time anew."""
_LONGEST_CLICK_ID: Final = 512

CLICK_IDS: Final = (
    "gclid",
    "gbraid",
    "wbraid",
    "dclid",
    "msclkid",
    "fbclid",
    "ttclid",
    "twclid",
    "li_fat_id",
    "yclid",
    "rdt_cid",
    "epik",
    "sccid",
    "igshid",
)
"""Parameters that advertisers' networks add, without regard to case; the first that is there
names the click, since two come together only where one network hands a visitor to another."""


def page(url: str) -> Mapping[str, Any]:
    """Columns of a page's address; {} where it tells nothing. Not to be changed by callers."""
    return _page(url) if len(url) <= LONGEST_CACHED else _read_page(url)


def referrer(host: str, url: str, own_host: str) -> Mapping[str, Any]:
    """Columns of where a visitor came from.

    Args:
        host: as the tracker gave it, "" to be taken from ``url``.
        url: the whole referrer, "" where the tracker gives the host alone.
        own_host: of the page; with neither host nor url, a page is reached directly.
    """
    if not host and not url:
        return _DIRECT if own_host else _NOTHING
    if len(host) + len(url) + len(own_host) <= LONGEST_CACHED:
        return _referrer(host, url, own_host)
    return _read_referrer(host, url, own_host)


_NOTHING: Final[Mapping[str, Any]] = {}
_DIRECT: Final[Mapping[str, Any]] = {"referrer_medium": "direct"}


def _read_page(url: str) -> Mapping[str, Any]:
    click = _click(url)
    columns = {
        "page_host": links.host(url),
        "click_id_type": click[0],
        "click_id": click[1],
    }
    return {name: text for name, text in columns.items() if text}


def _click(url: str) -> tuple[str, str]:
    query = url.partition("#")[0].partition("?")[2]
    if not query:
        return "", ""
    found: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if 0 < len(value) <= _LONGEST_CLICK_ID:
            found.setdefault(name.lower(), value)
    for name in CLICK_IDS:
        if name in found:
            return name, unquote_plus(found[name])
    return "", ""


def _read_referrer(host: str, url: str, own_host: str) -> Mapping[str, Any]:
    of_url = "" if host else links.host(url)
    if not host and not of_url:
        return _NOTHING
    found = classify(host.lower() or of_url, url, own_host)
    columns = {
        "referrer_host": of_url,
        "referrer_medium": found.medium,
        "referrer_source": found.source,
        "referrer_term": found.term,
    }
    return {name: text for name, text in columns.items() if text}


_page = lru_cache(maxsize=CACHED)(_read_page)
_referrer = lru_cache(maxsize=CACHED)(_read_referrer)
