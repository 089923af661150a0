"""Requests as scripts write them: options read strictly, texts and JSON made bytes."""

from typing import Any, Final
from urllib.parse import urlencode

from deploy.tasks.fetch import Asked
from schemas import codec
from schemas.errors import Malformed
from schemas.reading import JsonObject

MAX_BODY_OUT: Final = 1 << 20
MAX_HEADERS: Final = 50
_REQUEST_SECONDS: Final = range(1, 61)
_DEFAULT_SECONDS: Final = 30
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_OWN_HEADERS: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "upgrade"}
)
_OPTIONS: Final = frozenset({"method", "url", "headers", "query", "body", "form", "timeout"})
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"


def request_of(options: Any) -> tuple[Asked, int]:
    """Read what a script gives ``http.request``; returns it with its time-out in seconds.

    Raises:
        Malformed: ``request-invalid``.
    """
    if type(options) is not dict or type(options.get("url")) is not str:
        raise _invalid("url is missing: http.get(url, {headers, query, timeout})")
    for name in options:
        if name not in _OPTIONS:
            raise _invalid(f"{name[:64]} is no option; there are: {', '.join(sorted(_OPTIONS))}")
    method = options.get("method", "GET")
    if method not in _METHODS:
        raise _invalid(f"method must be one of {', '.join(sorted(_METHODS))}")
    seconds = options.get("timeout", _DEFAULT_SECONDS)
    if type(seconds) is not int or seconds not in _REQUEST_SECONDS:
        raise _invalid(f"timeout is in whole seconds, 1 to {_REQUEST_SECONDS.stop - 1}")
    headers = headers_of(options.get("headers"))
    body, label = _body(options)
    if label:
        headers.setdefault("content-type", label)
    url = options["url"].partition("#")[0]
    if query := options.get("query"):
        url += ("&" if "?" in url else "?") + urlencode(_texts(query, "query"), doseq=True)
    return Asked(method, url, headers, body), seconds


def headers_of(given: Any) -> dict[str, str]:
    """Read headers; Malformed ``request-invalid`` for those that are not a script's to set."""
    headers = {name.lower(): str(text) for name, text in _texts(given or {}, "headers").items()}
    for name in headers:
        if name in _OWN_HEADERS:
            raise _invalid(f"the header {name} is headrace's to set")
    if len(headers) > MAX_HEADERS:
        raise _invalid(f"at most {MAX_HEADERS} headers")
    return headers


def _body(options: JsonObject) -> tuple[bytes, str]:
    body, form = options.get("body"), options.get("form")
    if form is not None:
        data, label = urlencode(_texts(form, "form"), doseq=True).encode(), _FORM
    elif body is None:
        data, label = b"", ""
    elif type(body) is str:
        data, label = body.encode(), "text/plain; charset=utf-8"
    else:
        data, label = codec.dumps(body), _JSON
    if len(data) > MAX_BODY_OUT:
        raise _invalid(f"a request's body has at most {MAX_BODY_OUT} bytes")
    return data, label


def _texts(given: Any, name: str) -> dict[str, Any]:
    if type(given) is not dict:
        raise _invalid(f"{name} must be an object")
    return {key: _text(value, name) for key, value in given.items() if value is not None}


def _text(value: Any, name: str) -> Any:
    if type(value) is list and name != "headers":
        return [_text(each, name) for each in value]
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) not in {str, int, float}:
        raise _invalid(f"{name} holds texts and numbers")
    return str(value)


def _invalid(message: str) -> Malformed:
    return Malformed("request-invalid", message)
