"""Plain HTTP requests, as curl and people's scripts make them."""

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

_SECONDS = 30.0


@dataclass(frozen=True)
class Reply:
    """A response; ``headers`` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def code(self) -> int:
        """ClickHouse's error number, 0 for none."""
        return int(self.headers.get("x-clickhouse-exception-code", "0"))


@dataclass(frozen=True)
class Curl:
    """One server and one user."""

    host: str
    port: int
    user: tuple[str, str]
    database: str

    def post(
        self,
        body: bytes | str = b"",
        *,
        headers: Mapping[str, str] | None = None,
        **params: str | int,
    ) -> Reply:
        """POST to ``/`` as the user, in the database."""
        own = {"X-ClickHouse-User": self.user[0], "X-ClickHouse-Key": self.user[1]}
        own = {name: value.encode().decode("latin-1") for name, value in own.items()}
        return self.send(
            "POST",
            "/?" + urlencode({"database": self.database, **params}),
            body,
            own | {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})},
        )

    def send(
        self,
        method: str,
        path: str,
        body: bytes | str = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send exactly this request."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=_SECONDS)
        try:
            payload = body.encode() if isinstance(body, str) else body
            connection.request(method, path, payload, dict(headers or {}))
            response = connection.getresponse()
            read = response.read()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, names, read)
        finally:
            connection.close()
