"""What ``/api/tasks`` takes and answers, for ``/openapi.json``."""

from typing import Final

from schemas.openapi import (
    BOOLEAN,
    PLAIN,
    STRING,
    WHOLE,
    Description,
    answer,
    array,
    body,
    nullable,
    operation,
    parameter,
    record,
    ref,
    refusals,
    text,
)
from schemas.reading import MAX_NAME, JsonObject
from schemas.tasks import (
    EVERY,
    MAX_CRON,
    MAX_DESCRIPTION,
    MAX_NETWORKS,
    MAX_SCRIPT,
    MAX_SECRETS,
    MISSED,
    NAME,
    SECRET_LENGTH,
    SLUG,
    TIMEOUT,
)
from schemas.wire.tasks.edge import LOG, ONE, RUN, STATE, STOP, TASKS, TEMPLATES, TEST
from schemas.wire.tasks.replies import STATUSES

_TEXT: Final = """\
Scripts that fetch from other services at their times and store events. The README of \
`deploy/tasks` says what a script can do.
"""
_ADMIN: Final = "headraceAdminKey"
_ERROR: Final = ref("HeadraceError")
_SOME: Final = r"^[^\x00-\x1f\x7f-\x9f]*[!-~][^\x00-\x1f\x7f-\x9f]*$"
"""Plain text, and not only blanks."""
_TIME: Final[JsonObject] = {"type": ["string", "null"], "format": "date-time"}
_TASK_ID: Final = parameter("task_id", STRING, place="path")
_ID: Final[JsonObject] = {"type": "string", "pattern": SLUG}
_NAMES: Final[JsonObject] = {"pattern": NAME}


def _one_of(*names: str) -> JsonObject:
    return {"oneOf": [{"required": [name]} for name in names]}


_FIELDS: Final[dict[str, JsonObject]] = {
    "source": {**_ID, "description": "Event source whose events its are."},
    "script": text(MAX_SCRIPT, minLength=1, description="JavaScript with a function run."),
    "template": text(MAX_NAME, pattern=_SOME, description="In place of a script."),
    "every": {
        "type": "integer",
        "minimum": EVERY.start,
        "maximum": EVERY.stop - 1,
        "description": "Seconds from one run to the next; without it and cron it runs once.",
    },
    "cron": text(MAX_CRON, pattern=_SOME, description="Five fields, in place of every."),
    "timezone": text(MAX_NAME, pattern=_SOME, description="Of cron, e.g. Europe/Berlin."),
    "missed": {
        "type": "string",
        "enum": list(MISSED),
        "description": "Runs whose time went by: left out, the last made up, or each.",
    },
    "enabled": BOOLEAN,
    "timeout": {
        "type": "integer",
        "minimum": TIMEOUT.start,
        "maximum": TIMEOUT.stop - 1,
        "description": "Seconds that a run may take.",
    },
    "description": text(MAX_DESCRIPTION, pattern=PLAIN),
    "parameters": {"type": "object", "description": "Given to the script."},
    "allow": array(
        text(MAX_NAME, pattern=PLAIN),
        maxItems=MAX_NETWORKS,
        description="Networks that are not public and may be reached, e.g. 10.1.0.0/16.",
    ),
}
_EXAMPLE: Final[JsonObject] = {
    "id": "rates",
    "source": "shop",
    "cron": "0 6 * * 1-5",
    "timezone": "Europe/Berlin",
    "enabled": False,
    "script": "function run() { emit({name: 'rate', properties: {usd: 1.08}}); }",
    "secrets": {"token": "hush"},
}
_SECRETS: Final[JsonObject] = {
    "type": "object",
    "maxProperties": MAX_SECRETS,
    "propertyNames": _NAMES,
    "additionalProperties": {
        "type": ["string", "null"],
        "minLength": SECRET_LENGTH.start,
        "maxLength": SECRET_LENGTH.stop - 1,
    },
    "description": "Sealed, and never shown; null takes one away.",
}
_RESULT: Final = record(
    {
        "scheduled_at": _TIME,
        "started_at": _TIME,
        "ended_at": _TIME,
        "outcome": {"type": "string", "enum": ["done", "failed"]},
        "events": WHOLE,
        "code": {**STRING, "description": "Of what it failed, for programs."},
        "message": STRING,
        "stack": STRING,
        "by_hand": BOOLEAN,
        "dry": BOOLEAN,
    },
    ("scheduled_at", "started_at", "ended_at", "outcome", "events"),
)
_IMPORT: Final = record(
    {
        "began": _TIME,
        "rows": {**WHOLE, "description": "That were stored so far."},
        "rejected": {**WHOLE, "description": "That are dead letters."},
        "file": {**STRING, "description": "Under way, or the last one."},
        "read": {**WHOLE, "description": "Bytes of it."},
        "size": {**WHOLE, "description": "Of it; 0 where nobody knows."},
    }
)
_SHOWN: Final = {
    **_FIELDS,
    **dict.fromkeys(("cron", "timezone", "template"), STRING),
    "every": WHOLE,
    "secrets": array(STRING, description="Their names."),
}
_SCHEMAS: Final[dict[str, JsonObject]] = {
    "TaskFields": record({**_FIELDS, "secrets": _SECRETS}, others=False),
    "TaskNew": {
        **record({"id": _ID, **_FIELDS, "secrets": _SECRETS}, ("id", "source"), others=False),
        **_one_of("script", "template"),
        "not": {"required": ["every", "cron"]},
        "examples": [_EXAMPLE],
    },
    "Task": record(
        {
            "id": _ID,
            **_SHOWN,
            "status": {"type": "string", "enum": list(STATUSES)},
            "next_at": _TIME,
            "running_since": _TIME,
            "worker": STRING,
            "failures": {**WHOLE, "description": "Runs in a row that came to nothing."},
            "state": {"type": "object"},
            "imports": array(_IMPORT, description="Of files, by files.import."),
            "last": nullable(ref("TaskResult")),
            "created_at": _TIME,
            "updated_at": _TIME,
        },
        ("id", "source", "script", "enabled", "status"),
    ),
    "TaskResult": _RESULT,
    "TaskLog": record(
        {
            "id": _ID,
            "runs": array(ref("TaskResult"), description="The latest first."),
            "log": array(STRING, description="Of the latest."),
            "tried": array({}, description="Events of the latest test."),
        },
        ("id", "runs", "log"),
    ),
    "TaskTemplate": record(
        {
            "name": STRING,
            "description": STRING,
            "parameters": array(
                record(
                    {
                        "name": STRING,
                        "description": STRING,
                        "required": BOOLEAN,
                        "secret": BOOLEAN,
                    }
                )
            ),
        },
        ("name", "description", "parameters"),
    ),
}
_ONE: Final = {"200": answer("The task as it is now.", ref("Task"))}
_SOON: Final = {"202": answer("A worker runs it now.", ref("Task"))}
_LINKS: Final[dict[str, JsonObject]] = {
    endpoint: {
        "operationId": f"task-{endpoint}",
        "parameters": {"task_id": "$response.body#/id"},
    }
    for endpoint in ("show", "change", "delete")
}


def _said(
    endpoint: str,
    summary: str,
    answers: dict[str, JsonObject],
    *statuses: int,
    takes: JsonObject | None = None,
    of_one: bool = True,
) -> JsonObject:
    return operation(
        endpoint,
        summary,
        {**answers, **refusals(_ERROR, 401, *statuses)},
        parameters=(_TASK_ID,) if of_one else (),
        takes=None if takes is None else body(takes),
        security=_ADMIN,
    )


DESCRIPTION: Final = Description(
    title="Scheduled tasks",
    text=_TEXT,
    operations={
        ("GET", TASKS): _said(
            "list",
            "All tasks",
            {"200": answer("By id.", record({"tasks": array(ref("Task"))}, ("tasks",)))},
            of_one=False,
        ),
        ("POST", TASKS): _said(
            "create",
            "Make a task",
            {"201": answer("The task.", ref("Task"), {"Location": {"schema": STRING}}, _LINKS)},
            400,
            409,
            takes=ref("TaskNew"),
            of_one=False,
        ),
        ("GET", ONE): _said("show", "One task, and how it goes", _ONE, 404),
        ("PATCH", ONE): _said(
            "change", "Change those fields that are named", _ONE, 400, 404, takes=ref("TaskFields")
        ),
        ("DELETE", ONE): _said(
            "delete", "Take it away; its events stay", {"204": answer("It is gone.")}, 404
        ),
        ("POST", RUN): _said("run", "Run it now, whether it is enabled or not", _SOON, 404),
        ("POST", STOP): _said(
            "stop",
            "End the run that is under way; what it stored stays",
            {"202": answer("It ends.", ref("Task"))},
            404,
            409,
        ),
        ("POST", TEST): _said(
            "test", "Run it now and store nothing; its log has the events", _SOON, 404
        ),
        ("GET", LOG): _said(
            "log", "Its last runs", {"200": answer("What is kept of them.", ref("TaskLog"))}, 404
        ),
        ("DELETE", STATE): _said(
            "forget-state", "Let it begin anew, as if it had never run", _ONE, 404, 409
        ),
        ("GET", TEMPLATES): _said(
            "templates",
            "Scripts that are ready to be used",
            {
                "200": answer(
                    "By name.", record({"templates": array(ref("TaskTemplate"))}, ("templates",))
                )
            },
            of_one=False,
        ),
    },
    schemas=_SCHEMAS,
)
