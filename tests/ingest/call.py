"""One ASGI request, and what came back."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingest.app import Ingest
from ingest.asgi import Message
from schemas import codec


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def json(self) -> Any:
        return codec.loads(self.body)

    def header(self, name: str) -> str | None:
        """The one value of a header; repeated ones are a mistake."""
        values = [value for given, value in self.headers if given == name]
        assert len(values) < 2, (name, values)
        return values[0] if values else None


class Call:
    """One ASGI request; ``chunks`` arrive one by one, then nothing more until it is answered."""

    def __init__(
        self,
        path: str,
        *chunks: bytes,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        query: bytes = b"",
        peer: str = "192.0.2.7",
        more: bool = False,
    ) -> None:
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query,
            "headers": [
                (name.lower().encode(), value.encode()) for name, value in (headers or {}).items()
            ],
            "client": (peer, 1234),
            "server": ("localhost", 80),
            "scheme": "http",
            "http_version": "1.1",
        }
        self._left = list(chunks) or [b""]
        self._more = more
        self._sent: list[Message] = []

    async def receive(self) -> Message:
        if not self._left:
            await asyncio.Event().wait()
        chunk = self._left.pop(0)
        return {
            "type": "http.request",
            "body": chunk,
            "more_body": bool(self._left) or self._more,
        }

    async def send(self, message: Message) -> None:
        self._sent.append(message)

    async def answer(self, app: Ingest) -> Answer:
        await app(self.scope, self.receive, self.send)
        return self.result()

    @property
    def answered(self) -> bool:
        return bool(self._sent)

    def result(self) -> Answer:
        start, *rest = self._sent
        headers = [(name.decode(), value.decode()) for name, value in start["headers"]]
        return Answer(start["status"], headers, b"".join(part.get("body", b"") for part in rest))
