"""``headrace webhooks``: requests of other services, and the scripts that make events of them."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from deploy.cli_desk import do, print_json
from deploy.cli_kafka import Contents
from deploy.cli_options import data_option, speaks_plainly
from deploy.cli_webhook_fields import OPTIONS, Json, Pair
from schemas.errors import Malformed
from schemas.webhook_commands import (
    ActivateWebhook,
    ChangeWebhook,
    CreateWebhook,
    DeleteWebhook,
    ListWebhooks,
    ShowWebhook,
    TestWebhook,
)
from schemas.webhooks import Webhook

_EXAMPLE: Final = """\
\b
Examples:
  headrace webhooks create pay --source shop --template stripe --secret @whsec.txt
  headrace webhooks test pay
  headrace webhooks activate pay
  headrace webhooks update pay --script pay.js
  headrace webhooks test pay --body @sample.json --header content-type=application/json
"""
_ROW: Final = "{:<24} {:<10} {:<16} {:<8} {:<8} {}"
_PLAIN: Final = (
    "answer",
    "collects",
    "delivery",
    "description",
    "echo",
    "enabled",
    "milliseconds",
    "name",
    "script",
    "signature",
)
_id = click.argument("webhook_id", metavar="ID")


def _fields(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def _given(said: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    context = click.get_current_context()
    fields = {
        name: said[name]
        for name in _PLAIN
        if said[name] is not None or _is_said(context, name)  # null takes a signature away
    }
    if said["secrets"]:
        fields["secrets"] = [each.strip() for each in said["secrets"]]
    if said["parameters"]:
        fields["parameters"] = {**known, **dict(said["parameters"])}
    return fields


def _is_said(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


@click.group()
def webhooks() -> None:
    """Take requests of other services, and make events of them: JavaScript in a sandbox.

    A new script is a new version. It runs once it has passed `test` and was named to `activate`;
    older versions stay and can be activated again. Requests that a script fails on are dead
    letters with its stack: correct it, then `headrace dead replay`.
    """


@webhooks.command(epilog=_EXAMPLE)
@_id
@click.option("--source", required=True, help="Event source whose events these are.")
@click.option("--template", default="", help="In place of a script; see `templates`.")
@_fields
@data_option
@speaks_plainly
def create(webhook_id: str, source: str, template: str, data: Path | None, **said: Any) -> None:
    """Make a webhook; the sender posts to its path with a write key of the source."""
    fields = {"id": webhook_id, "source": source, "template": template, **_given(said, {})}
    _print(do(CreateWebhook(fields), data))


@webhooks.command("list")
@data_option
@speaks_plainly
def list_(data: Path | None) -> None:
    """List all webhooks, one a line."""
    click.echo(_ROW.format("webhook", "status", "source", "active", "newest", "name"))
    for each in do(ListWebhooks(), data):
        status = "disabled" if not each.enabled else "active" if each.active else "inactive"
        newest = each.versions[-1].number
        cells = each.id, status, each.source, each.active or "-", newest, each.name
        click.echo(_ROW.format(*cells).rstrip())


@webhooks.command()
@_id
@click.option("--script", "only", is_flag=True, help="Print the script alone.")
@click.option("--version", type=int, default=0, help="Of this version [the active one].")
@data_option
@speaks_plainly
def show(webhook_id: str, only: bool, version: int, data: Path | None) -> None:
    """Print a webhook as JSON, or the script of a version."""
    webhook = do(ShowWebhook(webhook_id), data)
    if not only:
        _print(webhook)
        return
    found = webhook.version(version) or (webhook.versions[-1] if not version else None)
    if found is None:
        raise click.ClickException(f"webhook {webhook_id} has no version {version}")
    click.echo(found.script)


@webhooks.command()
@_id
@_fields
@data_option
@speaks_plainly
def update(webhook_id: str, data: Path | None, **said: Any) -> None:
    """Change a webhook: what is not named stays. Another script is another version."""
    known = do(ShowWebhook(webhook_id), data).parameters if said["parameters"] else {}
    _print(do(ChangeWebhook(webhook_id, _given(said, known)), data))


@webhooks.command()
@_id
@click.option("--version", type=int, default=0, help="[the newest]")
@click.option("--sample", type=Json(), help='{"body": …, "headers": {…}, "query": {…}}')
@click.option("--body", type=Contents(), help="Body of the sample, or @FILE, or @-.")
@click.option("--header", "headers", type=Pair(), multiple=True, help="Of the sample; repeatable.")
@click.option("--query", "queries", type=Pair(), multiple=True, help="Of the sample; repeatable.")
@data_option
@speaks_plainly
def test(
    webhook_id: str,
    version: int,
    sample: dict[str, Any] | None,
    body: str | None,
    headers: tuple[tuple[str, str], ...],
    queries: tuple[tuple[str, str], ...],
    data: Path | None,
) -> None:
    """Try a version on a sample and print its events; nothing is stored but that it passed.

    Without a sample those of its template are taken. Exits with 1 when the script fails.
    """
    from schemas.wire.webhooks.calls import sample_of, tried

    given: dict[str, Any] | None = sample
    if body is not None or headers or queries:
        given = {**(sample or {}), "headers": dict(headers), "query": dict(queries)}
        given |= {} if body is None else {"body": body}
    try:
        read = None if given is None else sample_of(given)
    except Malformed as error:
        raise click.ClickException(error.message) from error
    found = tried(do(TestWebhook(webhook_id, read, version), data))
    print_json(found)
    sys.exit(0 if found["passed"] else 1)


@webhooks.command()
@_id
@click.option("--version", type=int, default=0, help="[the newest]")
@data_option
@speaks_plainly
def activate(webhook_id: str, version: int, data: Path | None) -> None:
    """Let a version that passed a test run from now on, also for what is replayed."""
    found = do(ActivateWebhook(webhook_id, version), data)
    click.echo(f"{found.id}: version {found.active} runs within seconds.")


@webhooks.command()
@_id
@data_option
@speaks_plainly
def delete(webhook_id: str, data: Path | None) -> None:
    """Take a webhook away with its versions and secrets; its events stay."""
    do(DeleteWebhook(webhook_id), data)
    click.echo(f"{webhook_id} is gone; its events stay.")


@webhooks.command()
@click.argument("name", required=False)
@data_option
@speaks_plainly
def templates(name: str | None, data: Path | None) -> None:  # noqa: ARG001 - as all commands
    """List what is ready to be used, or print one: its script, signature and samples."""
    from deploy.webhooks.templates import every, find
    from schemas.wire.webhooks.calls import of_template

    if name:
        try:
            print_json(of_template(find(name)))
        except Malformed as error:
            raise click.ClickException(error.message) from error
        return
    for template in every():
        click.echo(f"{template.name:<10} {template.text}")
        click.echo(f"{'':<10}   --secret: {template.secret}")


def _print(webhook: Webhook) -> None:
    """Print a webhook without its scripts, which are long."""
    from schemas.wire.webhooks.calls import worded

    shown = worded(webhook)
    for each in shown["versions"]:
        each["script"] = f"{len(each['script'])} characters"
    print_json(shown)
