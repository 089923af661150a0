"""Managing a running pipeline over HTTP, as its admin."""

import json
import re
from typing import Any

from tests.system.client import Answer
from tests.system.pipeline import Pipeline

SHOWN = re.compile(r"^ +admin: +(hra_\S+)", re.MULTILINE)


class Admin:
    """Asks `/api` with the admin key, by default the one that the first start printed."""

    def __init__(self, pipeline: Pipeline, key: str = "") -> None:
        self._pipeline = pipeline
        found = SHOWN.search(pipeline.output)
        self.key = key or (found[1] if found else "")

    def __call__(self, method: str, path: str, value: Any = None) -> Answer:
        body = b"" if value is None else json.dumps(value).encode()
        headers = [("Authorization", f"Bearer {self.key}"), ("Content-Type", "application/json")]
        return self._pipeline.client.send(method, f"/api/sources{path}", headers, body)

    def create(self, source_id: str, **fields: Any) -> str:
        """Create a source; return its write key."""
        answer = self("POST", "", {"id": source_id, **fields})
        assert answer.status == 201, answer.body
        (key,) = answer.json["keys"]
        assert key["type"] == "write"
        return str(key["key"])

    def add_key(self, source_id: str, **fields: Any) -> str:
        """Make another key; return it."""
        answer = self("POST", f"/{source_id}/keys", fields)
        assert answer.status == 201, answer.body
        (key,) = answer.json["keys"]
        return str(key["key"])

    def change(self, source_id: str, **fields: Any) -> Any:
        """Change a source; return it as it is then."""
        answer = self("PATCH", f"/{source_id}", fields)
        assert answer.status == 200, answer.body
        return answer.json
