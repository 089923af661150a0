"""The fields of a webhook as options of ``headrace webhooks``."""

from collections.abc import Callable
from typing import Any, Final

import click

from deploy.cli_kafka import Contents
from deploy.cli_task_fields import Parameter, Script
from schemas import codec
from schemas.errors import Malformed
from schemas.webhooks import ANSWERS


class Json(Contents):
    """JSON, or ``@FILE`` with it."""

    name = "json|@file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read it; fails with a sentence for anything else."""
        try:
            return codec.loads(super().convert(value, param, ctx))
        except Malformed as error:
            self.fail(f"this is no JSON: {error.message}", param, ctx)


class Pair(click.ParamType):
    """``NAME=TEXT``."""

    name = "name=text"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Read it; fails with a sentence for anything else."""
        name, equals, text = str(value).partition("=")
        if not equals or not name:
            self.fail(f"{value!r} is not NAME=TEXT", param, ctx)
        return name, text


OPTIONS: Final[list[Callable[..., Any]]] = [
    click.option("--name", help="For people."),
    click.option("--description", help="What it is for."),
    click.option(
        "--script",
        type=Script(),
        help="JavaScript with a function transform(request, parameters); - is standard input.",
    ),
    click.option(
        "--signature",
        type=Json(),
        help='How the sender signs, e.g. {"at": "header:x-sign", "algorithm": "sha256"}; null for '
        "not at all. `headrace webhooks templates stripe` shows one.",
    ),
    click.option(
        "--secret",
        "secrets",
        type=Contents(),
        multiple=True,
        help="What the sender signs with, or @FILE, or @- for standard input; takes the place of "
        "those there are; repeatable while one is rotated. Sealed, and never shown.",
    ),
    click.option(
        "--param",
        "parameters",
        type=Parameter(),
        multiple=True,
        help="Given to the script; repeatable.",
    ),
    click.option(
        "--answer",
        type=click.Choice(ANSWERS),
        help="json: 200 once the request is safe; blank: without a body; empty: 204; rakam: 1 or "
        "0 once the events are known [json].",
    ),
    click.option("--delivery", help="Where deliveries are told apart, e.g. header:x-delivery."),
    click.option("--echo", help="Text that is the whole answer, e.g. json:challenge."),
    click.option(
        "--collects/--no-collects",
        default=None,
        help="Whether Tracardi's /collect of the source goes this way, too [no].",
    ),
    click.option(
        "--milliseconds", type=int, help="Processor time of the script for one request [250]."
    ),
    click.option("--enabled/--disabled", default=None, help="Whether requests are let in."),
]
