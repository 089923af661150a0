"""``/event/pixel``: an event in the query, answered with a picture whatever happens."""

import base64
from typing import Any, Final

from schemas.errors import HeadraceError, Refused
from schemas.reading import JsonObject
from schemas.vendor import Claim, Reply, Request
from schemas.wire.rakam import credentials
from schemas.wire.rakam.element import spelled
from schemas.wire.rakam.events import check_event

_GIF: Final = base64.b64decode("R0lGODlhAQABAPAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
"""43 bytes: one transparent point."""
_LONGEST_ERROR: Final = 300
_NO_STORE: Final = ("Cache-Control", "no-store, no-cache, must-revalidate, private")


def read(request: Request) -> Claim:
    """Make an event of ``collection``, ``api.NAME`` and ``prop.NAME``; find the key.

    Raises:
        Malformed: what is wrong with the event.
        Refused: ``key-missing``.
    """
    properties = _named(request, "prop.")
    api = _named(request, "api.")
    body: JsonObject = {"api": api, "properties": spelled(properties)}
    collection = request.query.get("collection")
    if collection:
        body["collection"] = collection[-1]
    key = _key(api, request)
    check_event(body, request)
    return Claim("key", key, body)


def picture(error: HeadraceError | None = None) -> Reply:
    """Answer with the picture; what went wrong is said in the header ``server-error`` only."""
    headers = [_NO_STORE]
    if error is not None:
        plain = error.message.encode("ascii", "replace").decode()
        line = "".join(letter if letter.isprintable() else " " for letter in plain)
        headers.append(("server-error", line[:_LONGEST_ERROR]))
    return Reply(200, _GIF, content_type="image/gif", headers=tuple(headers))


def _named(request: Request, prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): values[-1]
        for name, values in request.query.items()
        if name.startswith(prefix) and values
    }


def _key(api: JsonObject, request: Request) -> str:
    try:
        return credentials.in_api(api)
    except Refused:
        return credentials.claim(request, None).credential
