"""A plain HTTP client: headers leave as given, in their order, and nothing is added."""

import http.client
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_SECONDS = 30.0
_FRESH_SECONDS = 1.0
Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """An HTTP reply; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One kept-alive connection to a server.

    It is opened anew after any failure, and after a pause, since servers hang up on idle clients.
    """

    def __init__(self, url: str, *, seconds: float = _SECONDS) -> None:
        parts = urlsplit(url)
        self._used = 0.0
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=seconds)

    def send(self, method: str, target: str, headers: Headers = (), body: bytes = b"") -> Answer:
        """Send one request.

        Host and Content-Length are added only where `headers` name none.

        Raises:
            OSError, http.client.HTTPException: nobody answered, or not to the end.

        """
        if time.monotonic() - self._used > _FRESH_SECONDS:
            self.close()
        given = list(headers)
        named = {name.lower() for name, _ in given}
        try:
            self._connection.putrequest(
                method, target, skip_host="host" in named, skip_accept_encoding=True
            )
            for name, value in given:
                self._connection.putheader(name, value)
            if "content-length" not in named and (body or method == "POST"):
                self._connection.putheader("Content-Length", str(len(body)))
            self._connection.endheaders(body or None)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        self._used = time.monotonic()
        lower = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, lower, content)

    def post_json(self, target: str, value: Any, **headers: str) -> Answer:
        """POST a JSON value; underscores in header names become dashes."""
        given = [("Content-Type", "application/json")]
        given += [(name.replace("_", "-"), text) for name, text in headers.items()]
        return self.send("POST", target, given, json.dumps(value).encode())

    def close(self) -> None:
        self._connection.close()
