"""A case inside this process: through the real edge, its real bytes through the processors."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from ingest.app import Ingest
from tests.cases.answer import Answer
from tests.cases.case import Case, SourceKind
from tests.cases.match import rows_differences
from tests.cases.rooms import Rooms
from tests.cases.ways import KEY_TYPES, Feed, Http, filled, fillers, fresh, request

ADMIN: Final = "the-admin-key-of-these-cases"


class Call:
    """One ASGI request."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._sent: list[Any] = []

    async def answer(self, app: Ingest) -> Answer:
        """Have it answered."""
        path, _, query = self._http.target.partition("?")
        length = [(b"content-length", str(len(self._http.body)).encode())]
        headers = [(name.encode(), text.encode()) for name, text in self._http.headers.items()]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": self._http.method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": headers + (length if self._http.body else []),
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8080),
        }
        await app(scope, self._receive, self._send)
        start, *rest = self._sent
        seen = {name.decode(): text.decode() for name, text in start["headers"]}
        return Answer(start["status"], seen, b"".join(part.get("body", b"") for part in rest))

    async def _receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": self._http.body, "more_body": False}

    async def _send(self, message: Any) -> None:
        self._sent.append(message)


def source_names(kind: SourceKind) -> dict[str, str]:
    """Placeholders of a source; its keys follow from its id."""
    names = {name: f"{kind.id}-{type_}-key" for name, type_ in KEY_TYPES.items()}
    names |= {key["as"]: f"{kind.id}-{key['as']}" for key in kind.keys}
    return names | {"SOURCE": kind.id, "ADMIN": ADMIN}


class Here:
    """Feeds cases; each vendor has one edge with its sources, for all its cases."""

    def __init__(self, sources: Mapping[str, SourceKind]) -> None:
        self._sources = sources
        self._rooms: dict[str, Rooms] = {}

    async def run(self, case: Case, feed: Feed) -> list[str]:
        """Feed a case; what is not as expected, in words."""
        rooms = self._rooms_of(case.vendor)
        rooms.rows, rooms.dead = [], []
        names = fresh() | source_names(self._sources[f"{case.vendor}-{case.source}"])
        found: list[str] = []
        for number, step in enumerate(case.steps, 1):
            http = request(case, step, feed, names)
            answer = await Call(http).answer(rooms.app)
            found += [f"step {number}: {each}" for each in answer.wrong(step, http, names)]
            names |= answer.kept(step)
        expected = [*filled(list(case.rows), names), *fillers(case, feed)]
        found += rows_differences(expected, rooms.rows, "row")
        found += rows_differences(filled(list(case.dead), names), rooms.dead, "dead letter")
        return found

    def _rooms_of(self, vendor: str) -> Rooms:
        if vendor not in self._rooms:
            kinds = [kind for kind in self._sources.values() if kind.vendor == vendor]
            self._rooms[vendor] = Rooms(kinds, source_names)
        return self._rooms[vendor]
