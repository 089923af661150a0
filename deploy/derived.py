"""Secrets of one machine that follow from its one secret, so that none is kept in clear."""

import base64
import hashlib
import hmac
from typing import Final

from schemas.ids import Ids
from schemas.sources import KeyType

KEY_PREFIX: Final[dict[KeyType, str]] = {
    "write": "hrw_",
    "query": "hrq_",
    "delete": "hrd_",
    "master": "hrm_",
}
"""Begins a key; tells its type to people and to secret scanners."""
WRITER: Final = "headrace"
"""The stand-in's writing user; people read as ``default``."""


def demo_key(ids: Ids) -> str:
    """Write key of source ``demo``: every start can print it, nothing keeps it."""
    return KEY_PREFIX["write"] + _derive(ids, b"demo write key")


def clickhouse_password(ids: Ids) -> str:
    """Password of the stand-in's writing user."""
    return _derive(ids, b"clickhouse writer")


def _derive(ids: Ids, purpose: bytes) -> str:
    digest = hmac.digest(ids.secret, purpose, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
