"""Who is a robot: Tracardi takes nothing from search engines and previewers on ``/track``.

A client library or a monitoring script is no robot in this sense: it sends events on purpose.
Add a name where one of these crawls your pages and runs their scripts; ``HeadlessChrome`` is left
out because tests and pre-renderers that mean it send events with it.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from schemas.errors import Refused

_ROBOT: Final = re.compile(
    r"(?<!cu)bot(?![a-z])"  # Googlebot/2.1, bingbot; but not CUBOT, which makes telephones
    r"|crawler|spider|scraper|slurp"
    r"|mediapartners-google|adsbot|apis-google|google-inspectiontool|googleother"
    r"|feedfetcher|storebot|bingpreview|facebookexternalhit|meta-externalagent"
    r"|ia_archiver|archive\.org|yandex(?:images|metrika|direct|accessibility)"
    r"|baiduspider|bytespider|embedly|quora link preview|pinterest/0"
    r"|lighthouse|pagespeed|gtmetrix|pingdom|uptimerobot",
    re.IGNORECASE,
)
_LONGEST: Final = 1024
_GOOGLE: Final = "googlebot(at)googlebot.com"


def check(headers: Mapping[str, str]) -> None:
    """Turn robots away; Refused ``bot-traffic`` (401)."""
    agent = headers.get("user-agent", "")[:_LONGEST]
    if headers.get("from", "").strip().lower() == _GOOGLE or _is_robot(agent):
        raise Refused("bot-traffic", "Traffic from bot is not allowed.")


@lru_cache(maxsize=4096)
def _is_robot(agent: str) -> bool:
    """Search once per browser: that costs as much as all else that is done with an event."""
    return _ROBOT.search(agent) is not None
