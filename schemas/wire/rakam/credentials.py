"""Where a request shows its key: in the body's ``api``, in a header or in the query."""

from typing import Final

from schemas.errors import Malformed, Refused
from schemas.reading import JsonObject, as_object, required
from schemas.sources import KeyType
from schemas.vendor import Claim, Request

API_NAMES: Final = ("api_key", "apiKey", "writeKey")
"""The first since 2016-05-31, the others before."""

_TYPES: Final[dict[str, KeyType]] = {
    "master_key": "master",
    "write_key": "write",
    "read_key": "query",
}
_BODY: Final = ("body",)


def in_api(api: JsonObject) -> str:
    """Find the key in an ``api`` object.

    Raises:
        Refused: ``key-missing``.
    """
    for name in API_NAMES:
        key = api.get(name)
        if type(key) is str and key.strip():
            return key.strip()
    raise Refused("key-missing", "put the write key into api.api_key")


def of_body(request: Request, body: JsonObject) -> tuple[JsonObject, str]:
    """Find a JSON request's ``api`` object and its key, which may stand beside the body instead.

    Raises:
        Malformed: ``missing`` or ``dict-type``.
        Refused: ``key-missing``.
    """
    if "api" not in body:
        key, _ = _beside(request)
        if key:
            return {}, key
    api = as_object(required(body, "api", _BODY), (*_BODY, "api"))
    try:
        return api, in_api(api)
    except Refused:
        key, _ = _beside(request)
        if not key:
            raise
        return api, key


def claim(request: Request, payload: object, needs: KeyType | None = None) -> Claim:
    """Claim by the key in header or query; its name is its type unless ``needs`` says more.

    Raises:
        Refused: ``key-missing``.
    """
    key, named = _beside(request)
    if not key:
        raise Refused(
            "key-missing", "send master_key or write_key as a header or a query parameter"
        )
    return Claim("key", key, payload, needs or named)


def without_key(api: JsonObject) -> JsonObject:
    """Take the keys out of an ``api`` object: none ever reaches a topic."""
    return {name: value for name, value in api.items() if name not in API_NAMES}


def one_value(request: Request, name: str) -> str:
    """A query parameter's last value, trimmed; "" when there is none."""
    values = request.query.get(name)
    return values[-1].strip() if values else ""


def refuse_scoped(customer: str) -> None:
    """Refuse a key that stands for one customer only: Rakam knows no such thing to hold it to.

    Raises:
        Malformed: ``key-scoped`` (403).
    """
    if customer:
        message = "this key is one customer's; send Rakam's events with a key of the whole source"
        raise Malformed("key-scoped", message, status=403)


def _beside(request: Request) -> tuple[str, KeyType]:
    for name, kind in _TYPES.items():
        key = one_value(request, name) or request.headers.get(name, "").strip()
        if key:
            return key, kind
    return "", "write"
