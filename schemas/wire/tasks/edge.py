"""Requests under ``/api/tasks`` -> commands; whoever shows no admin key is told so first."""

from collections.abc import Callable, Mapping
from typing import Final

from schemas.commands import Command
from schemas.reading import JsonObject, bound, parse_object
from schemas.task_commands import (
    ChangeTask,
    CreateTask,
    DeleteTask,
    ForgetState,
    ListTasks,
    ListTemplates,
    RunTask,
    ShowTask,
    StopRun,
)
from schemas.vendor import Claim, Grant, Request, Route

MAX_BODY_BYTES: Final = 1 << 20

TASKS: Final = "/api/tasks"
ONE: Final = f"{TASKS}/{{task_id}}"
RUN: Final = f"{ONE}/run"
STOP: Final = f"{ONE}/stop"
TEST: Final = f"{ONE}/test"
LOG: Final = f"{ONE}/log"
STATE: Final = f"{ONE}/state"
TEMPLATES: Final = "/api/task-templates"


def _route(path: str, endpoint: str, *methods: str) -> Route:
    return Route(path, endpoint, methods, max_bytes=MAX_BODY_BYTES, purpose="call")


ROUTES: tuple[Route, ...] = (
    _route(TASKS, "tasks", "GET", "POST"),
    _route(ONE, "task", "GET", "PATCH", "DELETE"),
    _route(RUN, "run", "POST"),
    _route(STOP, "stop", "POST"),
    _route(TEST, "test", "POST"),
    _route(LOG, "log", "GET"),
    _route(STATE, "state", "DELETE"),
    _route(TEMPLATES, "templates", "GET"),
)


def read(request: Request) -> Claim:
    """Find the admin key (RFC 6750, section 2.1); the edge refuses an empty one."""
    return Claim("admin", request.bearer)


def command(claim: Claim, request: Request, grant: Grant | None) -> Command:  # noqa: ARG001
    """Say what is to be done.

    Raises:
        Malformed: missing, json-invalid, dict-type, json-too-deep, too-many-keys; what is wrong
            with a field is said when the command is done.
    """
    return _COMMANDS[request.endpoint, request.method](request)


_COMMANDS: Final[Mapping[tuple[str, str], Callable[[Request], Command]]] = {
    ("tasks", "GET"): lambda _: ListTasks(),
    ("tasks", "POST"): lambda request: CreateTask(_body(request)),
    ("task", "GET"): lambda request: ShowTask(_task(request)),
    ("task", "PATCH"): lambda request: ChangeTask(_task(request), _body(request)),
    ("task", "DELETE"): lambda request: DeleteTask(_task(request)),
    ("run", "POST"): lambda request: RunTask(_task(request)),
    ("stop", "POST"): lambda request: StopRun(_task(request)),
    ("test", "POST"): lambda request: RunTask(_task(request), dry=True),
    ("log", "GET"): lambda request: ShowTask(_task(request)),
    ("state", "DELETE"): lambda request: ForgetState(_task(request)),
    ("templates", "GET"): lambda _: ListTemplates(),
}


def _task(request: Request) -> str:
    return request.path["task_id"]


def _body(request: Request) -> JsonObject:
    body = parse_object(request.body)
    bound(body)
    return body
