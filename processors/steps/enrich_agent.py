"""What a User-Agent tells; this room's door to ua-parser, whose rules come with its releases."""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, Final

from ua_parser import OS, Device, Parser, UserAgent
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

LONGEST: Final = 512
"""Characters that are looked at. Browsers' own texts are shorter; the matcher takes time in
proportion, 20 µs for a browser's text and 0.3 ms for 512 characters of the words it looks for."""
CACHED: Final = 4096
_LONGEST_NAME: Final = 128

_NO_MODEL: Final = frozenset({"K", "Generic Smartphone", "Generic Feature Phone", "Other"})
"""Chrome has called every telephone ``K`` since version 110."""
_DRIVEN: Final = ("HeadlessChrome", "PhantomJS")
_SCANNERS: Final = (
    *("BarracudaCentral", "Barracuda Sentinel", "Mimecast", "ProofPoint", "SkypeUriPreview"),
    *("Iframely", "Cisco-Email-Security", "FireEye"),
)
"""Follow the links of mails and chats before people do; beside those that ua-parser knows."""
_READERS: Final = ("YahooMailProxy",)
"""Robots to ua-parser that fetch for somebody who has just opened a mail."""
_DESKTOPS: Final = (
    *("Windows", "Mac OS X", "Linux", "Chrome OS", "Ubuntu", "Fedora", "Debian", "Red Hat"),
    *("CentOS", "SUSE", "FreeBSD", "OpenBSD", "NetBSD", "Solaris"),
)
_TELEPHONES: Final = frozenset(
    {"iOS", "Android", "Windows Phone", "Windows Mobile", "BlackBerry OS", "KaiOS", "Symbian OS"}
)
_TABLETS: Final = ("ipad", "tablet", "kindle")
_SETS: Final = ("tv ", "roku", "bravia", "chromecast")
_CONSOLES: Final = ("playstation", "xbox", "nintendo", "wii")


@cache
def parser() -> Parser:
    """Rust's regular expressions: linear time, whatever a client sends.

    Loading them takes 0.2 s, a sixth of a worker's start, and 30 MB.
    """
    return Parser(Resolver(load_lazy_builtins()))


def agent(text: str) -> Mapping[str, Any]:
    """Columns of a User-Agent; {} where nothing in it is known. Not to be changed by callers."""
    return _parsed(text[:LONGEST])


@lru_cache(maxsize=CACHED)
def _parsed(text: str) -> Mapping[str, Any]:
    found = parser().parse(text)
    browser, os, device = found.user_agent, found.os, found.device
    spider = device is not None and device.family == "Spider"
    bot = (
        (spider and not text.startswith(_READERS))
        or (browser is not None and browser.family in _DRIVEN)
        or any(name in text for name in _SCANNERS)
    )
    columns: dict[str, Any] = {
        "browser": browser.family if browser else "",
        "browser_version": _version(browser),
        "os": os.family if os else "",
        "os_version": _version(os),
        "device": device.family if device and not bot and device.family not in _NO_MODEL else "",
        "device_type": "bot" if bot else _device_type(text, os.family if os else "", device),
    }
    known = {name: value[:_LONGEST_NAME] for name, value in columns.items() if value}
    return known | {"is_bot": True} if bot else known


def _version(part: UserAgent | OS | None) -> str:
    if part is None:
        return ""
    numbers = (part.major, part.minor, part.patch, part.patch_minor)
    return ".".join(number for number in numbers if number)


def _device_type(text: str, os: str, device: Device | None) -> str:
    """``mobile``, ``tablet``, ``tv``, ``console``, ``desktop``; "" for libraries and the unknown.

    An Android browser leaves out ``Mobile`` on a tablet (developer.chrome.com, "User-Agent
    Strings"); an app's own text does not follow that, so ``Mobile`` must be a browser's to miss.
    """
    name = device.family.lower() if device else ""
    words = f"{name} {device.brand or ''} ".lower() if device else ""
    browses = text.startswith("Mozilla/") and "Mobile" not in text
    kinds = (
        ("console", any(word in name for word in _CONSOLES)),
        ("tv", os.endswith("TV") or name.startswith("aft") or any(w in words for w in _SETS)),
        ("tablet", any(word in words for word in _TABLETS) or (os == "Android" and browses)),
        ("mobile", os in _TELEPHONES or "phone" in name),
        ("desktop", os.startswith(_DESKTOPS)),
    )
    return next((kind for kind, told in kinds if told), "")
