"""Requests under ``/api`` -> commands.

Whoever shows no admin key is told so before anything else, hence ``read`` looks at nothing but
the credential and leaves the body to ``command``.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from schemas.catalog import Collection, extended
from schemas.commands import (
    AddKey,
    ChangeSource,
    Command,
    CreateSource,
    DeclareSchema,
    DeleteSource,
    ListSources,
    RevokeKey,
    RotateKey,
    ShowSchema,
    ShowSource,
    ShowValidations,
    StopValidating,
    Validate,
)
from schemas.errors import Malformed
from schemas.reading import MAX_ID, JsonObject, as_object, as_whole, bound, parse_object, required
from schemas.source_fields import as_plain, refuse_others
from schemas.sources import KEY_TYPES, KeyType
from schemas.validations import Validation, checked_name, weighed
from schemas.vendor import Claim, Grant, Request, Route
from schemas.wire.manage import linking, people

NAME = "headrace"

MAX_BODY_BYTES: Final = 1 << 20
MAX_OVERLAP_SECONDS: Final = 366 * 86_400
MAX_TIME_MS: Final = 253_402_300_799_999
"""The end of the year 9999."""

_ONE: Final = "/api/sources/{source_id}"
_KEY_FIELDS: Final = ("type", "customer", "name", "expires_at")
_ROTATION_FIELDS: Final = ("type", "customer", "overlap")
_SCHEMA_FIELDS: Final = ("collection", "properties")
_VALIDATION_FIELDS: Final = ("event_type", "name", "schema")
_BODY: Final = ("body",)


def _route(path: str, endpoint: str, *methods: str) -> Route:
    return Route(path, endpoint, methods, max_bytes=MAX_BODY_BYTES, purpose="call")


ROUTES: tuple[Route, ...] = (
    _route("/api/sources", "sources", "GET", "POST"),
    _route(_ONE, "source", "GET", "PATCH", "DELETE"),
    _route(f"{_ONE}/schema", "schema", "GET", "POST"),
    _route(f"{_ONE}/validations", "validations", "GET", "POST"),
    _route(f"{_ONE}/validations/{{name}}", "validation", "DELETE"),
    _route(f"{_ONE}/links", "links", "POST"),
    _route(f"{_ONE}/keys", "keys", "POST"),
    # No key's id is "rotate", so whichever of these two is looked at first, this one is meant.
    _route(f"{_ONE}/keys/rotate", "rotation", "POST"),
    _route(f"{_ONE}/keys/{{key_id}}", "key", "DELETE"),
    *people.ROUTES,
)


def read(request: Request) -> Claim:
    """Find the admin key (RFC 6750, section 2.1); the edge refuses an empty one."""
    return Claim("admin", request.bearer)


def command(claim: Claim, request: Request, grant: Grant | None) -> Command:  # noqa: ARG001
    """Say what is to be done.

    Raises:
        Malformed: missing, json-invalid, dict-type, json-too-deep, too-many-keys,
            source-invalid, key-invalid, collection-invalid, validation-invalid,
            schema-invalid or link-invalid; each names the field.
    """
    return _COMMANDS[request.endpoint, request.method](request)


def _create(request: Request) -> CreateSource:
    fields = dict(_body(request))
    write_key = fields.pop("write_key", "")
    if "keys" in fields:
        raise Malformed(
            "source-invalid",
            "keys are drawn by headrace; write_key adopts one that trackers carry already",
            where=("keys",),
        )
    return CreateSource(fields, write_key=as_plain(write_key, "write_key", MAX_ID))


def _add_key(request: Request) -> AddKey:
    fields = _body(request)
    refuse_others(fields, _KEY_FIELDS, "a key", "key-invalid")
    return AddKey(
        _source(request),
        _key_type(required(fields, "type", _BODY)),
        customer=_text(fields, "customer"),
        name=_text(fields, "name"),
        expires_at=_number(fields, "expires_at", MAX_TIME_MS, "Unix ms"),
    )


def _rotate_key(request: Request) -> RotateKey:
    fields = _body(request)
    refuse_others(fields, _ROTATION_FIELDS, "a rotation", "key-invalid")
    return RotateKey(
        _source(request),
        _key_type(fields.get("type", "write")),
        overlap=_number(fields, "overlap", MAX_OVERLAP_SECONDS, "seconds"),
        customer=_text(fields, "customer"),
    )


def _declare(request: Request) -> DeclareSchema:
    source_id = _source(request)
    fields = _body(request)
    refuse_others(fields, _SCHEMA_FIELDS, "a declaration", "collection-invalid")
    name = required(fields, "collection", _BODY)
    collection = as_plain(name, "collection", code="collection-invalid")
    properties = as_object(fields.get("properties", {}), (*_BODY, "properties"))
    extended(Collection(source_id, collection), properties)
    return DeclareSchema(source_id, collection, properties)


def _validate(request: Request) -> Validate:
    source_id = _source(request)
    fields = _body(request)
    refuse_others(fields, _VALIDATION_FIELDS, "a validation", "validation-invalid")
    given = required(fields, "event_type", _BODY)
    event_type = as_plain(given, "event_type", code="collection-invalid")
    extended(Collection(source_id, event_type), {})
    name = checked_name(required(fields, "name", _BODY))
    schema = required(fields, "schema", _BODY)
    weighed(schema)
    return Validate(source_id, Validation(event_type, name, schema))


_COMMANDS: Final[Mapping[tuple[str, str], Callable[[Request], Command]]] = {
    ("sources", "GET"): lambda _: ListSources(),
    ("sources", "POST"): _create,
    ("source", "GET"): lambda request: ShowSource(_source(request)),
    ("source", "PATCH"): lambda request: ChangeSource(_source(request), _body(request)),
    ("source", "DELETE"): lambda request: DeleteSource(_source(request)),
    ("keys", "POST"): _add_key,
    ("rotation", "POST"): _rotate_key,
    ("key", "DELETE"): lambda request: RevokeKey(_source(request), request.path["key_id"]),
    ("schema", "GET"): lambda request: ShowSchema(_source(request)),
    ("schema", "POST"): _declare,
    ("links", "POST"): lambda request: linking.command(_source(request), _body(request)),
    ("validations", "GET"): lambda request: ShowValidations(_source(request)),
    ("validations", "POST"): _validate,
    ("validation", "DELETE"): lambda request: StopValidating(
        _source(request), request.path["name"]
    ),
    ("profile", "GET"): people.command,
    ("profile", "DELETE"): people.command,
    ("erasures", "GET"): people.command,
}


def _source(request: Request) -> str:
    return request.path["source_id"]


def _body(request: Request) -> JsonObject:
    body = parse_object(request.body)
    bound(body)
    return body


def _key_type(value: Any) -> KeyType:
    if type(value) is not str or value not in KEY_TYPES:
        types = ", ".join(KEY_TYPES)
        raise Malformed("key-invalid", f"type must be one of {types}", where=("type",))
    return cast("KeyType", value)


def _text(fields: Mapping[str, Any], name: str) -> str:
    return as_plain(fields.get(name, ""), name, MAX_ID, "key-invalid")


def _number(fields: Mapping[str, Any], name: str, most: int, unit: str) -> int:
    value = as_whole(fields.get(name, 0))
    if type(value) is not int or not 0 <= value <= most:
        raise Malformed(
            "key-invalid", f"{name} must be a whole number of {unit}, 0 to {most}", where=(name,)
        )
    return value
