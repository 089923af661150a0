"""``headrace tasks``: scheduled tasks, and the tier that runs them."""

from pathlib import Path
from typing import Any, Final

import click

from deploy import tier as tier_
from deploy.cli_desk import do, print_json, worked
from deploy.cli_options import data_option, read_settings, speaks_plainly
from deploy.cli_task_fields import enabled_option, fields_of, task_options
from schemas.task_commands import (
    ChangeTask,
    CreateTask,
    DeleteTask,
    ForgetState,
    Kept,
    ListTasks,
    RunTask,
    ShowTask,
    StopRun,
)

_EXAMPLE: Final = """\
\b
Examples:
  headrace tasks create orders --source shop --every 15m --template json-api \\
    --param url=https://api.example/v1/orders --param items=data --param next=next_cursor \\
    --param collection=order --param id=id --param time=created_at --secret token=@token.txt
  headrace tasks create rates --source shop --cron '0 6 * * 1-5' --timezone Europe/Berlin \\
    --script rates.js
  headrace tasks create history --source shop --template files --param from=s3://bucket/2026/ \\
    --secret access_key_id=@key.txt --secret secret_access_key=@secret.txt
"""
_ROW: Final = "{:<24} {:<10} {:<16} {:<24} {:<24} {}"
_id = click.argument("task_id")


@click.group()
def tasks() -> None:
    """Fetch from other services at set times, and store events: JavaScript in a sandbox.

    `headrace tasks work` runs them; `headrace up` starts it with the first task.
    """


@tasks.command(epilog=_EXAMPLE)
@_id
@task_options
@enabled_option
@data_option
@speaks_plainly
def create(task_id: str, data: Path | None, **said: Any) -> None:
    """Make a task; it runs for the first time at once, with --cron at its next time.

    Without --every and --cron it runs once: `--template files` imports files.
    """
    _print(do(CreateTask({"id": task_id, **fields_of(said)}), data))


@tasks.command("list")
@data_option
@speaks_plainly
def list_(data: Path | None) -> None:
    """List all tasks: how it goes, when each runs next, how it last went."""
    from schemas.wire.tasks.replies import worded

    click.echo(_ROW.format("task", "status", "source", "next", "last", "result"))
    for kept in do(ListTasks(), data):
        shown = worded(kept)
        last = shown["last"] or {}
        result = last.get("code") or (f"{last['events']} events" if last else "")
        click.echo(
            _ROW.format(
                shown["id"],
                shown["status"],
                shown["source"],
                shown["next_at"] or "-",
                last.get("ended_at") or "-",
                result,
            ).rstrip()
        )


@tasks.command()
@_id
@data_option
@speaks_plainly
def show(task_id: str, data: Path | None) -> None:
    """Print a task, its state and its last result as JSON."""
    _print(do(ShowTask(task_id), data))


@tasks.command()
@_id
@task_options
@enabled_option
@data_option
@speaks_plainly
def update(task_id: str, data: Path | None, **said: Any) -> None:
    """Change a task: what is not named stays; of parameters and secrets as well.

    --allow replaces all networks, `--allow none` takes them away. Another schedule counts from
    now on.
    """
    known = do(ShowTask(task_id), data).task.parameters if said["parameters"] else {}
    _print(do(ChangeTask(task_id, fields_of(said, known)), data))


@tasks.command()
@_id
@data_option
@speaks_plainly
def enable(task_id: str, data: Path | None) -> None:
    """Let a task run at its times again, from now on."""
    _print(do(ChangeTask(task_id, {"enabled": True}), data))


@tasks.command()
@_id
@data_option
@speaks_plainly
def disable(task_id: str, data: Path | None) -> None:
    """Keep a task from running at its times; one that is under way ends."""
    _print(do(ChangeTask(task_id, {"enabled": False}), data))


@tasks.command()
@_id
@data_option
@speaks_plainly
def delete(task_id: str, data: Path | None) -> None:
    """Take a task away with its state and its secrets; its events stay."""
    do(DeleteTask(task_id), data)
    click.echo(f"{task_id} is gone; its events stay.")


@tasks.command()
@_id
@click.option("--dry", is_flag=True, help="Store nothing; `log` has the events.")
@data_option
@speaks_plainly
def run(task_id: str, dry: bool, data: Path | None) -> None:
    """Have a worker run a task now, whether it is enabled or not, and do not wait for it."""
    _print(do(RunTask(task_id, dry=dry), data))


@tasks.command()
@_id
@data_option
@speaks_plainly
def stop(task_id: str, data: Path | None) -> None:
    """End the run that is under way; what it stored stays, and it is not tried again."""
    _print(do(StopRun(task_id), data))


@tasks.command()
@_id
@data_option
@speaks_plainly
def forget(task_id: str, data: Path | None) -> None:
    """Let a task begin anew: its state is emptied, and its failures are forgotten."""
    _print(do(ForgetState(task_id), data))


@tasks.command()
@_id
@data_option
@speaks_plainly
def log(task_id: str, data: Path | None) -> None:
    """Print the results of the last runs, and what the latest of them logged."""
    from schemas.wire.tasks.replies import logged

    said = logged(do(ShowTask(task_id), data))
    for each in reversed(said["runs"]):
        why = f"  {each['code']}: {each['message']}" if each["code"] else ""
        how = " by hand" * each["by_hand"] + " dry" * each["dry"]
        events = f"{each['events']} events"
        click.echo(f"{each['started_at']}  {each['outcome']:<6}  {events}{how}{why}")
        for line in each["stack"].splitlines():
            click.echo(f"    {line}")
    for line in said["log"]:
        click.echo(f"  | {line}")
    for event in said["tried"]:
        click.echo(f"  > {_line(event)}")


@tasks.command()
@click.argument("task_id", required=False)
@task_options
@data_option
@speaks_plainly
def test(task_id: str | None, data: Path | None, **said: Any) -> None:
    """Run a script here and now, and store nothing: print its log and its events.

    With TASK_ID it is the task's, with its state and secrets, and the options stand above what the
    task says. Exits with 1 when it fails.
    """
    from deploy.tasks.attempt import attempt

    failed, lines, events = worked(
        attempt(read_settings(data=data), task_id or "", fields_of(said))
    )
    for line in lines:
        click.echo(f"  | {line}", err=True)
    for event in events:
        click.echo(_line(event))
    if failed is not None:
        stack = f"\n{failed.stack}" if failed.stack else ""
        raise click.ClickException(f"{failed.message} ({failed.code}){stack}")


@tasks.command()
@click.argument("name", required=False)
@data_option
@speaks_plainly
def templates(name: str | None, data: Path | None) -> None:  # noqa: ARG001 - as all commands
    """List the scripts that are ready to be used, or print one."""
    from deploy.tasks.templates import every, find

    if name:
        click.echo(find(name).script)
        return
    for template in every():
        click.echo(f"{template.name}  {template.text}")
        for each in template.parameters:
            option = "--secret" if each.secret else "--param"
            need = " (needed)" if each.required else ""
            click.echo(f"  {option:<8} {each.name:<13} {each.text}{need}")


@tasks.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--metrics-port", type=int, help="Serve /healthz, /readyz and /metrics there (0: a free port)."
)
@speaks_plainly
def work(host: str, metrics_port: int | None) -> None:
    """Run tasks, in the foreground. To scale, start another.

    Workers share the tasks among them; each runs at one of them at a time, and goes on at another
    when its worker dies.
    """
    from deploy.tasks.tier import work as run_work

    tier_.run(
        "tasks",
        read_settings(),
        lambda tier: run_work(tier, host=host, metrics_port=metrics_port),
    )


def _print(kept: Kept) -> None:
    from schemas.wire.tasks.replies import worded

    print_json(worded(kept))


def _line(event: Any) -> str:
    from schemas import codec

    return codec.dumps(event).decode()
