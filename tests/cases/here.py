"""A case inside this process: through the real edge, its real bytes through the processors."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from ingest.app import Ingest
from schemas import codec
from schemas.errors import Malformed
from tests.cases.case import Case, SourceKind
from tests.cases.match import reply_differences, rows_differences
from tests.cases.rooms import Rooms
from tests.cases.ways import ORIGIN, Feed, Http, filled, fillers, fresh, request

ADMIN: Final = "the-admin-key-of-these-cases"
KEY_TYPES: Final = {
    "KEY": "write",
    "QUERYKEY": "query",
    "DELETEKEY": "delete",
    "MASTERKEY": "master",
}


@dataclass(frozen=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        with contextlib.suppress(Malformed):
            return codec.loads(self.body)
        return None


@dataclass
class Call:
    """One ASGI request."""

    http: Http
    sent: list[Any] = field(default_factory=list)

    async def answer(self, app: Ingest) -> Answer:
        path, _, query = self.http.target.partition("?")
        length = [(b"content-length", str(len(self.http.body)).encode())]
        headers = [(name.encode(), text.encode()) for name, text in self.http.headers.items()]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": self.http.method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": headers + (length if self.http.body else []),
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8080),
        }
        await app(scope, self._receive, self._send)
        start, *rest = self.sent
        seen = {name.decode(): text.decode() for name, text in start["headers"]}
        return Answer(start["status"], seen, b"".join(part.get("body", b"") for part in rest))

    async def _receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": self.http.body, "more_body": False}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)


def source_names(kind: SourceKind) -> dict[str, str]:
    """Placeholders of a source; its keys follow from its id."""
    names = {name: f"{kind.id}-{type_}-key" for name, type_ in KEY_TYPES.items()}
    names |= {key["as"]: f"{kind.id}-{key['as']}" for key in kind.keys}
    return names | {"SOURCE": kind.id, "ADMIN": ADMIN}


async def run(case: Case, feed: Feed, sources: Mapping[str, SourceKind]) -> list[str]:
    """Feed a case; what is not as expected, in words."""
    kind = sources[f"{case.vendor}-{case.source}"]
    rooms = Rooms(sources.values(), source_names, ADMIN)
    names = fresh() | source_names(kind)
    found: list[str] = []
    for number, step in enumerate(case.steps, 1):
        http = request(case, step, feed, names)
        answer = await Call(http).answer(rooms.app)
        wrong = reply_differences(
            filled(step.reply, names), answer.status, answer.headers, answer.body, answer.json
        )
        wrong += cors_differences(http, answer)
        found += [f"step {number}: {each}" for each in wrong]
        names |= {name: kept(answer.json, path) for name, path in step.keep.items()}
    expected = [*filled(list(case.rows), names), *fillers(case, feed)]
    found += rows_differences(expected, rooms.rows, "row")
    found += rows_differences(filled(list(case.dead), names), rooms.dead, "dead letter")
    return found


def cors_differences(http: Http, answer: Answer) -> list[str]:
    """A page that sent with credentials must be able to read the answer."""
    if http.headers.get("origin") != ORIGIN or answer.status == 403:
        return []
    wanted = {"access-control-allow-origin": ORIGIN, "access-control-allow-credentials": "true"}
    return [
        f"header {name}: expected {text!r}, found {answer.headers.get(name)!r}"
        for name, text in wanted.items()
        if answer.headers.get(name) != text
    ]


def kept(value: Any, path: str) -> str:
    """Find what a step keeps for the next ones; "" where the answer does not have it."""
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
