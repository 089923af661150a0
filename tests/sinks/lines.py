"""Canonical lines for the sink's tests, as the processors write them."""

from typing import Any
from uuid import UUID

from schemas import codec, dead
from schemas.dead import DeadLetter
from schemas.events import iso

NOVEMBER = 1_795_197_600_000
"""2026-11-20T18:00:00Z, Unix ms."""


def event_id(number: int) -> str:
    return str(UUID(int=number, version=4))


def event(number: int, *, at: int = NOVEMBER, source: str = "shop", **more: Any) -> bytes:
    """One canonical event whose id is made of its number."""
    value = {
        "event_id": event_id(number),
        "event_time": iso(at),
        "received_at": iso(NOVEMBER),
        "source_id": source,
        "protocol": "rakam",
        "kind": "track",
        "event_type": "order",
        "message_id": str(number),
        "profile_id": f"profile-{number % 7}",
        "session_id": f"session-{number % 5}",
        "user_id": "",
        "anonymous_id": "",
        "group_id": "",
        "properties": {"number": number},
        "context": {},
        "valid": True,
    }
    return codec.dumps(value | more)


def poison(number: int) -> bytes:
    """A line with a head like any other that no ClickHouse takes: a lone surrogate."""
    return event(number).replace(b'"number":', b'"name":"\\ud800","number":')


def packed(*lines: bytes) -> bytes:
    return codec.join_lines(lines)


def letter(number: int, *, original: bytes = b"{}", **more: Any) -> DeadLetter:
    value: dict[str, Any] = {
        "stage": "process",
        "code": "json-invalid",
        "reason": "not JSON",
        "source_id": "shop",
        "event_id": event_id(number),
        "topic": "t.raw.shop",
        "partition": 0,
        "offset": number,
        "failed_at": NOVEMBER,
        "original": original,
    }
    return DeadLetter(**(value | more))


def dead_line(number: int, **more: Any) -> bytes:
    return dead.write(letter(number, **more))
