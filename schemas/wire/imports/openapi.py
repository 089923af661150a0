"""What the path of imports takes and answers, for ``/openapi.json``."""

from typing import Final

from schemas.openapi import (
    ANYTHING,
    BOOLEAN,
    OBJECT,
    STRING,
    WHOLE,
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
from schemas.wire.imports.body import AVRO, PARQUET, ZIP
from schemas.wire.imports.formats import FORMATS
from schemas.wire.imports.plan import CELLS, TARGETS

_KEY: Final = "importWriteKey"
_BINARY: Final = {"type": "string", "format": "binary"}
_TEXT: Final = """\
Rows of a file, a part of it per request, within the limits of the event source. For whole files \
there is `headrace import`, which goes on where it was interrupted, and for those that the server \
is to fetch `POST /api/tasks` with the template `files`.
"""
_SAID: Final = record(
    {"code": {**STRING, "description": "for programs"}, "message": STRING}, ("code", "message")
)
_REJECTED: Final = record(
    {
        "row": {**WHOLE, "description": "Its number in the body, from first."},
        "line": {**WHOLE, "description": "In a Parquet file or a member of a zip."},
        "file": {**STRING, "description": "The member of a zip."},
        "code": STRING,
        "message": STRING,
    },
    ("row", "code", "message"),
)
_COLUMN: Final = record({"name": STRING, "type": STRING, "example": STRING})
_COLLECTION: Final = record({"name": STRING, "events": WHOLE, "properties": array(_COLUMN)})
_SCHEMA: Final = record(
    {
        "columns": {**OBJECT, "description": "What a column is -> its name."},
        "collections": array(_COLLECTION),
    },
    text="Of a dry run: what the rows would become.",
)

DESCRIPTION: Final = Description(
    title="imports",
    text=_TEXT,
    operations={
        ("POST", "/api/sources/{source}/import"): operation(
            "rows",
            "Rows of a file",
            {
                "200": answer("The rows that are right are safe.", ref("ImportDone")),
                **refusals(ref("ImportError"), 400, 401, 403, 429),
            },
            parameters=(
                parameter("source", STRING, "Id of the event source.", place="path"),
                parameter(
                    "format",
                    {"type": "string", "enum": list(FORMATS)},
                    "Whose export it is; rows: a column is a property.",
                ),
                parameter("collection", STRING, "Event type of every row."),
                parameter("map", STRING, f"TARGET=COLUMN,...; there are {', '.join(TARGETS)}."),
                parameter("type", STRING, f"COLUMN=KIND,...; there are {', '.join(CELLS)}."),
                parameter("skip", STRING, "Columns that are left out."),
                parameter("file", STRING, "The same rows of it sent again are stored once."),
                parameter("dry_run", BOOLEAN, "Store nothing, and tell the schema."),
                parameter("first", STRING, "Number of the first row in that file, from 0."),
            ),
            takes=body(
                {
                    "application/x-ndjson": OBJECT,
                    "application/json": ANYTHING,
                    "text/csv": STRING,
                    "text/tab-separated-values": STRING,
                    AVRO: _BINARY,
                    PARQUET: _BINARY,
                    ZIP: {**_BINARY, "description": "Of any of these, and of gzip and zstd."},
                }
            ),
            security=_KEY,
        )
    },
    schemas={
        "ImportDone": record(
            {
                "accepted": WHOLE,
                "rejected": WHOLE,
                "rows": array(_REJECTED),
                "schema": _SCHEMA,
            },
            ("accepted", "rejected", "rows"),
        ),
        "ImportError": record({"error": _SAID}, ("error",)),
    },
    security={_KEY: {"type": "http", "scheme": "bearer"}},
)
