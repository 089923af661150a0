"""Imports over HTTP: a part of a file as the body, each row an event or told with its number."""

from collections.abc import Iterator
from typing import Any, Final

from schemas import codec
from schemas.errors import Malformed, Refused
from schemas.reading import JsonObject, bound_line
from schemas.rows import Packed, Row, Unpacked
from schemas.sources import Source
from schemas.vendor import (
    Batch,
    Claim,
    Draft,
    Edge,
    Grant,
    Reply,
    Request,
    Route,
    bound_events,
)
from schemas.wire.imports.body import is_packed, is_table, rows_of
from schemas.wire.imports.guess import plan_of, types_of
from schemas.wire.imports.meaning import format_of
from schemas.wire.imports.outcome import outcome
from schemas.wire.imports.plan import CELLS, ROWS, TARGETS, Plan

ROUTES: tuple[Route, ...] = (Route("/api/sources/{source}/import", ROWS, any_protocol=True),)
BRIDGES: Final = ("import", "rest")
"""Bridges of sources that take imports; one of bridge ``import`` takes nothing else."""
TOLD: Final = 100
"""Rejected rows that an answer names."""

_LONGEST_FILE: Final = 200
_FORBIDDEN: Final = 403
_QUERY: Final = ("query",)
_SWITCH: Final = {"true": True, "false": False}


def read(request: Request) -> Claim:
    """Find the write key, a Bearer token, and see that the query can be.

    Raises:
        Refused: ``key-missing``.
        Malformed: ``format-unknown``, ``parameter-invalid``; see :func:`is_packed`.
    """
    if not request.bearer:
        raise Refused("key-missing", "send the write key: 'Authorization: Bearer <key>'")
    name = _format(request)
    if _columns(request) and name != ROWS:
        message = f"map is for rows: format {name} says what is what"
        raise Malformed("parameter-invalid", message, where=(*_QUERY, "map"))
    _types(request)
    _first(request)
    _dry(request)
    return Claim("key", request.bearer, Packed(name) if is_packed(request) else None)


def split(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:
    """Make a draft of each row that is right; the others are told in the answer.

    Raises:
        Refused: ``key-scoped``, ``source-mismatch`` (403), ``bridge-mismatch``.
        Malformed: missing, json-invalid, csv-invalid, avro-invalid, column-unknown,
            collection-missing; what is wrong with the first row when all are; too-many-events
            (413).
    """
    _check(request, grant)
    kind = _format(request)
    unpacked = claim.payload if type(claim.payload) is Unpacked else None
    rows = iter(unpacked.rows) if unpacked else rows_of(request, grant.source, kind)
    found = list(_bounded(rows, grant))
    of_text = unpacked.of_text if unpacked else is_table(request)
    values = [row.value for row in found if type(row.value) is dict]
    plan = _plan(request, kind, values, of_text=of_text)
    drafts, rejected, why = _all_drafts(found, plan, request, edge)
    dry = _dry(request)
    if why is not None and not drafts and not dry:
        raise why
    bound_events(len(drafts), grant.source)
    if dry:
        return Batch((), answer=(rejected, outcome(drafts, plan)))
    shared = codec.dumps(plan.shared(named=kind != ROWS))
    return Batch(tuple(drafts), shared, answer=(rejected, None))


def reply(batch: Batch, event_ids: tuple[str, ...], request: Request) -> Reply:  # noqa: ARG001
    """Say how many rows are safe, and which are not taken; of a dry run what they would become."""
    rejected, schema = batch.answer or ([], None)
    said: JsonObject = {
        "accepted": len(event_ids),
        "rejected": len(rejected),
        "rows": rejected[:TOLD],
    }
    return Reply(200, codec.dumps({**said, "schema": schema} if schema else said))


def _all_drafts(
    rows: list[Row], plan: Plan, request: Request, edge: Edge
) -> tuple[list[Draft], list[JsonObject], Malformed | None]:
    """Make drafts of what is right, and say of the rest what is wrong."""
    name, first = _one(request, "file"), _first(request)
    drafts: list[Draft] = []
    rejected: list[JsonObject] = []
    why: Malformed | None = None
    for number, row in enumerate(rows, first):
        row_id = f"{name}:{number}" if name else edge.new_id()
        try:
            drafts += _drafts(row, plan, row_id)
        except Malformed as error:
            why = why or error
            where: JsonObject = {"line": row.line} if row.line else {}
            where |= {"file": row.file} if row.file else {}
            told = {"row": number, **where, "code": error.code, "message": error.message}
            rejected.append(told)
    return drafts, rejected, why


def _check(request: Request, grant: Grant) -> None:
    source = grant.source
    if request.path["source"].strip().lower() != source.id:
        message = "this is the key of another event source: send that of the one in the path"
        raise Refused("source-mismatch", message, status=_FORBIDDEN)
    if grant.key and grant.key.customer:
        message = "this key is one customer's; import with a key of the whole source"
        raise Refused("key-scoped", message)
    check_bridge(source)


def check_bridge(source: Source) -> None:
    """Raise Refused ``bridge-mismatch`` for a source that takes no imports."""
    if source.bridge not in BRIDGES:
        message = f"event source {source.id} has bridge '{source.bridge}', which takes no imports"
        raise Refused("bridge-mismatch", message)


def _bounded(rows: Iterator[Row], grant: Grant) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        bound_events(number, grant.source)
        yield row


def _plan(request: Request, kind: str, rows: list[JsonObject], *, of_text: bool) -> Plan:
    collection, types = _one(request, "collection"), _types(request)
    if kind != ROWS:
        types = (types_of(rows) if of_text else {}) | types
        return Plan(kind, collection, types=types, began=request.received_at)
    plan = plan_of(
        rows,
        collection=collection,
        columns=_columns(request),
        types=types,
        skip=tuple(filter(None, _one(request, "skip").split(","))),
        began=request.received_at,
        of_text=of_text,
    )
    if not plan.collection and "event" not in plan.columns:
        message = "no column names the events: say what they are with collection="
        raise Malformed("collection-missing", message, where=_QUERY)
    return plan


def _drafts(row: Row, plan: Plan, row_id: str) -> list[Draft]:
    if row.why is not None:
        raise row.why
    read = format_of(plan.format)
    bodies = read.split(row.value)
    ids = [row_id] if len(bodies) == 1 else [f"{row_id}:{n}" for n in range(len(bodies))]
    drafts = []
    for body, body_id in zip(bodies, ids, strict=True):
        line = codec.dumps(body)
        bound_line(line, body)
        drafts.append(read.read(body, plan).draft(line, body_id))
    return drafts


def _format(request: Request) -> str:
    name = _one(request, "format") or ROWS
    format_of(name)
    return name


def _types(request: Request) -> dict[str, str]:
    found = _pairs(request, "type")
    for column, kind in found.items():
        if kind not in CELLS:
            message = f"type is COLUMN=KIND,... with kinds {', '.join(CELLS)}: {column[:40]!r}"
            raise Malformed("parameter-invalid", message, where=(*_QUERY, "type"))
    return found


def _columns(request: Request) -> dict[str, str]:
    found = _pairs(request, "map")
    for target in found:
        if target not in TARGETS:
            message = f"map is TARGET=COLUMN,... with targets {', '.join(TARGETS)}"
            raise Malformed("parameter-invalid", message, where=(*_QUERY, "map"))
    return found


def _pairs(request: Request, name: str) -> dict[str, str]:
    found = {}
    for pair in filter(None, ",".join(request.query.get(name, [])).split(",")):
        left, equals, right = pair.partition("=")
        if not equals:
            message = f"{name} is NAME=VALUE,...: {pair[:40]!r} is not"
            raise Malformed("parameter-invalid", message, where=(*_QUERY, name))
        found[left] = right
    return found


def _first(request: Request) -> int:
    text = _one(request, "first")
    if text and not (text.isascii() and text.isdecimal() and len(text) < 16):  # noqa: PLR2004
        message = "first is the number of the body's first row in its file, from 0"
        raise Malformed("parameter-invalid", message, where=(*_QUERY, "first"))
    if len(_one(request, "file")) > _LONGEST_FILE:
        message = f"file is a name of at most {_LONGEST_FILE} characters"
        raise Malformed("parameter-invalid", message, where=(*_QUERY, "file"))
    return int(text or 0)


def _dry(request: Request) -> bool:
    text = _one(request, "dry_run") or "false"
    if text not in _SWITCH:
        raise Malformed("parameter-invalid", "dry_run is true or false", where=(*_QUERY, "dry_run"))
    return _SWITCH[text]


def _one(request: Request, name: str) -> str:
    values: list[Any] = request.query.get(name, [])
    return str(values[0]).strip() if values else ""
