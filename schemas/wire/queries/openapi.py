"""What ``/api/query`` takes and answers, for ``/openapi.json``."""

from typing import Final

from schemas.named import NAMED, Named
from schemas.openapi import (
    ANYTHING,
    STRING,
    Description,
    answer,
    array,
    body,
    operation,
    parameter,
    record,
    ref,
    refusals,
)
from schemas.reading import JsonObject

_TEXT: Final = """\
Questions that people ask often, by name, about the event source of the query key that is sent as \
`Authorization: Bearer`. With GET a parameter that takes several values is repeated; with POST the \
parameters are a JSON object. `GET /api/query` lists the queries with what each takes and answers.
"""
_KEY: Final = "headraceQueryKey"
_NAME: Final = parameter(
    "name", {"type": "string", "enum": list(NAMED)}, "of the query", place="path"
)
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


def _sentence(named: Named) -> str:
    names = ", ".join(f"`{each.name}`" for each in named.parameters)
    return f"- `{named.name}`: {named.text} Takes {names}."


def _asked(endpoint: str, takes: JsonObject | None) -> JsonObject:
    return operation(
        endpoint,
        "Ask a named query",
        {**_ROWS, **refusals(_ERROR, 400, 401, 403, 404, 429)},
        text="\n".join(_sentence(named) for named in NAMED.values()),
        parameters=(_NAME,),
        takes=takes,
        security=_KEY,
    )


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
        ("GET", "/api/query/{name}"): _asked("ask", None),
        ("POST", "/api/query/{name}"): _asked("ask-with-body", body({"type": "object"})),
    },
    schemas={
        "QueryError": record(
            {"error": record({"code": STRING, "message": STRING}, ("code", "message"))}, ("error",)
        ),
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
