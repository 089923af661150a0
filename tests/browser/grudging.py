"""An ingest that says no as it is told to, and remembers what it was sent."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self

SCRIPT = Path(__file__).parents[2] / "ingest" / "tracker" / "headrace.js"


@dataclass(frozen=True)
class Answer:
    """What a batch is answered; status 0 hangs up without a word."""

    status: int = 200
    retry_after: str = ""


@dataclass
class Sent:
    """A batch as it came; `at` is in seconds of a clock that only goes forward."""

    at: float
    batch: dict[str, Any]
    type: str

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.batch["events"]]

    @property
    def names(self) -> list[str]:
        return [event.get("name", event.get("type")) for event in self.batch["events"]]


@dataclass
class Grudging:
    """A server on 127.0.0.1 while it is entered; `judge` answers each batch, in its order."""

    judge: Callable[[dict[str, Any]], Answer] = lambda _: Answer()
    sent: list[Sent] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def snippet(self, key: str, **options: str) -> str:
        """Load the tracker from here; these browsers are automated ones."""
        attributes = {"key": key, "bots": "", "engagement": "false", "pages": "false", **options}
        written = " ".join(f"data-{name}='{value}'" for name, value in attributes.items())
        return f"<script async src='{self.url}/headrace.js' {written}></script>"

    def take(self, body: bytes, label: str) -> Answer:
        """Remember a batch and judge it."""
        with self._lock:
            batch = json.loads(body)
            self.sent.append(Sent(time.monotonic(), batch, label))
            return self.judge(batch)


def _handler(ingest: Grudging) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(200, SCRIPT.read_bytes(), {"Content-Type": "text/javascript"})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = ingest.take(body, self.headers.get("Content-Type", ""))
            if not answer.status:
                self.close_connection = True
                return
            headers = {"Retry-After": answer.retry_after} if answer.retry_after else {}
            self._say(answer.status, b"{}", headers)

        def _say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Access-Control-Expose-Headers", "Retry-After")
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
            """Say nothing: a test's output is its own."""

    return Handler
