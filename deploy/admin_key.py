"""The admin key: from the environment, else drawn here and kept as its hash alone."""

import hmac
import secrets
from typing import Final

from deploy.files import OWNER_ONLY, replace_file
from deploy.settings import Settings
from schemas.sources import hash_key

PREFIX: Final = "hra_"
"""Begins the key; tells people and secret scanners what it is."""
_FILE: Final = "admin_key"


def draw_admin_key(settings: Settings) -> str:
    """Draw a key and keep its hash in place of the old one's; returns it in clear, this once."""
    clear = PREFIX + secrets.token_urlsafe(32)
    settings.data.mkdir(parents=True, exist_ok=True)
    replace_file(settings.data / _FILE, hash_key(clear).encode(), mode=OWNER_ONLY)
    return clear


def first_admin_key(settings: Settings) -> str:
    """Draw the key at a first start; "" when there is one already."""
    return "" if settings.admin_key.strip() or _kept(settings) else draw_admin_key(settings)


def where(settings: Settings) -> str:
    """Say where the key in force can be found."""
    if settings.admin_key.strip():
        return "the HEADRACE_ADMIN_KEY of the environment"
    if _kept(settings):
        return "shown when it was drawn (lost? `headrace admin-key --new`)"
    return "none yet: set HEADRACE_ADMIN_KEY, or draw one with `headrace admin-key --new`"


def is_admin(settings: Settings, credential: str) -> bool:
    """Tell, in constant time, whether this is the admin key.

    The file is read each time: a key drawn anew is good at once, and the old one no longer.
    """
    given = settings.admin_key.strip()
    kept = hash_key(given) if given else _kept(settings)
    return bool(kept) and hmac.compare_digest(hash_key(credential), kept)


def _kept(settings: Settings) -> str:
    path = settings.data / _FILE
    return path.read_text().strip() if path.exists() else ""
