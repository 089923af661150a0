"""``/event/pixel``: an event in the query, answered with a picture whatever happens."""

from typing import Any, Final

from schemas.errors import HeadraceError, Refused
from schemas.picture import point
from schemas.reading import JsonObject
from schemas.vendor import Claim, Reply, Request
from schemas.wire.rakam import credentials
from schemas.wire.rakam.element import spelled
from schemas.wire.rakam.events import check_event

_LONGEST_ERROR: Final = 300


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
    if error is None:
        return point()
    plain = error.message.encode("ascii", "replace").decode()
    line = "".join(letter if letter.isprintable() else " " for letter in plain)
    return point(("server-error", line[:_LONGEST_ERROR]))


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
