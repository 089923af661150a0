"""``headrace tail``: events live, as they pass each stage."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.cli_dead import Moment
from deploy.cli_options import data_option, read_settings, speaks_plainly

if TYPE_CHECKING:
    from deploy.passing import Passing, Stage

_STAGES: "tuple[Stage, ...]" = ("raw", "events", "dead", "stored")


@click.command()
@click.option("--source", default="", metavar="ID", help="Of this event source only.")
@click.option(
    "--stage",
    "stages",
    type=click.Choice(_STAGES),
    multiple=True,
    help="Where they pass: as accepted, as processed, as failed, as seen in the table; may be "
    "given several times [all].",
)
@click.option(
    "--since", type=Moment(), help="Begin there: 5m, or 2026-11-21T13:00Z [with what comes now]."
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="A line for people, with times in UTC, or a JSON object on each line.",
)
@data_option
@speaks_plainly
def tail(
    source: str,
    stages: "tuple[Stage, ...]",
    since: int | None,
    output_format: str,
    data: Path | None,
) -> None:
    """Show events live as they pass each stage: time, stage, source, type, profile, id.

    Belongs to no consumer group and moves no offset; whoever reads more slowly than events come
    is told how many are left out. Headrace's own heartbeat is shown with --source _heartbeat.
    Ctrl-C ends it.
    """
    from deploy.watch import Watch

    def say(text: str) -> None:
        click.secho(text, err=True, dim=True)

    show = _print_json if output_format == "json" else _print_text
    watch = Watch(read_settings(data=data), stages or _STAGES, source, since, show, say)
    with contextlib.suppress(KeyboardInterrupt):
        try:
            asyncio.run(watch.run())
        except BrokenPipeError:
            # Whoever read has seen enough; Python would complain about it once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_text(found: "Sequence[Passing]") -> None:
    from deploy.passing import COLOURS

    lines = [
        f"{each.clock()} {click.style(f'{each.stage:<6}', fg=COLOURS[each.stage])} {each.text()}"
        for each in found
    ]
    if lines:
        click.echo("\n".join(lines))


def _print_json(found: "Sequence[Passing]") -> None:
    if found:
        click.echo(b"\n".join(each.json() for each in found))
