"""The keys of a source as they come and go; pure."""

import hmac
from dataclasses import replace
from typing import Final

from schemas.errors import Malformed
from schemas.sources import Key, KeyType, Source, hash_key

MAX_KEYS: Final = 100
"""Keys of one source that are good, or were until lately."""
REMEMBERED_MS: Final = 7 * 86_400_000
"""How long an expired key is remembered, so that its owner is told why it is refused."""


def add(source: Source, key: Key, *, now_ms: int) -> Source:
    """Give a source another key.

    Raises:
        Malformed: ``too-many-keys`` (409).
    """
    kept = tuple(old for old in source.keys if not _forgotten(old, now_ms))
    if len(kept) >= MAX_KEYS:
        raise Malformed(
            "too-many-keys",
            f"source {source.id} has {MAX_KEYS} keys already: revoke one that nobody uses",
            status=409,
        )
    return replace(source, keys=(*kept, key), updated_at=now_ms)


def rotate(source: Source, key: Key, *, overlap: int, now_ms: int) -> Source:
    """Give a source a key and let all others of its type and customer end.

    Args:
        overlap: seconds for which the others are good yet; one that ends earlier still does.

    Raises:
        Malformed: ``too-many-keys`` (409).
    """
    end = now_ms + overlap * 1000
    kept = []
    for old in source.keys:
        if (old.type, old.customer) != (key.type, key.customer) or 0 < old.expires_at <= now_ms:
            kept.append(old)
        elif overlap:
            kept.append(replace(old, expires_at=min(old.expires_at or end, end)))
    return add(replace(source, keys=tuple(kept)), key, now_ms=now_ms)


def revoke(source: Source, key: str, *, now_ms: int) -> Source:
    """Take a key back at once.

    Args:
        key: its id, or the key itself.

    Raises:
        Malformed: ``key-unknown`` (404).
    """
    digest = hash_key(key)
    kept = tuple(
        old for old in source.keys if old.id != key and not hmac.compare_digest(old.hash, digest)
    )
    if len(kept) == len(source.keys):
        raise Malformed("key-unknown", f"source {source.id} has no such key", status=404)
    return replace(source, keys=kept, updated_at=now_ms)


def kept_key(
    clear: str,
    key_type: KeyType,
    *,
    key_id: str,
    now_ms: int,
    expires_at: int = 0,
    customer: str = "",
    name: str = "",
) -> Key:
    """What is kept of a key: its hash, and nothing that tells of the key."""
    return Key(
        id=key_id,
        type=key_type,
        hash=hash_key(clear),
        created_at=now_ms,
        expires_at=expires_at,
        customer=customer,
        name=name,
    )


def _forgotten(key: Key, now_ms: int) -> bool:
    return 0 < key.expires_at < now_ms - REMEMBERED_MS
