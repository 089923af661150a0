"""What a referrer tells: its site, and for the well-known ones the medium and the search term.

A table of the sites that matter, not a database; a site that is not in it is ``unknown``.
"""

from typing import Final
from urllib.parse import parse_qs

from schemas import links

_MAX_QUERY: Final = 2048

_SEARCH: Final = {
    "google": ("Google", "q"),
    "bing": ("Bing", "q"),
    "yahoo": ("Yahoo!", "p"),
    "duckduckgo": ("DuckDuckGo", "q"),
    "baidu": ("Baidu", "wd"),
    "yandex": ("Yandex", "text"),
    "ecosia": ("Ecosia", "q"),
    "ask": ("Ask", "q"),
    "naver": ("Naver", "query"),
    "seznam": ("Seznam", "q"),
}
_SITES: Final = {
    "mail.google.com": ("email", "Gmail"),
    "mail.yahoo.com": ("email", "Yahoo! Mail"),
    "outlook.live.com": ("email", "Outlook.com"),
    "mail.yandex.ru": ("email", "Yandex.Mail"),
    "facebook.com": ("social", "Facebook"),
    "fb.com": ("social", "Facebook"),
    "instagram.com": ("social", "Instagram"),
    "twitter.com": ("social", "Twitter"),
    "t.co": ("social", "Twitter"),
    "x.com": ("social", "Twitter"),
    "linkedin.com": ("social", "LinkedIn"),
    "lnkd.in": ("social", "LinkedIn"),
    "youtube.com": ("social", "Youtube"),
    "pinterest.com": ("social", "Pinterest"),
    "reddit.com": ("social", "Reddit"),
    "tiktok.com": ("social", "TikTok"),
    "vk.com": ("social", "Vkontakte"),
    "quora.com": ("social", "Quora"),
    "news.ycombinator.com": ("social", "Hacker News"),
    "github.com": ("social", "GitHub"),
}


def columns_of(url: str, own_host: str) -> dict[str, str]:
    """The columns of a referrer that was asked for; {} for what is no URL.

    Args:
        own_host: of the page, "" where it is not known; the same site is ``internal``.
    """
    host = links.host(url)
    if not host:
        return {}
    found = {"_referrer_domain": host, "_referrer_path": links.path(url) or "/"}
    if own_host and _bare(host) == _bare(own_host):
        return found | {"_referrer_medium": "internal"}
    parts = host.split(".")
    for start in range(len(parts) - 1):
        site = _SITES.get(".".join(parts[start:]))
        if site:
            return found | {"_referrer_medium": site[0], "_referrer_source": site[1]}
    engine = _engine(parts)
    if engine is None:
        return found | {"_referrer_medium": "unknown"}
    name, parameter = engine
    found |= {"_referrer_medium": "search", "_referrer_source": name}
    term = _term(url, parameter)
    return found | {"_referrer_term": term} if term else found


def _engine(parts: list[str]) -> tuple[str, str] | None:
    """The search engine of a host: ``www.google.co.uk`` is one, ``google.example.com`` is not."""
    for back in (2, 3):
        if len(parts) >= back and (back == 2 or len(parts[-2]) <= 3):  # noqa: PLR2004 - co.uk
            found = _SEARCH.get(parts[-back])
            if found:
                return found
    return None


def _term(url: str, parameter: str) -> str:
    query = url.partition("#")[0].partition("?")[2]
    if not query or len(query) > _MAX_QUERY:
        return ""
    values = parse_qs(query).get(parameter)
    return values[0] if values else ""


def _bare(host: str) -> str:
    return host.lower().removeprefix("www.")
