"""What a referrer tells: medium, site and search term of the sites that matter.

A table, not a database; a site that is not in it is ``unknown``. The media and their names are
those of Snowplow's referer-parser, whose Python package has had no release for years.
"""

from typing import Final, NamedTuple
from urllib.parse import parse_qs

_MAX_QUERY: Final = 2048
_LONGEST_TERM: Final = 256
_LONGEST_HOST: Final = 253
"""Of a name in the DNS (RFC 1035); what is longer is none and is not searched."""

_SEARCH: Final = {
    "google": ("Google", "q"),
    "bing": ("Bing", "q"),
    "yahoo": ("Yahoo!", "p"),
    "duckduckgo": ("DuckDuckGo", "q"),
    "baidu": ("Baidu", "wd"),
    "yandex": ("Yandex", "text"),
    "ecosia": ("Ecosia", "q"),
    "ask": ("Ask", "q"),
    "aol": ("AOL", "q"),
    "naver": ("Naver", "query"),
    "daum": ("Daum", "q"),
    "seznam": ("Seznam", "q"),
    "qwant": ("Qwant", "q"),
    "startpage": ("Startpage", "query"),
    "coccoc": ("Coc Coc", "query"),
    "sogou": ("Sogou", "query"),
    "kagi": ("Kagi", "q"),
    "mojeek": ("Mojeek", "q"),
}
"""Second-level name -> engine and the parameter of its query."""
_SITES: Final = {
    "mail.google.com": ("email", "Gmail"),
    "com.google.android.gm": ("email", "Gmail"),
    "mail.yahoo.com": ("email", "Yahoo! Mail"),
    "mail.aol.com": ("email", "AOL Mail"),
    "outlook.live.com": ("email", "Outlook.com"),
    "outlook.office.com": ("email", "Outlook.com"),
    "outlook.office365.com": ("email", "Outlook.com"),
    "mail.yandex.ru": ("email", "Yandex.Mail"),
    "mail.zoho.com": ("email", "Zoho Mail"),
    "mail.proton.me": ("email", "Proton Mail"),
    "mail.163.com": ("email", "NetEase Mail"),
    "mail.qq.com": ("email", "QQ Mail"),
    "e.mail.ru": ("email", "Mail.ru"),
    "search.brave.com": ("search", "Brave"),
    "facebook.com": ("social", "Facebook"),
    "fb.com": ("social", "Facebook"),
    "fb.me": ("social", "Facebook"),
    "messenger.com": ("social", "Facebook"),
    "instagram.com": ("social", "Instagram"),
    "threads.net": ("social", "Threads"),
    "threads.com": ("social", "Threads"),
    "twitter.com": ("social", "Twitter"),
    "t.co": ("social", "Twitter"),
    "x.com": ("social", "Twitter"),
    "linkedin.com": ("social", "LinkedIn"),
    "com.linkedin.android": ("social", "LinkedIn"),
    "lnkd.in": ("social", "LinkedIn"),
    "youtube.com": ("social", "Youtube"),
    "youtu.be": ("social", "Youtube"),
    "pinterest.com": ("social", "Pinterest"),
    "pin.it": ("social", "Pinterest"),
    "reddit.com": ("social", "Reddit"),
    "redd.it": ("social", "Reddit"),
    "tiktok.com": ("social", "TikTok"),
    "snapchat.com": ("social", "Snapchat"),
    "vk.com": ("social", "Vkontakte"),
    "ok.ru": ("social", "Odnoklassniki"),
    "quora.com": ("social", "Quora"),
    "tumblr.com": ("social", "Tumblr"),
    "medium.com": ("social", "Medium"),
    "news.ycombinator.com": ("social", "Hacker News"),
    "stackoverflow.com": ("social", "Stack Overflow"),
    "github.com": ("social", "GitHub"),
    "discord.com": ("social", "Discord"),
    "t.me": ("social", "Telegram"),
    "web.telegram.org": ("social", "Telegram"),
    "org.telegram.messenger": ("social", "Telegram"),
    "whatsapp.com": ("social", "WhatsApp"),
    "wa.me": ("social", "WhatsApp"),
    "zalo.me": ("social", "Zalo"),
    "line.me": ("social", "LINE"),
    "weibo.com": ("social", "Weibo"),
    "xing.com": ("social", "Xing"),
    "bsky.app": ("social", "Bluesky"),
    "mastodon.social": ("social", "Mastodon"),
}


class Referrer(NamedTuple):
    """What is known of where somebody came from.

    Attributes:
        medium: ``search``, ``social``, ``email``, ``internal`` or ``unknown``.
        source: the site's name, "" where the table has none.
        term: what was searched for; most engines have stopped telling.
    """

    medium: str
    source: str = ""
    term: str = ""


def classify(host: str, url: str = "", own_host: str = "") -> Referrer:
    """Tell what a referrer's host is.

    Args:
        host: in lower case.
        url: the whole referrer, for its search term.
        own_host: of the page, "" where it is not known; the same site is ``internal``.
    """
    if own_host and _bare(host) == _bare(own_host):
        return Referrer("internal")
    if len(host) > _LONGEST_HOST:
        return Referrer("unknown")
    parts = host.split(".")
    for start in range(len(parts) - 1):
        site = _SITES.get(".".join(parts[start:]))
        if site:
            return Referrer(*site)
    engine = _engine(parts)
    if engine is None:
        return Referrer("unknown")
    name, parameter = engine
    return Referrer("search", name, _term(url, parameter))


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
    return values[0][:_LONGEST_TERM] if values else ""


def _bare(host: str) -> str:
    return host.lower().removeprefix("www.")
