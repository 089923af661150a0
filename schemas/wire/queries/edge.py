"""Requests under ``/api/query`` -> named queries; a query key's source is the only one asked.

There is no SQL here: a text of a client's is a value and nothing else, whatever it says.
"""

from typing import Any, Final

from schemas import codec
from schemas.commands import Command, ListQueries, RunQuery
from schemas.errors import Malformed, Refused
from schemas.named import NAMED, Named
from schemas.named_reading import from_texts
from schemas.named_reading import read as read_query
from schemas.reading import JsonObject, bound, parse_object
from schemas.vendor import Claim, Grant, Reply, Request, Route

NAME: Final = "queries"

MAX_BODY_BYTES: Final = 16 << 10
"""Values travel to the store in the head of a request."""


def _route(path: str, endpoint: str, *methods: str) -> Route:
    return Route(
        path, endpoint, methods, max_bytes=MAX_BODY_BYTES, purpose="call", any_protocol=True
    )


ROUTES: tuple[Route, ...] = (
    _route("/api/query", "list", "GET"),
    *(_route(f"/api/query/{name}", name, "GET", "POST") for name in NAMED),
)


def read(request: Request) -> Claim:
    """Find the query key (RFC 6750, section 2.1); nothing else is looked at before it is known."""
    return Claim("key", request.bearer, needs="query")


def command(claim: Claim, request: Request, grant: Grant | None) -> Command:  # noqa: ARG001
    """Say what is asked.

    Raises:
        Malformed: missing, json-invalid, dict-type, json-too-deep, too-many-keys, query-unknown,
            or parameter-invalid, which names the parameter.
        Refused: ``key-missing``.
    """
    if request.endpoint == "list":
        return ListQueries()
    if grant is None:
        raise Refused("key-missing", "send a query key")
    asked = read_query(request.endpoint, _given(request), request.received_at)
    return RunQuery(grant.source.id, asked, grant.key.customer if grant.key else "")


def answer(result: Any, claim: Claim, request: Request) -> Reply:  # noqa: ARG001
    """Word the rows, or the list of queries."""
    if request.endpoint == "list":
        return Reply(200, codec.dumps({"queries": [described(named) for named in result]}))
    return Reply(200, codec.dumps({"query": request.endpoint, "rows": result}))


def described(named: Named) -> JsonObject:
    """Say what a named query takes and answers."""
    return {
        "name": named.name,
        "description": named.text,
        "parameters": [
            {
                "name": each.name,
                "kind": each.kind,
                "description": each.text,
                "required": each.default is None,
                "default": list(each.default) if isinstance(each.default, tuple) else each.default,
                "choices": list(each.choices),
            }
            for each in named.parameters
        ],
        "columns": dict(named.columns),
    }


def _given(request: Request) -> JsonObject:
    if request.method != "POST":
        return from_texts(request.endpoint, request.query)
    if request.query:
        raise Malformed(
            "parameter-invalid",
            "send the parameters in the body, or ask with GET",
            where=("query",),
        )
    body = parse_object(request.body)
    bound(body)
    return body
