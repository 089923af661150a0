"""``headrace links``: signed links and pixels for mails, one or many."""

import csv
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click

from deploy.cli_desk import print_json, worked
from deploy.cli_fields import Duration
from deploy.cli_options import data_option, read_settings, speaks_plainly
from deploy.tier import clock
from schemas.signed import Link, MadeLink, MakeLinks

_AT_ONCE: Final = 1_000
_COLUMN: Final = "recipient"
_ADDED: Final = ("link", "pixel")
_EXAMPLE: Final = """\
\b
Examples:
  headrace links make --source shop --to https://shop.example/sale --campaign summer --recipient ann
  headrace links make --source shop --to https://shop.example/sale --campaign summer --csv \\
    < recipients.csv > mailing.csv
"""


@click.group()
def links() -> None:
    """Make links and pixels that record who followed and who opened them."""


@links.command(epilog=_EXAMPLE)
@click.option("--source", "source_id", required=True, help="Whose events the visits are.")
@click.option("--to", "target", default="", help="Where a click leads; without it only a pixel.")
@click.option("--campaign", default="", help="Name of the mailing; also becomes utm_campaign.")
@click.option("--recipient", default="", help="Id of the user to whom it is sent.")
@click.option("--event-type", default="", help="Of a click. [default: link_clicked]")
@click.option("--open-type", default="", help="Of an opening. [default: email_opened]")
@click.option(
    "--property",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="Property of the events; payload@params.NAME as a value takes the query parameter NAME "
    "of the visit, session@id its session. May be repeated.",
)
@click.option("--expires-in", type=Duration(), default=0, help="E.g. 30d; then a click is refused.")
@click.option(
    "--csv",
    "many",
    is_flag=True,
    help="Read CSV with a column recipient from standard input; print it with columns link and "
    "pixel. Columns to and campaign, where they are, stand above the options.",
)
@data_option
@speaks_plainly
def make(
    source_id: str, pairs: tuple[str, ...], many: bool, data: Path | None, **said: Any
) -> None:
    """Print a link and a pixel as JSON, or those of many recipients as CSV.

    Each carries what it records, signed with the installation's secret: nothing is stored, and
    whoever changes one is sent nowhere. Set HEADRACE_URL to the address under which recipients
    reach the ingest.
    """
    end = clock() + said["expires_in"] * 1000 if said["expires_in"] else 0
    link = Link(
        said["target"],
        said["campaign"],
        said["recipient"],
        said["event_type"],
        dict(_pair(pair) for pair in pairs),
        end,
    )
    wanted = MakeLinks(source_id, (link,), said["open_type"])
    worked(_csv(wanted, data) if many else _one(wanted, data))


async def _one(wanted: MakeLinks, data: Path | None) -> None:
    from deploy.desk import open_desk
    from schemas.wire.manage.linking import worded

    settings = read_settings(data=data)
    async with open_desk(settings, clock=clock) as desk:
        made = await desk.do(wanted)
    print_json(worded(made)["links"][0])


async def _csv(wanted: MakeLinks, data: Path | None) -> None:
    from deploy.desk import open_desk

    rows = csv.DictReader(sys.stdin)
    # spreadsheets begin a file with a byte order mark
    rows.fieldnames = names = [name.strip("\ufeff ") for name in rows.fieldnames or ()]
    if _COLUMN not in names:
        raise click.ClickException(f"the first line names the columns, {_COLUMN} among them")
    out = csv.DictWriter(sys.stdout, [*(n for n in names if n not in _ADDED), *_ADDED])
    out.writeheader()
    async with open_desk(read_settings(data=data), clock=clock) as desk:
        for chunk in iter(lambda: tuple(islice(rows, _AT_ONCE)), ()):
            links = tuple(_of_row(wanted.links[0], row) for row in chunk)
            made = await desk.do(replace(wanted, links=links))
            out.writerows(_with(chunk, made))


def _of_row(link: Link, row: Mapping[str, str | None]) -> Link:
    return replace(
        link,
        target=row.get("to") or link.target,
        campaign=row.get("campaign") or link.campaign,
        recipient=(row[_COLUMN] or "").strip(),
    )


def _with(rows: tuple[dict[str, str], ...], made: tuple[MadeLink, ...]) -> Iterator[dict[str, str]]:
    for row, each in zip(rows, made, strict=True):
        known = {name: value for name, value in row.items() if name is not None}
        yield known | {"link": each.link, "pixel": each.pixel}


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or not name.strip():
        raise click.ClickException(f"--property takes KEY=VALUE, not {text!r}")
    return name.strip(), value
