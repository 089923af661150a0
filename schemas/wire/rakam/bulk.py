"""``/event/bulk`` and ``/event/copy``: many events at once, as JSON, JSON lines, CSV or Avro."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from schemas import avro, codec
from schemas.errors import Malformed
from schemas.reading import JsonObject, parse, parse_object
from schemas.sources import Limits
from schemas.vendor import Batch, Claim, Edge, Grant, Request
from schemas.wire.rakam import credentials, events, table
from schemas.wire.rakam.element import collection_of

_JSON: Final = frozenset({"", "application/json"})
_LINES: Final = frozenset({"application/x-ndjson", "application/x-rawjson"})
_CSV: Final = "text/csv"
_AVRO: Final = "application/avro"
_BODY: Final = ("body",)


def read(request: Request) -> Claim:
    """Check what there is to check before the source and its limits are known; find the key.

    Raises:
        Malformed: content-type-unsupported, missing, and as :func:`events.read_batch` for JSON.
        Refused: ``key-missing``.
    """
    label = _label(request)
    collection = credentials.one_value(request, "collection")
    table.check(request)
    collection_of({"collection": collection})
    if label in _JSON:
        return events.read_batch(request)
    if label not in _LINES and label not in {_CSV, _AVRO}:
        given = request.headers.get("content-type", "")[:100]
        raise Malformed(
            "content-type-unsupported",
            f"Unsupported content type: {given}; send JSON, application/x-ndjson, text/csv or "
            "application/avro",
        )
    claim = credentials.claim(request, None)
    if not collection:
        raise Malformed(
            "missing", "collection query parameter is required", where=("query", "collection")
        )
    return Claim("key", claim.credential, collection, claim.needs)


def split(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:
    """Make a draft of each event or row.

    Raises:
        Malformed: json-invalid, csv-invalid, name-invalid, avro-invalid,
            avro-codec-unsupported, json-too-deep; with status 413 too-many-events and
            body-too-large.
    """
    label = _label(request)
    if label in _JSON:
        return events.split_batch(claim, request, grant, edge)
    found = _bounded(_rows(label, request, grant.source.limits), grant.source.limits)
    elements = ({"collection": claim.payload, "properties": row} for row in found)
    return Batch(events.drafts(elements, edge, derive=False), events.shared(None, request))


def read_remote(request: Request) -> Claim:
    """Check the request of a file elsewhere.

    Raises:
        Malformed: json-invalid, dict-type or property-invalid.
        Refused: ``key-missing``.
    """
    urls = parse_object(request.body).get("urls")
    claim = credentials.claim(request, None, "master")
    if type(urls) is not list or len(urls) != 1:
        raise Malformed("property-invalid", "Only one url is supported", where=(*_BODY, "urls"))
    return claim


def split_remote(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:  # noqa: ARG001
    """Refuse: a server that fetches what strangers name is a way into its network.

    Raises:
        Malformed: ``remote-unsupported``, always.
    """
    raise Malformed(
        "remote-unsupported",
        "headrace fetches no URLs: download the file and send it to /event/bulk",
    )


def _label(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _rows(label: str, request: Request, limits: Limits) -> Iterable[Any]:
    if label == _CSV:
        return table.rows(request)
    if label == _AVRO:
        return avro.records(
            request.body, most=limits.events_per_request, inflated=limits.body_bytes
        )
    return _json_rows(request.body)


def _json_rows(body: bytes) -> Iterator[Any]:
    """Read one object per line, or one array of objects, or one object however it is laid out."""
    if body.lstrip()[:1] == b"[":
        array: list[JsonObject] = parse(body)
        yield from array
        return
    for number, line in enumerate(body.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            row = codec.loads(line)
        except Malformed as error:
            if number == 1:
                yield parse(body)  # an object over several lines, or broken
                return
            message = f"line {number}: {error.message}"
            raise Malformed("json-invalid", message, where=error.where) from error
        yield row


def _bounded(rows: Iterable[Any], limits: Limits) -> Iterator[Any]:
    """Stop a file early that has more rows than the source takes per request."""
    for number, row in enumerate(rows):
        if number >= limits.events_per_request:
            raise Malformed(
                "too-many-events",
                f"this event source takes {limits.events_per_request} events per request: "
                "send fewer",
                status=413,
            )
        yield row
