"""Scripts that are ready to be used: what they want to be told, and their text."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from schemas.task_commands import Parameter, Template
from schemas.tasks import Task, wrong

_FOLDER: Final = Path(__file__).with_name("templates")
_EVENT: Final = (
    Parameter("collection", "Name of the events.", required=True),
    Parameter("id", "Field with the id of a row; without one, the same row is the same event."),
    Parameter("time", "Field with the time of a row."),
    Parameter("user", "Field with the id of the user that a row is about."),
)
_DESCRIBED: Final[Mapping[str, tuple[str, tuple[Parameter, ...]]]] = {
    "csv": (
        "Rows of a CSV file over HTTP: those that were not there before.",
        (
            Parameter("url", "Address of the file.", required=True),
            *_EVENT,
            Parameter("delimiter", "Between cells; a comma unless given."),
            Parameter("numbers", "Fields whose text is a number, as a list."),
            Parameter("headers", "Headers of the request, as an object."),
            Parameter("token", "Sent as Authorization: Bearer.", secret=True),
        ),
    ),
    "files": (
        "Files over HTTP or in a bucket of any size, as `headrace import` reads them.",
        (
            Parameter("from", "Address, or a list: https://... or s3://bucket/key.", required=True),
            Parameter("format", "Whose export it is, e.g. mixpanel; a column is a property."),
            Parameter("as", "csv, tsv, json, ndjson, avro or parquet; seen by each unless given."),
            Parameter("collection", "Name of the events; a column's or the file's unless given."),
            Parameter("map", "What columns are, as an object: {time: 'ts', user: 'uid'}."),
            Parameter("type", "What cells of text are, as an object: {price: 'number'}."),
            Parameter("skip", "Columns that are left out, as a list."),
            Parameter("rate", "Most rows a second, as a number."),
            Parameter("region", "Of the bucket; us-east-1 unless given."),
            Parameter("endpoint", "Address of what speaks S3 and is not AWS."),
            Parameter("headers", "Headers of requests that are not S3's, as an object."),
            Parameter("token", "Sent as Authorization: Bearer, not to S3.", secret=True),
            Parameter("access_key_id", "Of the bucket.", secret=True),
            Parameter("secret_access_key", "Of the bucket.", secret=True),
            Parameter("session_token", "Of the bucket.", secret=True),
        ),
    ),
    "json-api": (
        "Items of a JSON API that pages by a cursor; goes on where the last run ended.",
        (
            Parameter("url", "Address of the first page.", required=True),
            Parameter("items", "Path to the list of items, e.g. data.orders; the whole without."),
            Parameter("next", "Path to the next cursor or address, e.g. paging.next_cursor."),
            Parameter("cursor", "Query parameter that takes the cursor; `cursor` unless given."),
            Parameter("cursor_field", "Field of an item that is the cursor, where next is none."),
            Parameter("query", "Further query parameters, as an object."),
            *_EVENT,
            Parameter("headers", "Headers of the requests, as an object."),
            Parameter("pages", "Most pages of one run; 100 unless given."),
            Parameter("token", "Sent as Authorization: Bearer.", secret=True),
        ),
    ),
}


@cache
def every() -> tuple[Template, ...]:
    """All templates, by name."""
    return tuple(
        Template(name, text, parameters, (_FOLDER / f"{name}.js").read_text())
        for name, (text, parameters) in sorted(_DESCRIBED.items())
    )


def find(name: str) -> Template:
    """Find a template; Malformed ``task-invalid`` when there is none."""
    for template in every():
        if template.name == name:
            return template
    known = ", ".join(_DESCRIBED)
    raise wrong("template", f"there is no template {name[:60]!r}; there are: {known}")


def check(template: Template, task: Task) -> None:
    """See that a template is told what it wants, and nothing that it does not know.

    Raises:
        Malformed: ``task-invalid``.
    """
    plain = {each.name: each for each in template.parameters if not each.secret}
    for name in task.parameters:
        if name not in plain:
            known = ", ".join(plain)
            message = f"{name[:60]} is no parameter of template {template.name}: {known}"
            raise wrong("parameters", message)
    for name, each in plain.items():
        if each.required and not task.parameters.get(name):
            raise wrong("parameters", f"template {template.name} needs {name}: {each.text}")
