"""Requests that real client libraries sent, recorded: to be sent again byte for byte.

A recording holds the body as JSON. Written compactly it has exactly the recorded length, which
is how we know that it is the body that was sent.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).with_name("captures")


@dataclass(frozen=True)
class Recorded:
    """One request; `json` is what its body says, None when it had none."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    json: Any

    def header(self, name: str) -> str:
        return next(value for key, value in self.headers if key.lower() == name)


def recorded(client: str) -> list[Recorded]:
    """All requests of a client, in the order it sent them."""
    return [_read(entry) for entry in json.loads((_FOLDER / f"{client}.json").read_text())]


def _read(entry: dict[str, Any]) -> Recorded:
    body = b""
    if "json" in entry:
        text = json.dumps(entry["json"], separators=(",", ":"), ensure_ascii=False)
        body = text.encode()
    assert len(body) == entry["body_len"], "not the body that was sent"
    query = f"?{entry['query']}" if entry["query"] else ""
    headers = tuple((name, value) for name, value in entry["headers"])
    return Recorded(entry["method"], entry["path"] + query, headers, body, entry.get("json"))
