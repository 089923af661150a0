"""Managing event sources: what ``headrace sources`` and the first start do."""

import secrets
from dataclasses import replace
from typing import Final

from deploy.declare import declare
from deploy.derived import KEY_PREFIX, demo_key
from deploy.registry import read_sources, write_source
from deploy.settings import Settings
from schemas.errors import Malformed
from schemas.sources import Key, KeyType, Source, check, hash_key

DEMO: Final = "demo"


def draw_key(key_type: KeyType) -> str:
    """Draw a key of 256 random bits; its prefix tells its type to people and secret scanners."""
    return KEY_PREFIX[key_type] + secrets.token_urlsafe(32)


def as_key(clear: str, key_type: KeyType, now_ms: int) -> Key:
    """What is kept of a key."""
    return Key(id=hash_key(clear)[:12], type=key_type, hash=hash_key(clear), created_at=now_ms)


async def create_source(
    settings: Settings, source: Source, *, now_ms: int, write_key: str = ""
) -> tuple[Source, str]:
    """Create a source with one write key; answer the source and the key in clear, this once.

    Args:
        write_key: a key that trackers already carry, adopted instead of a drawn one.

    Raises:
        Malformed: ``source-invalid``, ``source-exists`` (409) or ``key-exists`` (409).
    """
    check(source)
    registry = await read_sources(settings.kafka, settings.topics)
    if registry.get(source.id):
        raise Malformed("source-exists", f"there is a source {source.id!r} already", status=409)
    clear = write_key or draw_key("write")
    if registry.find_key(clear):
        raise Malformed("key-exists", "another source has this key already", status=409)
    created = replace(
        source, keys=(as_key(clear, "write", now_ms),), created_at=now_ms, updated_at=now_ms
    )
    # The topic first: whoever sees the source may use it at once.
    await declare(settings.kafka, [settings.topics.raw(source.id)])
    await write_source(settings.kafka, settings.topics, created)
    return created, clear


async def rotate_key(
    settings: Settings, source_id: str, key_type: KeyType, *, now_ms: int
) -> tuple[Source, str]:
    """Replace all keys of a type by a new one.

    Raises:
        Malformed: ``source-unknown`` (404).
    """
    source = await find_source(settings, source_id)
    clear = draw_key(key_type)
    kept = tuple(key for key in source.keys if key.type != key_type)
    rotated = replace(source, keys=(*kept, as_key(clear, key_type, now_ms)), updated_at=now_ms)
    await write_source(settings.kafka, settings.topics, rotated)
    return rotated, clear


async def change_source(
    settings: Settings, source_id: str, changes: dict[str, object], *, now_ms: int
) -> Source:
    """Change fields of a source.

    Raises:
        Malformed: ``source-unknown`` (404) or ``source-invalid``.
    """
    source = await find_source(settings, source_id)
    changed = replace(source, **changes, updated_at=now_ms)  # type: ignore[arg-type]
    check(changed)
    await write_source(settings.kafka, settings.topics, changed)
    return changed


async def find_source(settings: Settings, source_id: str) -> Source:
    """Read one source.

    Raises:
        Malformed: ``source-unknown`` (404).
    """
    registry = await read_sources(settings.kafka, settings.topics)
    source = registry.get(source_id)
    if source is None:
        known = ", ".join(registry.ids()) or "none yet"
        raise Malformed(
            "source-unknown", f"no source {source_id!r}; there are: {known}", status=404
        )
    return source


async def ensure_demo(settings: Settings, *, now_ms: int) -> str:
    """Create source ``demo`` on the first start; answer its write key, or "" once rotated."""
    clear = demo_key(settings.ids())
    registry = await read_sources(settings.kafka, settings.topics)
    if registry.get(DEMO) is None:
        demo = Source(id=DEMO, name="Demo", description="made by the first `headrace up`")
        await create_source(settings, demo, now_ms=now_ms, write_key=clear)
        return clear
    return clear if registry.find_key(clear) else ""
