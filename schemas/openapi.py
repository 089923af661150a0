"""OpenAPI 3.1 in a few words: what a vendor says of its own paths, as plain JSON values; pure.

A vendor's description stands beside its code, since its field names live nowhere else;
``ingest.openapi`` makes one document of all of them. A schema says what is taken and what is
refused, no more and no less: tests hold the edge to it with data made from it and against it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from schemas.reading import JsonObject

Endpoint = tuple[str, str]
"""HTTP method and path: as the route has it, without a slash behind."""

STRING: Final[JsonObject] = {"type": "string"}
BOOLEAN: Final[JsonObject] = {"type": "boolean"}
OBJECT: Final[JsonObject] = {"type": "object"}
ANYTHING: Final[JsonObject] = {}
WHOLE: Final[JsonObject] = {"type": "integer"}
JSON: Final = "application/json"

SOME: Final = r"[^\s\x1c-\x1f\x85]"
"""Pattern of a text in which there is more than blanks."""
PLAIN: Final = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""Pattern of a text without control characters."""
PROSE: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
"""The same with tabs and line ends."""

REASONS: Final[Mapping[int, str]] = {
    400: "The request is not what it must be.",
    401: "No credential, or none that is known, or the event source does not take this.",
    403: "The credential, the event source or its origins do not allow this.",
    404: "There is no such thing.",
    405: "Not a method of this path; `Allow` names those that are.",
    406: "The events are not valid.",
    408: "The body did not arrive in time.",
    409: "It is in the way of what is there already.",
    413: "More bytes or more events than one request may have.",
    414: "The query string is too long.",
    415: "No such `Content-Encoding` is known.",
    422: "The request is not what it must be.",
    429: "More requests per second than the event source may send.",
    500: "A fault of the server, named in its log.",
    503: "Nothing is wrong with the request: send it again later.",
    507: "There is no room to keep the events: send them again later.",
}
ALWAYS: Final = (405, 408, 413, 414, 415, 500, 503, 507)
"""What any path may answer, whatever it is for."""
_LATER: Final = frozenset({429, 503, 507})
_RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds to wait.", "schema": STRING}}


@dataclass(frozen=True, slots=True)
class Description:
    """What a vendor's paths take and answer.

    Attributes:
        title: of the protocol, for people; also the tag of its operations.
        text: Markdown.
        operations: for each method and path an OpenAPI operation object.
        schemas: name -> JSON Schema; a name begins with the vendor's.
        security: name -> OpenAPI security scheme, likewise.
    """

    title: str
    text: str
    operations: Mapping[Endpoint, JsonObject]
    schemas: Mapping[str, JsonObject] = field(default_factory=dict)
    security: Mapping[str, JsonObject] = field(default_factory=dict)


def ref(name: str) -> JsonObject:
    """Point to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def text(longest: int, **keywords: Any) -> JsonObject:
    """Describe a text of at most ``longest`` characters."""
    return {"type": "string", "maxLength": longest, **keywords}


def record(
    properties: Mapping[str, JsonObject],
    required: Sequence[str] = (),
    *,
    others: bool = True,
    text: str = "",
) -> JsonObject:
    """Describe a JSON object; ``others``: fields that are not named are taken, too."""
    made: JsonObject = {"type": "object", "properties": dict(properties)}
    if required:
        made["required"] = list(required)
    if not others:
        made["additionalProperties"] = False
    return {**made, "description": text} if text else made


def array(items: JsonObject, **keywords: Any) -> JsonObject:
    """Describe a JSON array."""
    return {"type": "array", "items": items, **keywords}


def nullable(schema: JsonObject) -> JsonObject:
    """Let null stand in for the value."""
    if type(schema.get("type")) is str and not schema.keys() & {"enum", "const"}:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def body(content: JsonObject | Mapping[str, JsonObject], *, required: bool = True) -> JsonObject:
    """Describe a request's body; ``content`` is one schema of JSON, or media type -> schema."""
    return {"required": required, "content": _content(content)}


def answer(
    text: str,
    content: JsonObject | Mapping[str, JsonObject] | None = None,
    headers: Mapping[str, JsonObject] | None = None,
    links: Mapping[str, JsonObject] | None = None,
) -> JsonObject:
    """Describe one answer; without ``content`` it has no body."""
    made: JsonObject = {"description": text}
    if headers:
        made["headers"] = dict(headers)
    if content is not None:
        made["content"] = _content(content)
    if links:
        made["links"] = dict(links)
    return made


def refusals(error: JsonObject, *statuses: int, of: Mapping[int, str] = REASONS) -> JsonObject:
    """Describe what an operation says no with, all in one shape: status -> answer."""
    return {
        str(status): answer(
            of.get(status) or REASONS[status], error, _RETRY_AFTER if status in _LATER else None
        )
        for status in sorted({*ALWAYS, *statuses})
    }


def operation(
    endpoint: str,
    summary: str,
    answers: Mapping[str, JsonObject],
    *,
    text: str = "",
    parameters: Iterable[JsonObject] = (),
    takes: JsonObject | None = None,
    security: str = "",
) -> JsonObject:
    """Describe an operation.

    Args:
        endpoint: unique in its vendor; becomes the operation's id behind the vendor's name.
        takes: see :func:`body`.
        security: name of the scheme that it insists on.
    """
    made: JsonObject = {"operationId": endpoint, "summary": summary}
    if text:
        made["description"] = text
    if listed := list(parameters):
        made["parameters"] = listed
    if takes is not None:
        made["requestBody"] = takes
    if security:
        made["security"] = [{security: []}]
    made["responses"] = dict(answers)
    return made


def parameter(
    name: str,
    schema: JsonObject,
    text: str = "",
    *,
    place: str = "query",
    required: bool = False,
) -> JsonObject:
    """Describe a parameter in the ``query``, a ``header``, a ``cookie`` or the ``path``."""
    made: JsonObject = {"name": name, "in": place, "required": required or place == "path"}
    if text:
        made["description"] = text
    return {**made, "schema": schema}


def _content(content: JsonObject | Mapping[str, JsonObject]) -> JsonObject:
    by_type = content if any("/" in name for name in content) else {JSON: content}
    return {name: {"schema": schema} for name, schema in by_type.items()}
