"""The fields of a scheduled task as options of ``headrace tasks``."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import click

from deploy.cli_fields import Duration
from deploy.cli_kafka import Contents
from schemas import codec
from schemas.errors import Malformed
from schemas.tasks import MISSED

_PLAIN: Final = ("source", "template", "every", "cron", "timezone", "missed", "timeout")
_OTHERS: Final = ("description", "enabled")


class Script(Contents):
    """JavaScript out of a file."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Read it; - is standard input."""
        return super().convert(f"@{value}", param, ctx)


class Parameter(click.ParamType):
    """``NAME=TEXT`` or ``NAME:=JSON``."""

    name = "name=text|name:=json"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        """Read it; fails with a sentence for anything else."""
        name, equals, text = str(value).partition("=")
        if not equals or not name.strip(":"):
            self.fail(f"{value!r} is not NAME=TEXT or NAME:=JSON", param, ctx)
        if not name.endswith(":"):
            return name, text
        try:
            return name.removesuffix(":"), codec.loads(text)
        except Malformed as error:
            self.fail(f"{name} what follows := is no JSON: {error.message}", param, ctx)


class Secret(Contents):
    """``NAME=TEXT``, or ``NAME=@FILE`` for what is in a file."""

    name = "name=@file|name=text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it; fails with a sentence that does not repeat it."""
        name, equals, text = str(value).partition("=")
        if not equals or not name:
            self.fail("a secret is NAME=@FILE, NAME=@- or NAME=TEXT", param, ctx)
        return name, super().convert(text, param, ctx) or None


_OPTIONS: Final[list[Callable[..., Any]]] = [
    click.option("--source", help="Event source whose events its are."),
    click.option(
        "--script", type=Script(), help="JavaScript with a function run; - is standard input."
    ),
    click.option("--template", help="In place of a script; see `headrace tasks templates`."),
    click.option("--every", type=Duration(), help="From one run to the next, e.g. 15m."),
    click.option("--cron", help="Five fields, e.g. '0 3 * * *', or @daily, in place of --every."),
    click.option("--timezone", help="Of --cron, e.g. Europe/Berlin [UTC]."),
    click.option(
        "--missed",
        type=click.Choice(MISSED),
        help="Runs whose time went by while nothing ran: left out, the last made up, or each "
        "[latest].",
    ),
    click.option("--timeout", type=Duration(), help="That a run may take, at most 1h [5m]."),
    click.option(
        "--param",
        "parameters",
        type=Parameter(),
        multiple=True,
        help="Given to the script; repeatable.",
    ),
    click.option(
        "--secret",
        "secrets",
        type=Secret(),
        multiple=True,
        help="Sealed and never shown; @- is standard input, nothing takes it away; repeatable.",
    ),
    click.option(
        "--allow",
        multiple=True,
        help="Network that is not public and may be reached, e.g. 10.1.0.0/16; repeatable.",
    ),
    click.option("--description", help="What it is for."),
]
enabled_option = click.option(
    "--enabled/--disabled", "enabled", default=None, help="Whether it runs at its times [enabled]."
)


def task_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a task's fields."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def fields_of(said: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give the fields that were said.

    Args:
        known: parameters that stay unless others are said.
    """
    fields = {name: said[name] for name in (*_PLAIN, *_OTHERS) if said.get(name) is not None}
    if said["script"] is not None:
        fields["script"] = said["script"]
    if said["parameters"]:
        fields["parameters"] = {**(known or {}), **dict(said["parameters"])}
    if said["secrets"]:
        fields["secrets"] = dict(said["secrets"])
    if said["allow"]:
        fields["allow"] = [each for each in said["allow"] if each != "none"]
    return fields
