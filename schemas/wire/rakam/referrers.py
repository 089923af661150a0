"""The columns that Rakam's trigger ``_referrer`` adds."""

from schemas import links
from schemas.referrers import classify


def columns_of(url: str, own_host: str) -> dict[str, str]:
    """The columns of a referrer that was asked for; {} for what is no URL.

    Args:
        own_host: of the page, "" where it is not known; the same site is ``internal``.
    """
    host = links.host(url)
    if not host:
        return {}
    referrer = classify(host, url, own_host)
    found = {
        "_referrer_domain": host,
        "_referrer_path": links.path(url) or "/",
        "_referrer_medium": referrer.medium,
        "_referrer_source": referrer.source,
        "_referrer_term": referrer.term,
    }
    return {name: text for name, text in found.items() if text}
