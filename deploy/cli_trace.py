"""``headrace trace``: where one event is, and how it came there."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from deploy.cli_dead import Moment
from deploy.cli_fields import Duration
from deploy.cli_options import data_option, read_settings, speaks_plainly
from deploy.tier import clock
from schemas import ids

if TYPE_CHECKING:
    from deploy.settings import Settings
    from deploy.trace import Trace, Wanted

_NOWHERE: Final = frozenset({"unknown", "missing"})


@click.command()
@click.argument("event_id")
@click.option(
    "--source",
    default="",
    metavar="ID",
    help="Look in this source's raw topic only; needed where "
    "EVENT_ID is the client's own id and no UUID.",
)
@click.option(
    "--since",
    type=Moment(),
    help="Read topics from then: 2h, 7d, or 2026-11-21T13:00Z [from "
    "when it was received, as the table or the id tells].",
)
@click.option(
    "--window",
    type=Duration(),
    default="15m",
    show_default=True,
    help="How much time of the topics to read; repetitions later than that are not seen.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people or for programs.",
)
@data_option
@speaks_plainly
def trace(
    event_id: str,
    source: str,
    since: int | None,
    window: int,
    output_format: str,
    data: Path | None,
) -> None:
    """Tell the whole way of one event: received, processed, stored or dead, and where it waits.

    Reads the tables, then the topics around the moment when the event was received; belongs to no
    consumer group and moves no offset. An event that is not in the tables is looked for in every
    raw topic: around the time in its id where that is a UUIDv7, else as far back as --window says.
    Exits with 1 when the event is nowhere.
    """
    from deploy.told import as_json, told
    from deploy.trace import Wanted
    from schemas import codec

    settings = read_settings(data=data)
    wanted = Wanted(_id_of(event_id.strip(), source), source, since, 1000 * window)
    found = asyncio.run(_trace(settings, wanted))
    if output_format == "json":
        click.echo(codec.dumps(as_json(found)))
    else:
        for line in told(found, clock()):
            click.echo(line)
    sys.exit(1 if found.state in _NOWHERE else 0)


def _id_of(text: str, source: str) -> str:
    if not ids.is_uuid(text) and not source:
        raise click.UsageError(
            f"{text!r} is no UUID: name the --source whose client sent that id, or give event_id"
        )
    return ids.event_id(source, text)


async def _trace(settings: "Settings", wanted: "Wanted") -> "Trace":
    from deploy.trace import trace as follow

    with click.progressbar(length=1, label="reading", file=sys.stderr) as bar:

        def progress(done: int, of: int) -> None:
            bar.length = max(1, of)
            bar.update(done - bar.pos)

        return await follow(settings, wanted, clock(), progress)
