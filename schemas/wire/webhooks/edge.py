"""Webhooks at the edge: ``/webhook/collect/{webhook}``, as Rakam has it."""

from dataclasses import dataclass
from typing import Any, Final

from schemas import api, codec, hooked
from schemas.answers import Ask
from schemas.envelope import RawEvent
from schemas.errors import HeadraceError, Refused
from schemas.events import Event
from schemas.refusals import refuse_plainly
from schemas.sandbox import CODES
from schemas.vendor import (
    Batch,
    Claim,
    Edge,
    Grant,
    Reply,
    Request,
    Route,
)
from schemas.wire.webhooks import calls

COLLECT: Final = "collect"
_METHODS: Final = ("GET", "POST", "PUT")
_PATH: Final = "/webhook/collect/{webhook}"
ROUTES: tuple[Route, ...] = (
    Route(_PATH, COLLECT, _METHODS, any_protocol=True),
    Route(f"/rakam{_PATH}", COLLECT, _METHODS, any_protocol=True),
    *calls.ROUTES,
)
_FORBIDDEN: Final = 403
_BAD: Final = 400
_BROKEN: Final = 500
_TEXT: Final = "text/plain; charset=utf-8"
_KEYS: Final = frozenset(
    {"key-missing", "key-unknown", "key-wrong-type", "key-expired", "key-scoped"}
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the sender gets: a style of :class:`schemas.webhooks.Webhook`, or a text of its own."""

    style: str
    echo: str = ""


def read(request: Request) -> Claim:
    """Find the write key in the query, or the admin key.

    Raises:
        Refused: ``key-missing``.
    """
    if request.endpoint != COLLECT:
        return calls.read(request)
    key = request.query.get("write_key", [""])[0].strip()
    if not key:
        raise Refused("key-missing", "put ?write_key=... with a write key of the source behind it")
    return Claim("key", key)


def split(claim: Claim, request: Request, grant: Grant, edge: Edge) -> Batch:
    """Write the request down as it came, once its signature is right.

    Raises:
        Refused: ``key-scoped``, or what :class:`ingest.hooks.Hooks` raises.
    """
    if request.endpoint != COLLECT:
        return api.split(claim, request, grant, edge)
    if grant.key and grant.key.customer:
        message = "this key is one customer's; use one of the whole source for webhooks"
        raise Refused("key-scoped", message)
    if edge.hooks is None:
        raise hooked.unknown(request.path["webhook"])
    webhook = request.path["webhook"].strip().lower()
    address = _PATH.replace("{webhook}", request.path["webhook"])
    admitted = edge.hooks.admit(webhook, grant.source.id, request, address)
    answer = _Answer(admitted.answer, admitted.echo)
    if admitted.echo:
        return Batch((), answer=answer)
    ask = Ask("debug", "") if admitted.answer == "rakam" else None
    return Batch((admitted.draft,), admitted.shared, answer, ask)


def reply(batch: Batch, event_ids: tuple[str, ...], request: Request) -> Reply:
    """Say that the request is safe or, as Rakam does, what its script made of it."""
    if request.endpoint != COLLECT:
        return api.reply(batch, event_ids, request)
    answer: _Answer = batch.answer
    if answer.echo:
        sure = (("X-Content-Type-Options", "nosniff"),)
        return Reply(200, answer.echo.encode("utf-8", "replace"), _TEXT, sure)
    match answer.style:
        case "blank":
            return Reply(200, b"", _TEXT)
        case "empty":
            return Reply(204, b"", "")
        case "rakam":
            return _as_rakam(batch)
        case _:
            return Reply(200, codec.dumps({"accepted": len(event_ids)}))


def _as_rakam(batch: Batch) -> Reply:
    """Answer ``1`` for stored, and where nobody said in time, for safe it is; else ``0``."""
    if not batch.told:
        return Reply(200, b"1")
    told = batch.told[0]
    if told.errors and not told.saved:
        status = _BROKEN if told.code in CODES else _BAD
        return Reply(status, codec.dumps({"error": told.errors[0], "error_code": status}))
    return Reply(200, b"1" if told.saved else b"0")


def refuse(error: HeadraceError, request: Request) -> Reply:
    """Say no; a key that is missing or wrong is 403, as Rakam says it."""
    if request.endpoint != COLLECT:
        return calls.refuse(error, request)
    if error.code in _KEYS:
        error = Refused(error.code, error.message, status=_FORBIDDEN)
    return refuse_plainly(error, request)


def decode(raw: RawEvent) -> Event:
    """Refuse what no script understood: its webhook is gone, or not known here yet.

    Raises:
        Malformed: ``webhook-unknown``, always.
    """
    shared: Any = raw.batch if type(raw.batch) is dict else {}
    raise hooked.unknown(str(shared.get("webhook", "")))
