"""What ``/api/tasks`` answers, and what ``headrace tasks`` prints."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from schemas import codec
from schemas.events import iso
from schemas.reading import JsonObject, inside
from schemas.task_commands import Kept, Template
from schemas.task_runs import Result, Runs
from schemas.tasks import Task
from schemas.vendor import Claim, Reply, Request

_TASK_TIMES: Final = ("created_at", "updated_at")
_RESULT_TIMES: Final = ("scheduled_at", "started_at", "ended_at")

STATUSES: Final = ("running", "asked", "disabled", "failing", "done", "waiting")
"""What :func:`status` says."""


def answer(result: Any, claim: Claim, request: Request) -> Reply:  # noqa: ARG001
    """Word the result of a command."""
    if result is None:
        return Reply(204, b"", content_type="")
    if request.endpoint == "templates":
        return Reply(200, codec.dumps({"templates": [of_template(each) for each in result]}))
    if type(result) is tuple:
        return Reply(200, codec.dumps({"tasks": [worded(each) for each in result]}))
    if request.endpoint == "log":
        return Reply(200, codec.dumps(logged(result)))
    body = codec.dumps(worded(result))
    if (request.endpoint, request.method) == ("tasks", "POST"):
        return Reply(201, body, headers=(("Location", f"/api/tasks/{result.task.id}"),))
    return Reply(202 if request.endpoint in {"run", "stop", "test"} else 200, body)


def worded(kept: Kept) -> JsonObject:
    """Write a task as JSON; of secrets only the names; times are ISO 8601, null for none."""
    task, runs = kept.task, kept.runs
    last = runs.results[0] if runs.results else None
    return {
        **of_task(task),
        "status": status(task, runs),
        "next_at": _time(kept.next_at),
        "running_since": _time(runs.started_at if runs.worker else 0),
        "worker": runs.worker,
        "failures": runs.failures,
        "state": dict(runs.state),
        "imports": [_of_import(each) for each in runs.files.values()],
        "last": _result(last) if last else None,
    }


def of_task(task: Task) -> JsonObject:
    """Write a definition."""
    record = asdict(task)
    del record["since"]
    record["secrets"] = sorted(task.secrets)
    for name in _TASK_TIMES:
        record[name] = _time(record[name])
    return record


def status(task: Task, runs: Runs) -> str:
    """Say in a word how it goes."""
    if runs.worker:
        return "running"
    if runs.asked_at:
        return "asked"
    if not task.enabled:
        return "disabled"
    if runs.failures:
        return "failing"
    return "done" if task.once and runs.handled >= task.since else "waiting"


def logged(kept: Kept) -> JsonObject:
    """Write what is known of the runs of a task."""
    runs = kept.runs
    return {
        "id": kept.task.id,
        "runs": [_result(each) for each in runs.results],
        "log": list(runs.log),
        "tried": list(runs.tried),
    }


def of_template(template: Template) -> JsonObject:
    """Write a template, without its script, which is long."""
    parameters = [
        {
            "name": each.name,
            "description": each.text,
            "required": each.required,
            "secret": each.secret,
        }
        for each in template.parameters
    ]
    return {"name": template.name, "description": template.text, "parameters": parameters}


def _of_import(kept: Mapping[str, Any]) -> JsonObject:
    """Say how far an import of files is; ``read`` and ``size`` are of the file under way."""
    done = inside(kept, "state")
    return {
        "began": _time(done.get("began", 0)),
        "rows": done.get("sent", 0),
        "rejected": done.get("rejected", 0),
        "file": kept.get("at", ""),
        "read": kept.get("read", 0),
        "size": kept.get("size", 0),
    }


def _result(result: Result) -> JsonObject:
    record = asdict(result)
    for name in _RESULT_TIMES:
        record[name] = _time(record[name])
    return record


def _time(ms: int) -> str | None:
    return iso(ms) if ms else None
