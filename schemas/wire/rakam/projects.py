"""The calls under ``/project``: a Rakam project is an event source."""

import re
from collections.abc import Callable
from typing import Any, Final

from schemas import codec
from schemas.catalog import Collection
from schemas.commands import (
    AddKey,
    Command,
    CreateSource,
    DeclareSchema,
    DeleteSource,
    Issued,
    ListSources,
    RevokeKey,
    ShowSchema,
)
from schemas.errors import Malformed, Refused
from schemas.reading import JsonObject, bound, parse_object, required
from schemas.sources import Source, hash_key
from schemas.types import is_type
from schemas.vendor import Claim, Grant, Reply, Request
from schemas.wire.rakam import credentials
from schemas.wire.rakam.element import collection_of
from schemas.wire.rakam.names import column

_ODD: Final = re.compile(r"[^a-z0-9_-]+")
_LONGEST_ID: Final = 63
_MAX_CHECKED: Final = 100
_BODY: Final = ("body",)
_SUCCESS: Final[JsonObject] = {"success": True}
_KEY_TYPES: Final = {"master_key": "master", "write_key": "write", "read_key": "query"}
_READS: Final = frozenset({"project_schema", "project_collection"})


def read(request: Request) -> Claim:
    """Find what lets the call in; what it says is read once that is known.

    Raises:
        Malformed: json-invalid, dict-type, json-too-deep or too-many-keys.
        Refused: ``key-missing``.
    """
    body: JsonObject = parse_object(request.body) if request.body.strip() else {}
    bound(body)
    if request.endpoint in {"project_create", "project_list"}:
        lock = body.get("lock_key", credentials.one_value(request, "lock_key"))
        return Claim("admin", lock.strip() if type(lock) is str else "", body)
    if request.endpoint == "project_check_keys":
        return Claim("nothing", "", body)
    needs: Any = "query" if request.endpoint in _READS else "master"
    given = body.get("master_key")
    if type(given) is str and given.strip():
        return Claim("key", given.strip(), body, needs)
    return credentials.claim(request, body, needs)


def command(claim: Claim, request: Request, grant: Grant | None) -> Command:
    """Say what is to be done.

    Raises:
        Malformed: missing, name-invalid, property-invalid or collection-invalid.
        Refused: ``project-mismatch``.
    """
    body: JsonObject = claim.payload
    if request.endpoint == "project_create":
        name = required(body, "name", _BODY)
        return CreateSource({"id": slug(name), "name": name}, keys=("master", "write"))
    if grant is None:
        _checked(request.endpoint, body)
        return ListSources()
    credentials.refuse_scoped(grant.key.customer if grant.key else "")
    return _of_source(grant.source.id, claim, request)


def answer(result: Any, claim: Claim, request: Request) -> Reply:
    """Word what was done."""
    return Reply(200, codec.dumps(_ANSWERS[request.endpoint](result, claim)))


def slug(name: Any) -> str:
    """Make a project's name an event source's id: ``My Shop`` -> ``my_shop``.

    Raises:
        Malformed: ``name-invalid`` when nothing is left.
    """
    plain = _ODD.sub("_", name.strip().lower()) if type(name) is str else ""
    found = plain.lstrip("_-")[:_LONGEST_ID]
    if not found:
        raise Malformed(
            "name-invalid",
            "Project id is not valid: give it a name of letters, digits, '-' and '_'",
            where=(*_BODY, "name"),
        )
    return found


def _of_source(source_id: str, claim: Claim, request: Request) -> Command:
    body: JsonObject = claim.payload
    if request.endpoint in _READS:
        return ShowSchema(source_id)
    if request.endpoint == "project_schema_add":
        return DeclareSchema(source_id, collection_of(body), _declared(body))
    if request.endpoint == "project_create_keys":
        return AddKey(source_id, "write")
    if request.endpoint == "project_delete":
        return DeleteSource(source_id)
    if "project" in body and slug(body["project"]) != source_id:
        raise Refused("project-mismatch", "this master key is another project's")
    return RevokeKey(source_id, claim.credential)


def _declared(body: JsonObject) -> dict[str, str]:
    fields = required(body, "fields", _BODY)
    if type(fields) is not list:
        raise _refused("fields must be a JSON array")
    found: dict[str, str] = {}
    for field in fields:
        name = field.get("name") if type(field) is dict else None
        given = field.get("type") if type(field) is dict else None
        if type(name) is not str or type(given) is not str:
            raise _refused("a field is an object with name and type")
        inner, outer = given.lower(), ""
        if inner.startswith(("array_", "map_")):
            outer, _, inner = inner.partition("_")
        kind = f"{outer}<{inner}>" if outer else inner
        if not is_type(kind):
            raise _refused(f"{given[:80]} is no type of a field")
        found[column(name)] = kind
    return found


def _checked(endpoint: str, body: JsonObject) -> None:
    if endpoint != "project_check_keys":
        return
    keys = required(body, "keys", _BODY)
    if type(keys) is not list or len(keys) > _MAX_CHECKED:
        raise _refused(f"keys must be a JSON array of at most {_MAX_CHECKED}")
    if type(required(body, "project", _BODY)) is not str:
        raise _refused("project must be a string")


def _created(issued: Issued, claim: Claim) -> JsonObject:
    """The keys that were drawn; beside a new write key the master key that asked for it."""
    found: JsonObject = {"master_key": claim.credential} if claim.by == "key" else {}
    names = {kind: name for name, kind in _KEY_TYPES.items()}
    for key in issued.source.keys:
        if key.id in issued.clear:
            found[names.get(key.type, key.type)] = issued.clear[key.id]
    return found


def _check_keys(sources: tuple[Source, ...], claim: Claim) -> list[bool]:
    """Whether each set of keys is the project's, key by key; a set without any is nobody's."""
    project = claim.payload["project"].strip().lower()
    named = [source for source in sources if project in {source.id, source.name.strip().lower()}]
    known = {(key.type, key.hash) for source in named for key in source.keys}
    return [_fits(keys, known) for keys in claim.payload["keys"]]


def _fits(keys: Any, known: set[tuple[Any, str]]) -> bool:
    """Look hashes up, so that time tells nothing about a key that nearly fits."""
    given = [
        (kind, keys.get(name))
        for name, kind in _KEY_TYPES.items()
        if type(keys) is dict and keys.get(name) is not None
    ]
    return bool(given) and all(
        type(key) is str and (kind, hash_key(key.strip())) in known for kind, key in given
    )


def _fields(collection: Collection) -> list[JsonObject]:
    return [
        {"name": name, "type": kind.upper().replace("<", "_").replace(">", "")}
        for name, kind in collection.properties.items()
    ]


def _schema(collections: tuple[Collection, ...], claim: Claim) -> list[JsonObject]:
    names = claim.payload.get("names")
    return [
        {"name": each.name, "fields": _fields(each)}
        for each in collections
        if type(names) is not list or each.name in names
    ]


def _refused(message: str) -> Malformed:
    return Malformed("property-invalid", message, where=_BODY)


_ANSWERS: Final[dict[str, Callable[[Any, Claim], Any]]] = {
    "project_create": _created,
    "project_list": lambda sources, _: [source.id for source in sources],
    "project_schema": _schema,
    "project_schema_add": lambda collection, _: _fields(collection),
    "project_collection": lambda collections, _: [each.name for each in collections],
    "project_create_keys": _created,
    "project_check_keys": _check_keys,
    "project_revoke_keys": lambda *_: _SUCCESS,
    "project_delete": lambda *_: _SUCCESS,
}
