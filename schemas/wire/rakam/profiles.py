"""``/user/get``, ``search`` and ``metadata``: users, read from where they are stored."""

from collections.abc import Iterable
from typing import Any, Final

from schemas import codec
from schemas.commands import Profile, SelectProfiles
from schemas.errors import Malformed
from schemas.reading import MAX_NAME, JsonObject, as_whole, bound, parse_object
from schemas.types import JSON, infer, widens
from schemas.vendor import Claim, Grant, Reply, Request
from schemas.wire.rakam import credentials
from schemas.wire.rakam.element import user_of

ENDPOINTS: Final = frozenset({"user_get", "user_search", "user_metadata"})
USUAL_ROWS: Final = 100
MAX_ROWS: Final = 5_000
MAX_COLUMNS: Final = 2_000
LOOKED_AT: Final = 1_000
"""Users whose properties are named by ``/user/metadata``: those seen last."""
_ID: Final = "id"
_DEEPEST: Final = (1 << 31) - 1


def read(request: Request) -> Claim:
    """Find the key that may read.

    Raises:
        Malformed: missing, json-invalid, dict-type, json-too-deep or too-many-keys.
        Refused: ``key-missing``.
    """
    if request.endpoint == "user_metadata":
        return credentials.claim(request, {}, "query")
    body = parse_object(request.body)
    bound(body)
    _, key = credentials.of_body(request, body)
    return Claim("key", key, body, needs="query")


def command(claim: Claim, request: Request, grant: Grant) -> SelectProfiles:
    """Say which users are asked for.

    Raises:
        Malformed: missing, property-invalid, filter-unspoken or key-scoped.
    """
    credentials.refuse_scoped(grant.key.customer if grant.key else "")
    body: JsonObject = claim.payload
    if request.endpoint == "user_get":
        return SelectProfiles(grant.source.id, user=user_of(body), limit=1)
    if request.endpoint == "user_metadata":
        return SelectProfiles(grant.source.id, limit=LOOKED_AT)
    for name, nothing in (("filter", ""), ("event_filters", [])):
        if body.get(name) is not None and body[name] != nothing:
            raise Malformed(
                "filter-unspoken",
                f"{name} is not spoken here: leave it out, or ask headrace.profiles in SQL",
                where=("body", name),
            )
    _columns(body)
    order, descending = _sorting(body.get("sorting"))
    limit = min(_number(body, "limit", USUAL_ROWS, 1), MAX_ROWS)
    offset = min(_number(body, "offset", 0, 0), _DEEPEST)
    return SelectProfiles(
        grant.source.id, order=order, descending=descending, limit=limit, offset=offset
    )


def answer(found: list[Profile], claim: Claim, request: Request) -> Reply:
    """Word what was found.

    Raises:
        Malformed: ``user-unknown``.
    """
    if request.endpoint == "user_metadata":
        return _reply({"columns": _schema(found), "identifierColumn": _ID})
    if request.endpoint == "user_get":
        if not found:
            raise Malformed("user-unknown", "User does not exist.", where=("body", "user"))
        return _reply({"id": user_of(claim.payload), "properties": found[0].traits})
    types = {each["name"]: each["type"] for each in _schema(found)}
    wanted = _columns(claim.payload)
    names = [name for name in wanted if name != _ID] if wanted else sorted(types)
    metadata = [{"name": _ID, "type": "STRING"}]
    metadata += [{"name": name, "type": types.get(name, "STRING")} for name in names]
    result = [[user.user_ids[0], *map(user.traits.get, names)] for user in found]
    said = {"metadata": metadata, "result": result, "error": None, "properties": {}}
    return _reply({**said, "failed": False})


def _reply(value: JsonObject) -> Reply:
    return Reply(200, codec.dumps(value))


def _schema(found: Iterable[Profile]) -> list[JsonObject]:
    """List traits and the type that holds what all of the users have."""
    types: dict[str, str] = {}
    for profile in found:
        for name, value in profile.traits.items():
            kind = infer(value)
            if kind is None:
                continue
            known = types.get(name, kind)
            if known != kind and not widens(kind, known):
                known = kind if widens(known, kind) else JSON
            types[name] = known
    named = sorted(types.items())[:MAX_COLUMNS]
    return [
        {"name": name, "type": kind.upper().replace("<", "_").replace(">", "")}
        for name, kind in named
    ]


def _columns(body: JsonObject) -> list[str]:
    given = body.get("columns")
    if given is None:
        return []
    if isinstance(given, list) and len(given) <= MAX_COLUMNS and all(map(_is_name, given)):
        return list(dict.fromkeys(given))
    raise _invalid("columns", f"at most {MAX_COLUMNS} names")


def _sorting(given: Any) -> tuple[str, bool]:
    if given is None:
        return "", False
    if isinstance(given, dict) and _is_name(given.get("column")):
        order = given.get("order", "asc")
        if isinstance(order, str) and order.lower() in {"asc", "desc"}:
            return given["column"], order.lower() == "desc"
    raise _invalid("sorting", '{"column": name, "order": "asc" or "desc"}')


def _number(body: JsonObject, name: str, usual: int, least: int) -> int:
    given = body.get(name)
    if isinstance(given, str) and given.isdecimal() and len(given) < 10:  # noqa: PLR2004
        given = int(given)
    given = as_whole(given)
    if given is None:
        return usual
    if type(given) is not int or given < least:
        raise _invalid(name, f"a whole number from {least} on")
    return given


def _is_name(given: Any) -> bool:
    return isinstance(given, str) and 0 < len(given) <= MAX_NAME


def _invalid(name: str, wanted: str) -> Malformed:
    return Malformed("property-invalid", f"{name} must be {wanted}", where=("body", name))
