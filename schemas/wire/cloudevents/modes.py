"""The content modes: how one event, or a batch of them, lies in an HTTP request."""

import base64
import re
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from schemas import codec
from schemas.errors import Malformed
from schemas.reading import JsonObject, as_object, parse
from schemas.vendor import Request
from schemas.wire.cloudevents.event import BINARY, DATA

_PREFIX: Final = "ce-"
_STRUCTURED: Final = "application/cloudevents"
_BATCHED: Final = f"{_STRUCTURED}-batch"
_JSON: Final = re.compile(r"(?:application|text)/(?:[^;\s]+\+)?json")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_PAIR: Final = re.compile(r"\\(.)")
_UNSUPPORTED: Final = 415
_NO_DATA: Final = frozenset({"datacontenttype", DATA, BINARY})
"""Names that no header has: the body is the data, and its own header says of what type."""


def events_of(request: Request) -> list[Any]:
    """Find the events of a request; a batch may be empty.

    The ``Content-Type`` decides, as the binding has it (3.1 to 3.3). Where it says nothing of
    CloudEvents and no header does, a body that is one or several in JSON is taken as that.

    Raises:
        Malformed: ``format-unsupported`` (415), ``json-invalid``, ``missing``, ``list-type``,
            ``dict-type`` or ``value-error``.
    """
    label = request.headers.get("content-type", "").strip().lower()
    if label.startswith(_BATCHED):
        return _batch(parse(_json(label, _BATCHED, request.body)))
    if label.startswith(_STRUCTURED):
        return [as_object(parse(_json(label, _STRUCTURED, request.body)), ("body",))]
    if f"{_PREFIX}specversion" in request.headers or f"{_PREFIX}id" in request.headers:
        return [_binary(request, label)]
    body = parse(request.body)
    return _batch(body) if type(body) is list else [as_object(body, ("body",))]


def _batch(body: Any) -> list[Any]:
    if type(body) is not list:
        raise Malformed("list-type", "a batch is an array of events", where=("body",))
    return body


def _json(label: str, begin: str, body: bytes) -> bytes:
    """Let JSON through, which is also what no format at all stands for."""
    rest = label.removeprefix(begin).partition(";")[0].strip()
    if rest not in {"", "+json"}:
        message = f"send {begin}+json: no other format of events is known"
        raise Malformed("format-unsupported", message, status=_UNSUPPORTED)
    return body


def _binary(request: Request, label: str) -> JsonObject:
    """Make one JSON object of headers and body."""
    event: JsonObject = {
        name.removeprefix(_PREFIX): _decoded(name, value)
        for name, value in request.headers.items()
        if name.startswith(_PREFIX) and name.removeprefix(_PREFIX) not in _NO_DATA
    }
    if request.headers.get("content-type"):
        event["datacontenttype"] = request.headers["content-type"].strip()
    if request.body:
        event |= _data(request.body, label.partition(";")[0].strip())
    return event


def _decoded(name: str, value: str) -> str:
    """Undo quotes, then percent-encoding, once (binding, 3.1.3.2)."""
    quoted = _QUOTED.fullmatch(value.strip())
    plain = _PAIR.sub(r"\1", quoted[1]) if quoted else value.strip()
    try:
        return unquote_to_bytes(plain.encode("latin-1")).decode()
    except UnicodeDecodeError as error:
        message = f"header {name} is no UTF-8 once its percent-encoding is undone"
        raise Malformed("value-error", message, where=("header", name)) from error


def _data(body: bytes, label: str) -> JsonObject:
    """Read the body as what its label says; without one, as what it is."""
    if _JSON.fullmatch(label):
        return {DATA: codec.loads(body)}
    if not label:
        try:
            return {DATA: codec.loads(body)}
        except Malformed:
            pass  # no label says that it is JSON
    if not label or label.startswith("text/") or label.endswith("xml"):
        try:
            return {DATA: body.decode()}
        except UnicodeDecodeError:
            pass  # in another charset: kept as bytes
    return {BINARY: base64.b64encode(body).decode()}
