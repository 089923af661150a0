"""The site that uses a tracker: pages on a port of their own, so on an origin of their own."""

from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self
from urllib.parse import urlsplit

_TYPES = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8"}


class Site:
    """A web server on 127.0.0.1 while it is entered; `files` maps paths to what they hold."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(files))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(files: Mapping[str, bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            body = files.get(path)
            found = body is not None
            self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
            label = _TYPES.get(path.rpartition(".")[2], "text/plain") if found else "text/plain"
            self.send_header("Content-Type", label)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
            """Say nothing: a test's output is its own."""

    return Handler
