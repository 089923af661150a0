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


def page(url: str, referrer: str = "", host: str = "") -> Mapping[str, Any]:
    """Columns of a page's address and of what led there. Not to be changed by callers.

    Args:
        referrer: the whole address, "" where the tracker gives its host alone, or nothing: a
            page without either was reached directly.
        host: of the referrer as the tracker gave it, "" to be taken from its address.
    """
    if len(url) + len(referrer) + len(host) <= LONGEST_CACHED:
        return _cached(url, referrer, host)
    return _read(url, referrer, host)


def _read(url: str, referrer: str, host: str) -> Mapping[str, Any]:
    own_host = links.host(url)
    click_id_type, click_id = _click(url)
    columns = {
        "page_host": own_host,
        "click_id_type": click_id_type,
        "click_id": click_id,
        **_origin(referrer, host, own_host),
    }
    return {name: text for name, text in columns.items() if text}


_cached = lru_cache(maxsize=CACHED)(_read)


def _origin(referrer: str, host: str, own_host: str) -> dict[str, str]:
    if not host and not referrer:
        return {"referrer_medium": "direct"} if own_host else {}
    of_url = "" if host else links.host(referrer)
    if not host and not of_url:
        return {}
    found = classify(host.lower() or of_url, referrer, own_host)
    return {
        "referrer_host": of_url,
        "referrer_medium": found.medium,
        "referrer_source": found.source,
        "referrer_term": found.term,
    }


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
