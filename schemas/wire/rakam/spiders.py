"""Crawlers by their User-Agent: Rakam refuses their events where ``_user_agent`` is sent."""

import re
from functools import lru_cache
from typing import Any, Final

from schemas.errors import Malformed

_SPIDER: Final = re.compile(
    r"(?<!cu)bot(?:\b|[_/-])|crawl|spider|slurp|facebookexternalhit|mediapartners-google"
    r"|google-(?:read-aloud|inspectiontool)|bingpreview|lighthouse|archiver|feedfetcher",
    re.IGNORECASE,
)
"""Words that crawlers call themselves by; Cubot is a maker of telephones."""


@lru_cache(maxsize=1024)
def is_spider(user_agent: str) -> bool:
    """Tell whether a User-Agent is a crawler's."""
    return _SPIDER.search(user_agent) is not None


def refuse(asked: Any, of_request: str) -> None:
    """Refuse a crawler's event.

    Args:
        asked: the property ``_user_agent``: text, or True for the request's own.

    Raises:
        Malformed: ``spider`` (403).
    """
    user_agent = of_request if asked is True else asked
    if type(user_agent) is str and is_spider(user_agent[:1024]):
        raise Malformed("spider", "Spiders are not allowed", status=403)
