"""What ``/api/query`` takes and answers, for ``/openapi.json``."""

from typing import Final, get_args

from schemas.named import NAMED, Named, Parameter
from schemas.openapi import (
    ANYTHING,
    STRING,
    Description,
    Endpoint,
    answer,
    array,
    body,
    operation,
    parameter,
    record,
    ref,
    refusals,
    text,
)
from schemas.query import Operator
from schemas.reading import MAX_ID, MAX_NAME, JsonObject

_TEXT: Final = """\
Questions that people ask often, by name, about the event source of the query key that is sent as \
`Authorization: Bearer`. With GET a parameter that takes several values is repeated; with POST the \
parameters are a JSON object. `GET /api/query` lists the queries with what each takes and answers.
"""
_KEY: Final = "headraceQueryKey"
_ERROR: Final = ref("QueryError")
_ROWS: Final = {
    "200": answer(
        "The answer: columns as the list of queries says, times ISO 8601 in UTC.",
        record({"query": STRING, "rows": array({"type": "object"})}, ("query", "rows")),
    )
}
_LIST: Final = {
    "200": answer("All of them.", record({"queries": array(ref("QueryDescription"))}, ("queries",)))
}


_SCALAR: Final[JsonObject] = {
    "anyOf": [text(MAX_ID), {"type": ["number", "boolean", "null"]}],
}
_CONDITION: Final = record(
    {
        "field": text(MAX_NAME, minLength=1),
        "operator": {"type": "string", "enum": list(get_args(Operator))},
        "values": array(_SCALAR, maxItems=MAX_NAME),
    },
    ("field", "operator"),
    others=False,
    text="No value for exists and absent, several for in and not-in, one for the others.",
)


def _schema(each: Parameter, *, in_query: bool) -> JsonObject:
    """Describe a parameter; in a query string every value is a text to begin with."""
    match each.kind:
        case "whole":
            return {"type": "integer", "minimum": each.least, "maximum": each.most}
        case "choice":
            return {"type": "string", "enum": list(each.choices)}
        case "moment":
            return STRING if in_query else {"type": ["string", "number"]}
        case "span":
            return STRING
    longest = MAX_NAME if each.kind == "fields" else MAX_ID
    item = text(longest, minLength=1)
    if each.kind == "filters":
        item = STRING if in_query else {"anyOf": [STRING, ref("QueryCondition")]}
    return array(
        item, minItems=each.least, maxItems=each.most, uniqueItems=each.name in {"steps", "group"}
    )


def _operations(named: Named) -> dict[Endpoint, JsonObject]:
    path = f"/api/query/{named.name}"
    answers = {**_ROWS, **refusals(_ERROR, 400, 401, 403, 429)}
    columns = "".join(f"- `{name}`: {what}\n" for name, what in named.columns.items())
    asked = [
        parameter(
            each.name,
            _schema(each, in_query=True),
            each.text,
            required=each.default is None,
        )
        for each in named.parameters
    ]
    sent = record(
        {
            each.name: {"description": each.text, **_schema(each, in_query=False)}
            for each in named.parameters
        },
        tuple(each.name for each in named.parameters if each.default is None),
        others=False,
    )
    said = f"Columns:\n\n{columns}"
    return {
        ("GET", path): operation(
            f"get-{named.name}", named.text, answers, text=said, parameters=asked, security=_KEY
        ),
        ("POST", path): operation(
            f"post-{named.name}", named.text, answers, text=said, takes=body(sent), security=_KEY
        ),
    }


DESCRIPTION: Final = Description(
    title="Queries",
    text=_TEXT,
    operations={
        ("GET", "/api/query"): operation(
            "list",
            "The named queries",
            {**_LIST, **refusals(_ERROR, 401, 403, 429)},
            security=_KEY,
        ),
        **{key: said for named in NAMED.values() for key, said in _operations(named).items()},
    },
    schemas={
        "QueryError": record(
            {"error": record({"code": STRING, "message": STRING}, ("code", "message"))}, ("error",)
        ),
        "QueryCondition": _CONDITION,
        "QueryDescription": record(
            {
                "name": STRING,
                "description": STRING,
                "parameters": array(
                    record({"name": STRING, "kind": STRING, "default": ANYTHING}, ("name", "kind"))
                ),
                "columns": {"type": "object", "additionalProperties": STRING},
            },
            ("name", "description", "parameters", "columns"),
        ),
    },
    security={_KEY: {"type": "http", "scheme": "bearer"}},
)
